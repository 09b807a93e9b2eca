"""Which plugins are loaded: entry points, files, the lists of the environment, and collisions."""

from __future__ import annotations

import importlib.metadata
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.plugin.made_up import MakePlugin, pooling
from vsebench.plugin import PluginError, SpecError
from vsebench.plugin.host.loader import load_from, load_plugins
from vsebench.plugin.host.sources import entry_point_source

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for variable in ("VSEBENCH_PLUGINS", "VSEBENCH_DISABLE_PLUGINS", "VSEBENCH_STRICT_PLUGINS"):
        monkeypatch.delenv(variable, raising=False)
    load_plugins.cache_clear()
    yield
    load_plugins.cache_clear()


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Installs a distribution with one plugin, as pip leaves it: a module and its metadata."""
    monkeypatch.syspath_prepend(tmp_path)

    def install(dist: str, entry: str, module: str, code: str) -> None:
        (tmp_path / f"{module}.py").write_text(code)
        info = tmp_path / f"{dist.replace('-', '_')}-2.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {dist}\nVersion: 2.0\n")
        (info / "entry_points.txt").write_text(f"[vsebench]\n{entry} = {module}\n")

    return install


def test_first_party_plugins_come_through_entry_points():
    plugins = load_plugins()
    assert plugins.failed == []
    assert {"gpo", "classic", "aoq", "datasets", "encoders", "executors"} <= {
        info.name for info in plugins.infos
    }
    assert {info.distribution for info in plugins.infos if info.name == "gpo"} == {"vsebench"}
    assert "vsebench:gpo" in dict(plugins.manager.list_name_plugin())


def test_an_installed_plugin_is_found(installed):
    installed("acme-poolings", "acme", "acme_poolings_found", pooling("acme"))
    plugins = load_plugins()
    component = plugins.registry.get("pooling", "acme")
    assert (component.origin.distribution, component.origin.plugin, component.origin.version) == (
        "acme-poolings",
        "acme",
        "2.0",
    )


def test_two_distributions_may_use_one_entry_point_name(installed):
    installed("acme-one", "same", "acme_one_same", pooling("one"))
    installed("acme-two", "same", "acme_two_same", pooling("two"))
    registry = load_plugins().registry
    assert registry.get("pooling", "one").origin.distribution == "acme-one"
    assert registry.get("pooling", "two").origin.distribution == "acme-two"


def test_a_name_that_two_distributions_claim_is_reached_through_its_distribution(installed):
    installed("acme-gpo", "theirs", "acme_gpo_theirs", pooling("gpo"))
    registry = load_plugins().registry
    with pytest.raises(SpecError, match=r"pooling 'gpo' .*vsebench::gpo or acme-gpo::gpo"):
        registry.get("pooling", "gpo")
    theirs = registry.get("pooling", "acme-gpo::gpo")
    assert theirs.origin.distribution == "acme-gpo"
    assert registry.spelling(theirs) == "acme-gpo::gpo"
    assert registry.get("pooling", "vsebench::gpo").origin.distribution == "vsebench"
    assert registry.spelling(registry.get("pooling", "mean")) == "mean"
    assert len(registry.find("gpo")) == 2
    assert len(registry.find("acme-gpo::gpo")) == 1
    with pytest.raises(
        SpecError, match=r"unknown pooling 'acme-gpp::gpo': did you mean 'acme-gpo::gpo'\?"
    ):
        registry.get("pooling", "acme-gpp::gpo")


def test_damaged_metadata_does_not_stop_the_others(installed, tmp_path: Path):
    installed("acme-damaged", "x", "acme_damaged", pooling("damaged"))
    (tmp_path / "acme_damaged-2.0.dist-info" / "METADATA").unlink()
    plugins = load_plugins()
    assert plugins.registry.get("pooling", "gpo").origin.distribution == "vsebench"


def test_deny_list_takes_entry_point_and_distribution_names(
    make_plugin: MakePlugin, monkeypatch: pytest.MonkeyPatch
):
    sources = [
        make_plugin(pooling("a"), dist="Acme_One", entry="x"),
        make_plugin(pooling("b"), dist="acme-two", entry="y"),
    ]
    plugins = load_from(sources, deny=frozenset({"acme-one"}))
    assert [info.status for info in plugins.infos] == ["disabled", "loaded"]
    assert [info.status for info in load_from(sources, deny=frozenset({"y"})).infos] == [
        "loaded",
        "disabled",
    ]
    monkeypatch.setenv("VSEBENCH_DISABLE_PLUGINS", " GPO , nobody")
    with pytest.raises(SpecError, match="unknown pooling 'gpo'"):
        load_plugins().registry.get("pooling", "gpo")


def test_allow_list_never_leaves_out_the_first_party(installed, monkeypatch: pytest.MonkeyPatch):
    installed("acme-one", "one", "acme_one_allow", pooling("one"))
    installed("acme-two", "two", "acme_two_allow", pooling("two"))
    monkeypatch.setenv("VSEBENCH_PLUGINS", "acme_one")
    status = {info.name: info.status for info in load_plugins().infos}
    assert (status["one"], status["two"], status["gpo"]) == ("loaded", "disabled", "loaded")
    load_plugins.cache_clear()
    monkeypatch.setenv("VSEBENCH_PLUGINS", "")
    status = {info.name: info.status for info in load_plugins().infos}
    assert (status["one"], status["two"], status["gpo"]) == ("disabled", "disabled", "loaded")


def test_allow_list_with_a_misspelt_name_is_an_error(installed, monkeypatch: pytest.MonkeyPatch):
    installed("acme-one", "one", "acme_one_misspelt", pooling("one"))
    monkeypatch.setenv("VSEBENCH_PLUGINS", "acme-onee")
    with pytest.raises(
        PluginError,
        match=r"VSEBENCH_PLUGINS .*'acme-onee'.*did you mean 'acme-one'\?",
    ):
        load_plugins()


def test_strict_mode_makes_a_failing_plugin_an_error(installed, monkeypatch: pytest.MonkeyPatch):
    installed("acme-broken", "broken", "acme_broken_strict", "1 / 0")
    assert [info.name for info in load_plugins().failed] == ["broken"]
    load_plugins.cache_clear()
    monkeypatch.setenv("VSEBENCH_STRICT_PLUGINS", "0")
    assert load_plugins().failed
    load_plugins.cache_clear()
    monkeypatch.setenv("VSEBENCH_STRICT_PLUGINS", "1")
    with pytest.raises(
        PluginError,
        match=r"'broken' \(acme-broken\) failed: ZeroDivisionError: .*uninstall acme-broken",
    ):
        load_plugins()


def test_a_plugin_file_registers_and_creates_components(tmp_path: Path):
    file = tmp_path / "own.py"
    file.write_text(
        pooling("own", target="vsebench_file_own:Own")
        + "\nclass Own:\n    def __init__(self, k):\n        self.k = k\n"
    )
    component = load_plugins((str(file),)).registry.get("pooling", "own")
    assert component.create({"k": "7"}).k == 7
    assert component.origin.distribution == "own.py"


def test_a_changed_plugin_file_is_another_version(tmp_path: Path):
    file = tmp_path / "own.py"
    versions = []
    for line in ("ONE = 1", "ONE = 2", "ONE = 1"):
        file.write_text(f"{pooling('own')}\n{line}\n")
        load_plugins.cache_clear()
        versions.append(load_plugins((str(file),)).registry.get("pooling", "own").version)
    assert versions[0] == versions[2] != versions[1]
    assert versions[0].startswith("1+")


def test_a_plugin_file_is_loaded_whatever_the_lists_say(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    file = tmp_path / "own.py"
    file.write_text(pooling("own"))
    monkeypatch.setenv("VSEBENCH_PLUGINS", "")
    monkeypatch.setenv("VSEBENCH_DISABLE_PLUGINS", "own,own.py")
    assert load_plugins((str(file),)).registry.get("pooling", "own")


def test_a_missing_or_broken_plugin_file_is_an_error(tmp_path: Path):
    with pytest.raises(PluginError, match=r"'nowhere\.py' does not exist: --plugin "):
        load_plugins(("nowhere.py",))
    broken = tmp_path / "broken.py"
    broken.write_text("import no_such_module_anywhere")
    with pytest.raises(
        PluginError,
        match=r"'broken' \(.*broken\.py\) failed: ModuleNotFoundError.*; fix the file",
    ):
        load_plugins((str(broken),))
    assert "vsebench_file_broken" not in sys.modules


def test_a_checkout_that_was_never_installed_says_so(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(
        importlib.metadata, "entry_points", lambda **_: importlib.metadata.EntryPoints(())
    )
    with pytest.raises(PluginError, match=r"vsebench is not installed.*run 'pip install -e \.'"):
        load_plugins()


def test_an_entry_point_without_a_distribution_is_still_loaded_in_isolation():
    entry = importlib.metadata.EntryPoint(name="odd", group="vsebench", value="not a module!")
    source = entry_point_source(entry)
    assert source.origin.distribution == "unknown"
    (info,) = load_from([source]).infos
    assert info.status == "failed"


def test_loading_every_plugin_imports_nothing_heavy():
    code = (
        "import sys; from vsebench.plugin.host.loader import load_plugins; load_plugins(); "
        "print({'torch', 'pandas', 'transformers', 'pydantic'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("set()\n", "")
