"""Names of one's own: `dataset.toml` beside the data."""

from __future__ import annotations

import pytest

from tests.data.files import write_precomp
from vsebench.data.described import (
    DESCRIPTOR,
    Descriptor,
    check_name,
    dataset_component,
    descriptor_text,
    read_descriptor,
    with_described,
)
from vsebench.data.open import open_dataset
from vsebench.plugin import DataError, SpecError
from vsebench.plugin.host.loader import load_plugins


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.delenv("VSEBENCH_DATA", raising=False)
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")


@pytest.fixture
def registry():
    return load_plugins().registry


@pytest.fixture
def root(tmp_path):
    folder = write_precomp(tmp_path / "root" / "folder")
    (folder / DESCRIPTOR).write_text(
        'name = "mine"\nlayout = "precomp"\nlicence = "CC0"\ncitation = "Ours, 2026."\n'
    )
    return tmp_path / "root"


@pytest.mark.parametrize("where", ["root", "root/folder"])
def test_it_is_found_under_a_root_or_in_one(tmp_path, root, registry, where):
    component = dataset_component(registry, "mine", [tmp_path / where])
    assert (component.name, component.card.licence) == ("mine", "CC0")
    assert component.card.published == ()
    opened = open_dataset(component, {}, data_roots=[])
    assert opened.path == root / "folder"
    precomp = open_dataset(registry.get("dataset", "precomp"), {}, data_roots=[root / "folder"])
    assert opened.fingerprint == precomp.fingerprint


def test_the_usual_roots_are_searched_and_named_ones_come_first(
    tmp_path, root, registry, monkeypatch
):
    with pytest.raises(SpecError, match="unknown dataset 'mine'"):
        dataset_component(registry, "mine", [])
    monkeypatch.setenv("VSEBENCH_DATA", str(root))
    assert dataset_component(registry, "mine", []).card.at == str(root / "folder")
    with pytest.raises(SpecError, match="unknown dataset 'mine'"):
        dataset_component(registry, "mine", [], elsewhere=False)
    other = write_precomp(tmp_path / "other")
    (other / DESCRIPTOR).write_text('name = "mine"\nlayout = "flickr30k"\n')
    component = dataset_component(registry, "mine", [other])
    assert (component.card.at, component.card.features) == (str(other), "")


def test_a_registry_gets_what_a_suite_names_and_keeps_its_own(root, registry):
    whole = with_described(registry, ["scenes:images=20", "mine"], [root])
    assert whole.get("dataset", "mine").card.citation == "Ours, 2026."
    assert whole.get("dataset", "scenes") == registry.get("dataset", "scenes")
    with pytest.raises(SpecError, match="unknown dataset 'mine'"):
        registry.get("dataset", "mine")
    (root / "folder" / DESCRIPTOR).write_text('name = "scenes"\nlayout = "precomp"\n')
    assert with_described(registry, ["scenes"], [root]).get("dataset", "scenes").card.generated


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name = ", "is not TOML"),
        ("a" + ".a" * 40 + " = 1", "is not TOML: a key has more than 32 parts"),
        ("a = " + "[" * 100_000, "is not TOML: it is nested too deeply"),
        ('name = "mine"', "lacks layout: expected name and layout"),
        ("name = 3\nlayout = 'precomp'", "name is 3, expected a text"),
        ("nam = 'mine'\nlayout = 'precomp'", "unknown key 'nam': did you mean 'name'"),
        ("name = 'a:b'\nlayout = 'precomp'", "has the name 'a:b': names are letters"),
        ("name = 'mine'\nlayout = 'precom'", "layout: unknown dataset .* did you mean 'precomp'"),
        ("name = 'mine'\nlayout = 'scenes'", "layout 'scenes' is generated"),
    ],
)
def test_a_damaged_descriptor_is_named(root, registry, text, message):
    (root / "folder" / DESCRIPTOR).write_text(text)
    with pytest.raises(DataError, match=rf"dataset\.toml.*{message}") as error:
        dataset_component(registry, "mine", [root])
    assert "\n" not in str(error.value)


def test_what_is_written_is_read_back(tmp_path):
    found = Descriptor("mine", "precomp", 'with "quotes", ünïcode\nand \\lines', "CC0", "")
    (tmp_path / DESCRIPTOR).write_text(descriptor_text(found), encoding="utf-8")
    assert read_descriptor(tmp_path / DESCRIPTOR) == found


def test_names_that_a_set_cannot_have(registry):
    check_name("mine", registry)
    check_name("max", registry)  # a pooling's name is no data set's
    for name in ("", "a b", "a:b", "../x", ".x"):
        with pytest.raises(SpecError, match="a data set cannot be called"):
            check_name(name, registry)
    with pytest.raises(SpecError, match="there is a data set 'coco' already"):
        check_name("coco", registry)
