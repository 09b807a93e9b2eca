from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.plugin.made_up import pooling
from vsebench.cli.app import main
from vsebench.plugin.host import loader

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.cli.fixtures import Call


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


def listed(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    with pytest.raises(SystemExit) as caught:
        main(["plugins", *arguments])
    assert caught.value.code == 0
    printed = capsys.readouterr()
    assert printed.err == ""
    return printed.out


def as_json(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[dict[str, Any]]:
    answer = json.loads(listed(capsys, "--format", "json", *arguments))
    assert (answer["schema"], answer["api"]) == (1, loader.API_VERSION)
    return answer["plugins"]


def test_the_table_shows_what_each_plugin_provides(capsys: pytest.CaptureFixture[str]):
    lines = listed(capsys).splitlines()
    assert lines[0].split() == ["plugin", "distribution", "status", "provides"]
    (gpo,) = [line for line in lines if line.startswith("gpo ")]
    assert gpo.split()[3:] == ["loaded", "pooling:", "gpo"]


def test_trackers_and_run_time_hooks_are_shown_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("COLUMNS", "200")
    hook = "@hookimpl\ndef vsebench_evaluated(run, point): ...\n"
    (tmp_path / "looking.py").write_text(f"from vsebench.plugin import hookimpl\n{hook}")
    (tmp_path / "lines.py").write_text(
        f'from vsebench.plugin import Tracker, hookimpl\nvsebench_tracker = Tracker("own")\n{hook}'
    )
    files = [f"--plugin={tmp_path / name}" for name in ("looking.py", "lines.py")]
    shown = {line.split()[0]: line for line in listed(capsys, *files).splitlines() if line}
    assert shown["looking"].endswith("loaded  hooks: vsebench_evaluated")
    assert shown["lines"].endswith("loaded  tracker: own")
    told = {info["name"]: info["tracker"] for info in as_json(capsys, *files)}
    assert (told["looking"], told["lines"]) == (None, "own")


@pytest.mark.usefixtures("broken")
def test_a_failed_plugin_is_shown_with_its_error_and_hint(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("COLUMNS", "200")  # nothing wraps
    text = listed(capsys, "--failed")
    assert "ModuleNotFoundError: No module named 'no_such_module_anywhere'" in text
    assert (
        "install the missing module 'no_such_module_anywhere', or set "
        "VSEBENCH_DISABLE_PLUGINS=acme-broken" in text
    )
    assert "acme_good" not in text
    (failed,) = as_json(capsys, "--failed")
    assert (failed["name"], failed["distribution"], failed["status"]) == (
        "acme_broken",
        "acme-broken",
        "failed",
    )


@pytest.mark.usefixtures("broken")
def test_a_kind_narrows_plugins_and_components(capsys: pytest.CaptureFixture[str]):
    found = {info["name"]: info["components"] for info in as_json(capsys, "--kind", "pooling")}
    assert {"adaptive", "classic", "gpo", "learned", "acme_good"} == set(found)
    assert all(
        component["kind"] == "pooling" for components in found.values() for component in components
    )
    assert "loss" not in listed(capsys, "--kind", "pooling")


def test_nothing_failed_is_an_empty_answer(capsys: pytest.CaptureFixture[str]):
    assert listed(capsys, "--failed") == ""
    assert as_json(capsys, "--failed") == []


def test_an_unknown_kind_is_an_error(refusal: Call):
    error = refusal("plugins", "--kind", "poolings")
    assert error == "unknown kind of component 'poolings': did you mean 'pooling'?"
