"""What the scaffold writes is found, keeps its promises and can be run, as it stands."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import pytest

from tests.scaffold.projects import KINDS, install, project
from vsebench.cli.app import main
from vsebench.plugin.host.loader import load_plugins

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder in which Python finds packages."""
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(folder)
    monkeypatch.setenv("PYTHONPATH", str(folder))
    load_plugins.cache_clear()
    yield folder
    load_plugins.cache_clear()
    for name in [name for name in sys.modules if name.startswith("vsebench_my_")]:
        del sys.modules[name]


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    return int(caught.value.code or 0)


# An executor's promises take nine runs, each in a process of its own.
CHECKED = [
    pytest.param(kind, marks=[pytest.mark.slow] if kind == "executor" else []) for kind in KINDS
]


@pytest.mark.timeout(600)  # an executor starts a process for each of a dozen runs
@pytest.mark.parametrize("kind", CHECKED)
def test_it_is_found_and_keeps_its_promises(
    kind: str, site: Path, capsys: pytest.CaptureFixture[str]
):
    made = project(kind)
    install(made, site)
    code = run("check", made.distribution, "--format", "json")
    report = json.loads(capsys.readouterr().out)
    assert [
        check["name"]
        for component in report["components"]
        for check in component["checks"]
        if check["outcome"] == "failed"
    ] == []
    assert code == 0
    assert [(component["kind"], component["spec"]) for component in report["components"]] == [
        (kind, made.name)
    ]
    assert any(check["outcome"] == "passed" for check in report["components"][0]["checks"])


@pytest.mark.parametrize("kind", KINDS)
def test_a_plan_is_made_with_it(kind: str, site: Path, capsys: pytest.CaptureFixture[str]):
    made = project(kind)
    install(made, site)
    small = [] if kind in ("dataset", "sampler") else ["--dataset", "scenes:images=100"]
    assert run("run", "--dry-run", *made.run_options.split(), *small) == 0, capsys.readouterr().err
    if kind not in ("similarity", "executor"):  # of which the plan's table has no column
        assert made.name in capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("kind", KINDS)
def test_it_is_trained(
    kind: str,
    site: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    made = project(kind)
    install(made, site)
    monkeypatch.chdir(tmp_path)
    small = (
        []
        if kind == "sampler"
        else [
            "--epochs",
            "1",
            "--set",
            "embed_dim=16",
            "--set",
            "word_dim=16",
            "--set",
            "warmup_epochs=0",
        ]
    )
    small += [] if kind in ("loss", "sampler") else ["--loss", "triplet"]
    small += [] if kind in ("pooling", "sampler") else ["--pooling", "mean"]
    small += [] if kind in ("dataset", "sampler") else ["--dataset", "scenes:images=100"]
    assert run("run", *made.run_options.split(), *small, "--quiet") == 0, capsys.readouterr().err
    capsys.readouterr()
    assert run("report", "runs", "--format", "json") == 0
    (row,) = json.loads(capsys.readouterr().out)["rows"]
    assert row["failed_seeds"] in (None, 0, [])
