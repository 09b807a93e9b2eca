"""`vsebench refresh`: what is made again, what is refused, and that nothing is half done."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest

from tests.factories import make_curve, make_record, make_spec, save
from vsebench.report.results import load_results

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.fixtures import Call

END = "<!-- /vsebench -->"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, with the runs `runs`."""
    monkeypatch.chdir(tmp_path)
    for seed in range(2):
        for pooling in ("mean", "gpo"):
            save(tmp_path / "runs", make_record(make_spec(pooling, seed=seed)), make_curve([1, 2]))
    return tmp_path


def document(folder: Path, *commands: str, name: str = "README.md") -> Path:
    blocks = [f"Text.\n\n<!-- vsebench {command} -->\nold\n{END}\n" for command in commands]
    (folder / name).write_text("# Title\n\n" + "\n".join(blocks), encoding="utf-8")
    return folder / name


@pytest.mark.parametrize(
    "command",
    [
        "compare runs --to mean,triplet",
        "speedup runs --baseline mean,triplet",
        "report runs --width 60",
        "report runs --baseline gpo,triplet",
    ],
)
def test_a_table_is_what_its_command_prints(
    folder: Path, call: Call, monkeypatch: pytest.MonkeyPatch, command: str
):
    monkeypatch.setenv("COLUMNS", "100")
    path = document(folder, command)
    assert call("refresh", "README.md") == "README.md: 1 table, 1 of them changed\n"
    output = call(*command.split()).strip("\n")
    expected = f"<!-- vsebench {command} -->\n```text\n{output}\n```\n{END}\n"
    assert path.read_text(encoding="utf-8") == f"# Title\n\nText.\n\n{expected}"


@pytest.mark.parametrize("form", ["json", "csv", "latex", "md"])
def test_other_formats_are_fenced_as_what_they_are(folder: Path, form: str, call: Call):
    path = document(folder, f"report runs --format {form}")
    call("refresh", "README.md")
    text = load_results(folder / "runs").table(form).strip("\n")
    inside = f"\n{text}\n\n" if form == "md" else f"```{form}\n{text}\n```\n"
    assert f" -->\n{inside}{END}" in path.read_text(encoding="utf-8")


def test_figures_that_were_kept_stand_as_a_table_of_markdown(
    folder: Path, call: Call, capsys: pytest.CaptureFixture[str]
):
    row = {"figure": "step/small", "status": "done", "seconds": 0.036, "ratio": 3.0, "share": 0.5}
    row |= {"reference": "packed GRUs", "floor": "its products", "error": ""}
    machine = {"device": "a CPU", "cpu": "a CPU", "cores": 2, "load": 0.1, "matmul": "default"}
    machine |= {"libraries": {"torch": "2.13.0"}, "measured": "2026-11-29"}
    found = {"schema": 1, "size": "full", "device": "cpu", "machine": machine, "rows": [row]}
    (folder / "figures.json").write_text(json.dumps(found), encoding="utf-8")
    path = document(folder, "bench --from figures.json")
    call("refresh", "README.md")
    capsys.readouterr()
    output = call("bench", "--from", "figures.json").strip("\n")
    assert "| step/small | 36 ms |" in " ".join(output.split())
    assert f" -->\n\n{output}\n\n{END}" in path.read_text(encoding="utf-8")
    call("refresh", "--check", "README.md")


def test_the_width_of_the_terminal_does_not_matter(
    folder: Path, monkeypatch: pytest.MonkeyPatch, call: Call
):
    path = document(folder, "report runs")
    monkeypatch.setenv("COLUMNS", "60")
    call("refresh", "README.md")
    assert load_results(folder / "runs").table() in path.read_text(encoding="utf-8")


def test_a_second_time_changes_nothing(folder: Path, call: Call):
    path = document(folder, "report runs", "compare runs --to mean,triplet")
    call("refresh", "README.md")
    content, changed = path.read_bytes(), path.stat().st_mtime_ns
    assert call("refresh", "README.md") == "README.md: 2 tables, none of them changed\n"
    assert (path.read_bytes(), path.stat().st_mtime_ns) == (content, changed)


def test_check_names_what_is_not_current_and_writes_nothing(folder: Path, call: Call):
    path = document(folder, "report runs", "compare runs --to mean,triplet")
    before = path.read_bytes()
    out = call("refresh", "--check", "README.md", code=3)
    assert path.read_bytes() == before
    assert out.splitlines() == [
        "README.md, line 5: vsebench report runs: not current",
        "README.md, line 11: vsebench compare runs --to mean,triplet: not current",
    ]
    call("refresh", "README.md")
    assert call("refresh", "--check", "README.md") == ""
    save(folder / "runs", make_record(make_spec("max")), make_curve([1, 2]))
    call("refresh", "--check", "README.md", code=3)


def test_a_command_that_fails_leaves_its_document_as_it_was(folder: Path, refusal: Call):
    path = document(folder, "report runs", "report absent")
    before = path.read_bytes()
    error = refusal("refresh", "README.md")
    assert path.read_bytes() == before
    assert error.startswith("README.md, line 11: there is no folder absent")


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("run", "'vsebench run' makes no table of a document"),
        ("reprot runs", "did you mean 'report'?"),
        ("", "'vsebench' makes no table of a document"),
        ("report runs --html page.html", "take out --html"),
        ("speedup runs --plot=curves.svg", "take out --plot"),
        ("report --help", "take out --help"),
        ("report runs --basline x", "has no option '--basline': did you mean '--baseline'?"),
        ("compare runs", "--to"),
        ("report 'runs", "is no command line"),
        ("report runs --format yaml", "unknown format 'yaml'"),
        ("bench --quick", "add --from FILE: a marker's command measures nothing"),
        ("bench --from figures.json --out others.json", "take out --out"),
    ],
)
def test_what_a_marker_may_not_ask_for(folder: Path, refusal: Call, command: str, message: str):
    path = document(folder, command)
    before = sorted(folder.iterdir()), path.read_bytes()
    error = refusal("refresh", "README.md")
    assert error.startswith("README.md, line 5: ")
    assert message in error
    assert (sorted(folder.iterdir()), path.read_bytes()) == before


def test_documents_without_markers_are_left_out_beside_those_with(
    folder: Path, call: Call, refusal: Call
):
    document(folder, name="plain.md")
    document(folder, "report runs")
    assert call("refresh", "plain.md", "README.md") == "README.md: 1 table, 1 of them changed\n"
    assert "plain.md has no marker: write" in refusal("refresh", "plain.md")


def test_what_is_no_document_is_one_line(folder: Path, refusal: Call):
    (folder / "broken.md").write_text(f"{END}\n", encoding="utf-8")
    (folder / "binary.md").write_bytes(b"\xff\xfe")
    os.mkfifo(folder / "pipe.md")
    for name, message in (
        ("absent.md", "cannot read absent.md: No such file or directory"),
        ("binary.md", "cannot read binary.md: it is no text in UTF-8"),
        ("pipe.md", "cannot read pipe.md: it is no regular file"),
        ("broken.md", "broken.md, line 1: '<!-- /vsebench -->' ends no table"),
        ("runs", "cannot read runs: Is a directory"),
    ):
        assert message in refusal("refresh", name)
