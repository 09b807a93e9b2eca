from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.catalogue.entries import index, toml
from tests.plugin.made_up import pooling
from vsebench.plugin.host import loader

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.cli.fixtures import Call, Prints


@pytest.fixture
def broken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An installed plugin that fails, beside one that works."""
    for name, code in (
        ("acme_broken", "import no_such_module_anywhere"),
        ("acme_good", pooling("acme")),
    ):
        (tmp_path / f"{name}.py").write_text(code)
        info = tmp_path / f"{name}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {name.replace('_', '-')}\nVersion: 1.0\n"
        )
        (info / "entry_points.txt").write_text(f"[vsebench]\n{name} = {name}\n")
    monkeypatch.syspath_prepend(tmp_path)
    loader.load_plugins.cache_clear()
    yield
    loader.load_plugins.cache_clear()


def as_json(call: Call, *arguments: str) -> list[dict[str, Any]]:
    found = json.loads(call("plugins", "--format", "json", *arguments))
    assert (found["schema"], found["api"]) == (1, loader.API_VERSION)
    return found["plugins"]


def test_the_table_shows_what_each_plugin_provides(prints: Prints):
    printed = prints("plugins")
    assert printed.err == ""
    lines = printed.out.splitlines()
    assert lines[0].split() == ["plugin", "distribution", "status", "provides"]
    (gpo,) = [line for line in lines if line.startswith("gpo ")]
    assert gpo.split()[3:] == ["loaded", "pooling:", "gpo"]


def test_trackers_and_run_time_hooks_are_shown_too(
    tmp_path: Path, call: Call, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("COLUMNS", "200")
    hook = "@hookimpl\ndef vsebench_evaluated(run, point): ...\n"
    (tmp_path / "looking.py").write_text(f"from vsebench.plugin import hookimpl\n{hook}")
    (tmp_path / "lines.py").write_text(
        f'from vsebench.plugin import Tracker, hookimpl\nvsebench_tracker = Tracker("own")\n{hook}'
    )
    files = [f"--plugin={tmp_path / name}" for name in ("looking.py", "lines.py")]
    shown = {line.split()[0]: line for line in call("plugins", *files).splitlines() if line}
    assert shown["looking"].endswith("loaded  hooks: vsebench_evaluated")
    assert shown["lines"].endswith("loaded  tracker: own")
    told = {info["name"]: info["tracker"] for info in as_json(call, *files)}
    assert (told["looking"], told["lines"]) == (None, "own")


@pytest.mark.usefixtures("broken")
def test_a_failed_plugin_is_shown_with_its_error_and_hint(
    call: Call, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("COLUMNS", "200")  # nothing wraps
    text = call("plugins", "--failed")
    assert "ModuleNotFoundError: No module named 'no_such_module_anywhere'" in text
    assert (
        "install the missing module 'no_such_module_anywhere', or set "
        "VSEBENCH_DISABLE_PLUGINS=acme-broken" in text
    )
    assert "acme_good" not in text
    (failed,) = as_json(call, "--failed")
    assert (failed["name"], failed["distribution"], failed["status"]) == (
        "acme_broken",
        "acme-broken",
        "failed",
    )


@pytest.mark.usefixtures("broken")
def test_a_kind_narrows_plugins_and_components(call: Call):
    found = {info["name"]: info["components"] for info in as_json(call, "--kind", "pooling")}
    assert {"adaptive", "classic", "gpo", "learned", "acme_good"} == set(found)
    assert all(
        component["kind"] == "pooling" for components in found.values() for component in components
    )
    assert "loss" not in call("plugins", "--kind", "pooling")


def test_nothing_failed_is_an_empty_answer(call: Call):
    assert call("plugins", "--failed") == ""
    assert as_json(call, "--failed") == []


def test_known_packages_are_listed(tmp_path: Path, call: Call, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("COLUMNS", "200")  # nothing wraps
    second = toml(
        name="pytest", components={"loss": ["zebra"]}, repository="plugins/examples/zebra"
    ).removeprefix("schema = 1\n")
    file = str(index(tmp_path, "schema = 1\n" + second + toml().removeprefix("schema = 1\n")))
    text = call("plugins", "--available", "--index", file)
    assert "pip install 'git+https://example.org/acme/vsebench-acme'" in text
    assert "pip install './plugins/examples/zebra' in a checkout of vsebench" in text
    found = json.loads(call("plugins", "--available", "--index", file, "--format", "json"))
    listed = {package["name"]: package for package in found["packages"]}
    assert listed["vsebench-acme"]["installed"] is None
    assert listed["pytest"]["installed"] == pytest.__version__
    assert listed["pytest"]["components"] == {"loss": ["zebra"]}
    of_losses = call("plugins", "--available", "--index", file, "--kind", "loss")
    assert "vsebench-acme" not in of_losses


def test_an_empty_catalogue_says_how_to_add_to_it(tmp_path: Path, call: Call):
    said = call("plugins", "--available", "--index", index(tmp_path, "schema = 1\n"))
    assert said == "no package is listed; docs/plugins/trust.md says how to add one\n"


def test_the_shipped_catalogue_is_listed(call: Call):
    assert json.loads(call("plugins", "--available", "--format", "json"))["schema"] == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--available", "--failed"], "--available lists packages and --failed plugins: keep one"),
        (
            ["--index", "x.toml"],
            "--index is the catalogue of --available: add that, or leave --index out",
        ),
        (
            ["--available", "--index", "x.toml"],
            "the catalogue 'x.toml' cannot be read: No such file or directory",
        ),
        (
            ["--kind", "poolings"],
            "unknown kind of component 'poolings': did you mean 'pooling'?",
        ),
    ],
)
def test_what_cannot_be_answered_is_one_line(arguments: list[str], said: str, refusal: Call):
    assert refusal("plugins", *arguments) == said
