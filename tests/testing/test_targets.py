"""What a target names."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from tests.plugin.made_up import pooling
from vsebench.plugin import PluginError, SpecError
from vsebench.plugin.host import loader
from vsebench.testing.targets import subjects

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of a plugin project, installed, and the current folder beside it."""
    site = tmp_path / "site"
    info = site / "acme_pool-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-pool\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[vsebench]\nacme = acme_pool_plugin\n")
    (site / "acme_pool_plugin.py").write_text(
        pooling("acme", "acme_pool_plugin:Acme")
        + "\nclass Acme:\n    def __init__(self, k=5): pass\n"
    )
    folder = tmp_path / "acme-pool"
    folder.mkdir()
    (folder / "pyproject.toml").write_text('[project]\nname = "Acme_Pool"\n')
    monkeypatch.syspath_prepend(site)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delitem(sys.modules, "acme_pool_plugin", raising=False)
    loader.load_plugins.cache_clear()
    yield folder
    loader.load_plugins.cache_clear()


def named(target: str, **options: object) -> list[str]:
    return [f"{each.kind} {each.spec}" for each in subjects(target, **options)]  # type: ignore[arg-type]


def test_a_component_with_and_without_parameters() -> None:
    assert named("kmax:k=3") == ["pooling kmax:k=3"]
    assert named("kmax") == ["pooling kmax"]


def test_a_name_of_several_kinds_is_all_of_them() -> None:
    assert named("adaptive") == ["pooling adaptive", "loss adaptive"]
    assert named("adaptive", kind="loss") == ["loss adaptive"]
    assert named("adaptive:tau=0.1", kind="loss") == ["loss adaptive:tau=0.1"]
    assert named("adaptive:tau=0.1") == ["loss adaptive:tau=0.1"]
    assert named("adaptive:mask_padding=false") == ["pooling adaptive:mask_padding=false"]
    with pytest.raises(SpecError, match=r"'adaptive' is a pooling and a loss: .*--kind"):
        named("adaptive:tau=0.1:mask_padding=false")


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("gpo:d_pe=33", "parameter 'd_pe' must be even"),
        ("gpo:generator=interpolation:reads=both", "cannot read features"),
        ("combo:of=max+maxx", "did you mean 'max'"),
        ("flickr8k:dim=10:images=somewhere", "option 'dim' is of its own grid features"),
        ("backbone:model=x:frozen=true:last_blocks=2", "give one of the two"),
    ],
)
def test_parameters_that_contradict_each_other_are_no_broken_promise(
    target: str, message: str
) -> None:
    with pytest.raises(SpecError, match=message):
        named(target)


def test_a_component_that_cannot_be_made_for_another_reason_is_left_to_the_checks(
    project: Path,
) -> None:
    (project.parent / "site" / "acme_pool_plugin.py").write_text(
        "from vsebench.plugin import Card, Param, hookimpl\n"
        "@hookimpl\n"
        "def vsebench_register_poolings(register):\n"
        "    register('acme', 'acme_pool_plugin:Acme', params=[Param('k', 5)], card=Card('a "
        "pooling'))\n"
        "class Acme:\n"
        "    def __init__(self, k=5):\n"
        "        raise ValueError(k)\n"
    )
    assert named("acme:k=3") == ["pooling acme:k=3"]


def test_a_distribution_is_all_of_its_components(project: Path) -> None:
    assert named("acme-pool") == ["pooling acme"]
    assert named("ACME.pool") == ["pooling acme"]
    everything = named("vsebench")
    assert set(everything) >= {
        "pooling gpo",
        "loss aoq",
        "sampler warp",
        "dataset scenes",
        "executor local",
    }


def test_a_projects_folder_is_its_installed_distribution(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert named("acme-pool") == named("./acme-pool") == named(str(project)) == ["pooling acme"]
    monkeypatch.chdir(project)
    assert named(".") == ["pooling acme"]


def test_a_plugin_file_is_checked_without_installing_it(tmp_path: Path) -> None:
    file = tmp_path / "own.py"
    file.write_text(pooling("own", "vsebench_file_own:Own"))
    (found,) = subjects(str(file))
    assert (found.spec, found.plugins) == ("own", (str(file),))
    assert found.source(dim=4) == f'build("pooling", "own", plugins={(str(file),)!r}, dim=4)'


def test_a_project_that_is_not_installed_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "nowhere"\n')
    with pytest.raises(PluginError, match=rf"'nowhere' .*pip install -e {tmp_path}'"):
        named(str(tmp_path))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[project]\n", "names no project.*KeyError"),
        ("[project", "names no project"),
        (None, "has no pyproject.toml"),
    ],
)
def test_a_folder_that_is_no_project_is_an_error(
    tmp_path: Path, content: str | None, message: str
) -> None:
    if content is not None:
        (tmp_path / "pyproject.toml").write_text(content)
    with pytest.raises(PluginError, match=message):
        named(f"{tmp_path}/")


def test_a_plugin_that_fails_is_an_error_with_its_cure(project: Path) -> None:
    (project.parent / "site" / "acme_pool_plugin.py").write_text("import no_such_module_anywhere")
    with pytest.raises(
        PluginError,
        match="'acme' of acme-pool is failed: ModuleNotFoundError",
    ):
        named("acme-pool")


def test_a_disabled_plugin_is_an_error(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VSEBENCH_DISABLE_PLUGINS", "acme-pool")
    with pytest.raises(
        PluginError,
        match=r"'acme' of acme-pool .*VSEBENCH_DISABLE_PLUGINS",
    ):
        named("acme-pool")


@pytest.mark.parametrize(
    ("target", "message"),
    [
        (
            "kmaxx",
            "'kmaxx': did you mean 'kmax'",
        ),
        ("nothing.py", "plugin file 'nothing.py' does not exist"),
    ],
)
def test_what_names_nothing_is_an_error(target: str, message: str) -> None:
    with pytest.raises((SpecError, PluginError), match=message):
        named(target)
