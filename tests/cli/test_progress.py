"""The progress of a suite, as lines and as bars."""

from __future__ import annotations

import io
import re
import sys
from typing import TYPE_CHECKING, Any

import pytest
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from tests.factories import component, make_spec
from vsebench.cli.shared.progress import LiveProgress, PlainProgress, _live, shortened
from vsebench.grid.plan import Plan

if TYPE_CHECKING:
    from pathlib import Path

EVENTS: list[dict[str, Any]] = [
    {"event": "started"},
    {"event": "phase", "phase": "loading"},
    {"event": "phase", "phase": "training"},
    {"event": "step", "step": 10, "steps": 40, "epoch": 0, "epochs": 2},
    {"event": "evaluated", "step": 20, "steps": 40, "loss": 1.5, "rsum": 123.45},
    {"event": "phase", "phase": "test"},
    {"event": "finished", "status": "done", "result": "RSUM 369.5"},
]


@pytest.fixture
def two_runs(tmp_path: Path) -> Plan:
    return Plan((make_spec(seed=0), make_spec(seed=1)), component("local"), 2, tmp_path)


def test_without_a_terminal_progress_is_plain_lines(
    two_runs: Plan, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("vsebench.cli.shared.progress.LINE_SECONDS", 0.0)
    stream = io.StringIO()
    report = PlainProgress(two_runs, stream)
    first, second = (run.run_id for run in two_runs.runs)
    report(second, {"event": "skipped"})
    for event in EVENTS:
        report(first, event)
    lines = stream.getvalue().splitlines()
    assert lines[0] == "[1/2] scenes · mean · triplet · seed 1: done before"
    assert lines[1] == "[1/2] scenes · mean · triplet · seed 0: started"
    assert re.fullmatch(
        r"\[1/2\] scenes · mean · triplet · seed 0: epoch 1/2, step 20/40, loss 1\.500, dev RSUM "
        r"123\.5, \d+ s left",
        lines[2],
    )
    assert re.fullmatch(
        r"\[2/2\] scenes · mean · triplet · seed 0: done in \d+ s, RSUM 369\.5", lines[3]
    )
    assert len(lines) == 4


def test_a_last_batch_beyond_the_last_step_leaves_no_time(
    two_runs: Plan, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("vsebench.cli.shared.progress.LINE_SECONDS", 0.0)
    stream = io.StringIO()
    report = PlainProgress(two_runs, stream)
    for event in (
        *EVENTS[:4],
        {"event": "evaluated", "step": 42, "steps": 40, "epoch": 2.1, "epochs": 2, "map": 0.5},
    ):
        report(two_runs.runs[0].run_id, event)
    assert stream.getvalue().endswith("epoch 2/2, step 40/40, dev MAP 0.5000, 0 s left\n")


def test_lines_about_one_run_are_seconds_apart(two_runs: Plan):
    stream = io.StringIO()
    report = PlainProgress(two_runs, stream)
    report(two_runs.runs[0].run_id, {"event": "started"})
    for step in range(100):
        report(
            two_runs.runs[0].run_id,
            {"event": "evaluated", "step": step, "steps": 100, "loss": 1.0, "rsum": 2.0},
        )
    assert stream.getvalue().count("\n") == 1


def test_what_is_computed_before_training_is_told_with_the_time_left(
    two_runs: Plan, monkeypatch: pytest.MonkeyPatch
):
    now = [100.0]
    monkeypatch.setattr("vsebench.cli.shared.progress.time.monotonic", lambda: now[0])
    stream = io.StringIO()
    report = PlainProgress(two_runs, stream)
    first, second = (run.run_id for run in two_runs.runs)
    for done in (64, 1064, 2064, 3000):
        report(first, {"event": "computing", "what": "text features", "done": done, "total": 3000})
        for _ in range(9):
            report(second, {"event": "waiting", "what": "text features"})
        now[0] += 10
    lines = [line.split(": ", 1)[1] for line in stream.getvalue().splitlines()]
    assert lines == [
        "computing text features: 64 of 3,000",
        "waiting for text features, which another run computes",
        "computing text features: 1,064 of 3,000, 19 s left",
        "computing text features: 2,064 of 3,000, 9 s left",
        "computing text features: 3,000 of 3,000",
    ]


def test_a_run_held_elsewhere_says_by_whom(two_runs: Plan):
    stream = io.StringIO()
    PlainProgress(two_runs, stream)(
        two_runs.runs[0].run_id,
        {"event": "busy", "reason": "it is being run by process 7 on node1"},
    )
    assert (
        stream.getvalue()
        == "[0/2] scenes · mean · triplet · seed 0: it is being run by process 7 on node1\n"
    )


def test_a_run_that_was_queued_or_lost_its_machine_counts_from_its_start(
    two_runs: Plan, monkeypatch: pytest.MonkeyPatch
):
    now = [100.0]
    monkeypatch.setattr("vsebench.cli.shared.progress.time.monotonic", lambda: now[0])
    stream = io.StringIO()
    report, run_id = PlainProgress(two_runs, stream), two_runs.runs[0].run_id
    for event in (
        *({"event": "queued"}, {"event": "started"}),
        *({"event": "lost", "reason": "its node was lost"}, {"event": "queued"}),
        *({"event": "started"}, {"event": "finished", "status": "done"}),
    ):
        report(run_id, event)
        now[0] += 10
    lines = [line.split(": ", 1)[1] for line in stream.getvalue().splitlines()]
    assert lines == ["queued", "started", "its node was lost", "queued", "started", "done in 10 s"]


def test_the_time_of_a_run_that_another_command_has_ended_is_not_told(two_runs: Plan):
    stream = io.StringIO()
    report = PlainProgress(two_runs, stream)
    first, second = (run.run_id for run in two_runs.runs)
    for event in (
        {"event": "started"},
        {"event": "busy", "reason": "it is being run by process 1 on there"},
        {"event": "finished", "status": "done"},
    ):
        report(first, event)
    report(second, {"event": "finished", "status": "failed"})
    lines = [line.split(": ", 1)[1] for line in stream.getvalue().splitlines()]
    assert lines == ["started", "it is being run by process 1 on there", "done", "failed"]


def test_on_a_terminal_runs_in_a_queue_have_no_bar(two_runs: Plan):
    with Progress(TextColumn("{task.fields[note]}"), console=Console(file=io.StringIO())) as bars:
        report = LiveProgress(two_runs, bars)
        report(two_runs.runs[0].run_id, {"event": "queued"})
        assert len(bars.tasks) == 1
        report(two_runs.runs[0].run_id, {"event": "started"})
        assert len(bars.tasks) == 2
        report(two_runs.runs[0].run_id, {"event": "lost", "reason": "its node was lost"})
        assert len(bars.tasks) == 1


def test_on_a_terminal_progress_is_a_bar_per_run(two_runs: Plan):
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=True, width=160)
    first, second = (run.run_id for run in two_runs.runs)
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[note]}"),
        console=console,
        auto_refresh=False,
    ) as bars:
        report = LiveProgress(two_runs, bars)
        for event in EVENTS[:5]:
            report(first, event)
        suite, run = bars.tasks
        assert (suite.completed, suite.fields["note"]) == (0.5, "0/2")
        assert (run.completed, run.total) == (20, 40)
        assert run.fields["note"] == "epoch 1/2, dev RSUM 123.5"
        assert run.description == "mean · triplet · seed 0"  # the one data set goes without saying
        for event in EVENTS[5:]:
            report(first, event)
        report(second, {"event": "skipped"})
        assert [task.description for task in bars.tasks] == ["runs"]
        assert bars.tasks[0].finished
    assert re.search(r"seed 0: done in \d+ s, RSUM 369\.5", stream.getvalue())
    assert "seed 1: done before" in stream.getvalue()


