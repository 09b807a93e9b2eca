"""Committed results: pages show what commands print of the packs beside them, and packs are
whole.
"""

from __future__ import annotations

import os
import re
import shlex
from pathlib import Path

import pytest

from vsebench.cli.app import main
from vsebench.grid.plan import plan
from vsebench.grid.suite import load_suite
from vsebench.report.formats import WIDTH
from vsebench.report.results import load_results
from vsebench.results.pack import Pack, PackedRun
from vsebench.results.pack_format import RUNS
from vsebench.results.store import Store

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "results"
PAGES = sorted(page for page in RESULTS.glob("*/README.md") if "```text" in page.read_text())
PACKS = sorted(path.parent.relative_to(RESULTS) for path in RESULTS.rglob(RUNS))
SUITES = ("headline", "poolings", "losses", "aoq", "equal-compute")

_COMMAND_OR_BLOCK = re.compile(
    r"^ {4}vsebench (?P<command>(?:report|compare|speedup) [^\n]*)$|^```text\n(?P<block>.*?)^```$",
    flags=re.DOTALL | re.MULTILINE,
)


def blocks(page: Path) -> list[tuple[str, str]]:
    """Every block of text of a page, with the command above it."""
    found, command = [], ""
    for match in _COMMAND_OR_BLOCK.finditer(page.read_text(encoding="utf-8")):
        command = match["command"] or command
        if match["block"] is not None:
            found.append((command, match["block"]))
    return found


@pytest.mark.parametrize(
    ("command", "block"),
    [pytest.param(*each, id=each[0][:70]) for page in PAGES for each in blocks(page)],
)
def test_a_page_shows_what_the_command_above_prints(
    command: str, block: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("COLUMNS", str(WIDTH))
    command, *plot = command.split(" --plot ")
    with pytest.raises(SystemExit) as ended:
        main(shlex.split(command))
    assert ended.value.code == 0
    assert capsys.readouterr().out.rstrip() == block.rstrip()
    assert all((ROOT / shlex.split(command)[1] / name).is_file() for name in plot)


def test_the_table_of_the_readme_is_remade_from_its_records() -> None:
    table = load_results(RESULTS / "flickr8k" / "headline").table().rstrip()
    assert f"```text\n{table}\n```" in (ROOT / "README.md").read_text(encoding="utf-8")


def test_every_pack_is_on_a_page() -> None:
    shown = {command.split()[1] for page in PAGES for command, _ in blocks(page)}
    assert shown | {"results/flickr8k/headline"} == {f"results/{name}" for name in PACKS}


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
