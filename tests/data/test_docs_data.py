from __future__ import annotations

import doctest
import re
from pathlib import Path

import numpy as np
import pytest

from tests.data.files import write_precomp
from vsebench.data.described import dataset_component
from vsebench.data.open import open_dataset
from vsebench.data.reading import read_captions
from vsebench.plugin import DataError
from vsebench.plugin.host.loader import load_plugins

PAGE = Path(__file__).parents[2] / "docs" / "data.md"


def test_the_examples_print_what_the_page_shows():
    examples = doctest.DocTestParser().get_doctest(PAGE.read_text(), {}, PAGE.name, None, 0)
    assert len(examples.examples) >= 6
    assert doctest.DocTestRunner().run(examples).failed == 0


def test_text_of_another_encoding_is_refused_as_the_page_shows(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("train_caps.txt").write_bytes("un chat\ndeux cafés\n".encode("latin-1"))
    with pytest.raises(DataError) as error:
        read_captions(Path("train_caps.txt"))
    assert f"```text\n{error.value}\n```" in PAGE.read_text()


def test_the_documented_data_set_works(tmp_path):
    (source,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    (tmp_path / "mine.py").write_text(source)
    root = tmp_path / "root"
    (root / "mine").mkdir(parents=True)
    for split in ("train", "dev", "test"):
        np.savez(
            root / "mine" / f"{split}.npz",
            features=np.ones((2, 3, 4), np.float32),
            captions=["a dog", "a cat", "a cow"],
            owner=np.array([0, 1, 1]),
        )
    component = load_plugins((str(tmp_path / "mine.py"),)).registry.get("dataset", "mine")
    opened = open_dataset(component, {}, data_roots=[root])
    assert opened.path == root / "mine"
    assert opened.data.splits["dev"].captions == ["a dog", "a cat", "a cow"]
    assert len(opened.fingerprint) == 16


def test_the_documented_descriptor_names_a_set(tmp_path):
    (source,) = re.findall(r"```toml\n(.*?)```", PAGE.read_text(), re.DOTALL)
    root = write_precomp(tmp_path / "folder")
    (root / "dataset.toml").write_text(source)
    component = dataset_component(load_plugins().registry, "mine", [tmp_path])
    assert component.card.licence == "CC BY 4.0"
    assert open_dataset(component, {}).path == root


def test_the_documented_data_sets_are_all_there_are():
    table = PAGE.read_text().partition("| name |")[2].partition("\n\n")[0]
    listed = {
        name
        for row in table.splitlines()[2:]
        for name in re.findall(r"`([\w-]+)`", row.split("|")[1])
    }
    assert listed == {
        c.name
        for c in load_plugins().registry
        if c.kind == "dataset" and c.origin.distribution == "vsebench"
    }