@pytest.mark.parametrize(
    ("label", "width", "expected"),
    [
        ("mean · triplet · seed 0", 23, "mean · triplet · seed 0"),
        ("maxavg · infonce · seed 0", 23, "maxavg · info… · seed 0"),
        ("gpo · aoq · seed 12 · trial 3", 20, "gpo · aoq… · trial 3"),
        ("gpo · aoq · seed 12", 10, "…· seed 12"),
    ],
)
def test_what_is_cut_of_a_label_is_its_middle(label: str, width: int, expected: str):
    assert shortened(label, width) == expected
    assert len(expected) <= width


@pytest.mark.parametrize("width", [80, 120])
def test_progress_and_the_time_left_fit_a_terminal(
    two_runs: Plan, monkeypatch: pytest.MonkeyPatch, width: int
):
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setattr(sys, "stderr", shown := io.StringIO())
    with _live(two_runs) as report:
        for event in EVENTS[:5]:
            report(two_runs.runs[0].run_id, event)
    (line,) = {
        line.rstrip()
        for line in re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown.getvalue()).splitlines()
        if "RSUM" in line
    }
    assert len(line) <= width
    assert line.startswith("mean · triplet · seed 0 ")
    assert re.search(r"epoch 1/2, dev RSUM 123\.5 +\d:\d\d:\d\d left (\d:\d\d:\d\d|-:--:--)$", line)
