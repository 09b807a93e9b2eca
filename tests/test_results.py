"""Committed results: pages show what commands print of the packs beside them, and packs are
whole.
"""

from __future__ import annotations

import os
import re
import shlex
from pathlib import Path

import pytest
import typer

from vsebench.cli.app import app
from vsebench.cli.refresh import content_of
from vsebench.grid.plan import plan
from vsebench.grid.suite import load_suite
from vsebench.report.document import Place, places
from vsebench.results.checks.audit import audit
from vsebench.results.folder.store import Store
from vsebench.results.packs.format import RUNS
from vsebench.results.packs.pack import Pack, PackedRun

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "results"
PACKS = sorted(path.parent.relative_to(RESULTS) for path in RESULTS.rglob(RUNS))
SUITES = ("headline", "poolings", "losses", "aoq", "equal-compute")

PAGES = [
    ROOT / "README.md",
    RESULTS / "LEADERBOARD.md",
    *sorted(RESULTS.glob("*/README.md")),
]
PLACES = [
    pytest.param(page.relative_to(ROOT), place, id=f"{page.parent.name}-{place.command[9:70]}")
    for page in PAGES
    for place in places(page.read_text(encoding="utf-8"))
]


@pytest.mark.parametrize(("page", "place"), PLACES)
def test_a_table_is_what_its_command_makes(
    page: Path, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    assert place.content == content_of(place.command, typer.main.get_command(app).main), (
        f"run 'vsebench refresh {page}'"
    )


@pytest.mark.parametrize("page", PAGES[1:], ids=lambda page: page.parent.name)
def test_a_page_shows_the_commands_of_its_tables(page: Path) -> None:
    """Where a figure goes with the table, the command draws it, too."""
    text = page.read_text(encoding="utf-8")
    shown = re.findall(
        r"^ {4}(vsebench (?:report|leaderboard|compare|speedup|claims) .*)$",
        text,
        flags=re.MULTILINE,
    )
    tables = [line.partition(" --plot ")[0] for line in shown]
    assert tables == [place.command for place in places(text)]
    plots = [line.partition(" --plot ")[2] for line in shown]
    assert all((page.parent / name).is_file() for name in plots if name)


def test_every_pack_is_on_a_page() -> None:
    words = {word for param in PLACES for word in shlex.split(param.values[1].command)}
    shown = {word for word in words if word.startswith("results/")}
    assert shown == {f"results/{name}" for name in PACKS}


@pytest.mark.parametrize("name", PACKS, ids=str)
def test_a_pack_gives_every_file_back(name: Path) -> None:
    """Each is compared with its checksum when it is read."""
    runs = Pack(RESULTS / name).runs
    assert [run.run_id for run in runs] == list(Store(RESULTS / name).noted().run_ids)
    for run in runs:
        record = run.read_record()
        assert record is not None
        assert record.run_id == run.run_id == record.spec.run_id
        for file in run.sha256:
            run.read_bytes(file)


@pytest.mark.parametrize("name", PACKS, ids=str)
def test_figures_follow_from_what_lies_beside_them(name: Path) -> None:
    assert audit(RESULTS / name).findings == ()


def test_no_run_is_kept_twice() -> None:
    """Runs of one id in two packs were made twice: they differ in their seconds."""
    kept: set[tuple[str, str]] = set()
    for name in PACKS:
        pack = Pack(RESULTS / name)
        for run in pack.runs:
            assert isinstance(run, PackedRun)
            if run.keeper == pack.folder:
                assert (run.run_id, run.sha256["record.json"]) not in kept
                kept.add((run.run_id, run.sha256["record.json"]))
    assert not list(RESULTS.rglob("record.json"))


@pytest.mark.parametrize("name", SUITES)
def test_a_suite_makes_the_runs_of_its_pack(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    data = Path(os.environ.get("VSEBENCH_DATA", ROOT.parent / "shared" / "data"))
    if not data.is_dir():
        pytest.skip("needs Flickr8k: set VSEBENCH_DATA")
    monkeypatch.setenv("VSEBENCH_DATA", str(data))
    planned = {
        run.run_id for run in plan(load_suite(ROOT / "suites" / "flickr8k" / f"{name}.toml")).runs
    }
    assert planned == {run.run_id for run in Pack(RESULTS / "flickr8k" / name).runs}
