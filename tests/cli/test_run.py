"""`vsebench run`: its options, its progress, and whole suites on a tiny data set."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from tests.factories import component, make_spec
from vsebench.cli.app import main
from vsebench.cli.shared.progress import LiveProgress, PlainProgress, _live, shortened
from vsebench.grid.plan import Plan
from vsebench.grid.suite import Suite, load_suite, make_suite

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

TINY = (
    "--dataset",
    "scenes:images=60",
    "--pooling",
    "mean",
    "--epochs",
    "1",
    "--set",
    "embed_dim=16",
    "--set",
    "word_dim=8",
    "--set",
    "warmup_epochs=0",
    "--device",
    "cpu",
)

FAILING = """
from vsebench.plugin import LossCard, hookimpl

@hookimpl
def vsebench_register_losses(register):
    register("broken", f"{__name__}:Broken", card=LossCard("fails at the first step"))

class Broken:
    def __call__(self, inputs):
        raise RuntimeError("this loss does not work")
"""


def test_a_suite_ends_in_its_table_names_what_failed_and_goes_on_where_it_stopped(
    answer: Callable[..., tuple[object, str, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """The first time in a process of its own, as users have it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "broken.py").write_text(FAILING)
    command = ("run", *TINY, "--loss", "broken,triplet", "--plugin", "broken.py", "--workers", "1")
    failure = (
        r"vsebench: failed: scenes:images=60 · mean · broken · seed 0: RuntimeError: this loss "
        r"does not work \(runs/scenes-.*\)\n"
    )

    first = subprocess.run(
        [sys.executable, "-m", "vsebench", *command],
        env=dict(os.environ),  # else the columns that readline leaves to children of pytest
        capture_output=True,
        text=True,
    )
    assert first.returncode == 1, first.stderr
    assert re.search(r"^mean +triplet +1 +\d", first.stdout, re.MULTILINE)
    assert "embed_dim=16" in first.stdout
    broken, triplet = (
        f"scenes:images=60 · mean · {loss} · seed 0" for loss in ("broken", "triplet")
    )
    reading = "vsebench: reading scenes:images=60 and planning its runs\n"
    after = (
        "vsebench: the runs are in runs; a page of them: vsebench report runs --html runs.html\n"
    )
    nothing = "vsebench: nothing to do: every run was done before\n"
    lines = (
        rf"{reading}\[0/2\] {broken}: started\n"
        rf"\[1/2\] {broken}: failed in \d+ s\n"
        rf"\[1/2\] {triplet}: started\n(.*\n)*\[2/2\] {triplet}: done in \d+ s, "
        rf"RSUM [\d.]+\n{failure}{after}"
    )
    assert re.fullmatch(lines, first.stderr)
    (record,) = [
        json.loads(path.read_text()) for path in tmp_path.glob("runs/*broken*/record.json")
    ]
    assert record["status"] == "failed"
    assert record["error"].startswith("Traceback (most recent call last):")

    code, out, err = answer(*command, "--quiet")
    assert (code, out) == (1, first.stdout)
    assert re.fullmatch(failure, err)

    code, _, err = answer(*command, "--loss", "triplet")
    assert (code, err) == (0, f"{reading}[1/1] {triplet}: done before\n{nothing}{after}")
    code, out, _ = answer("report", "runs", "--format", "json")
    rows = json.loads(out)["rows"]
    assert [(row["pooling"], row["loss"], row["protocol"], row["task"]) for row in rows] == [
        ("mean", "broken", "quick", "retrieval"),
        ("mean", "triplet", "quick", "retrieval"),
    ]


def test_a_dry_run_prints_the_plan_and_writes_nothing(
    answer: Callable[..., tuple[object, str, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("COLUMNS", "200")  # nothing wraps
    monkeypatch.chdir(tmp_path)
    code, out, err = answer(
        "run", *TINY, "--loss", "aoq", "--seeds", "0-1", "--workers", "3", "--dry-run"
    )
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert [line.split()[1:5] for line in lines[2:6]] == [
        ["mean", loss, str(seed), role]
        for seed in (0, 1)
        for loss, role in (("triplet", "support"), ("aoq", "row"))
    ]
    assert "4 runs, 3 at a time, on device cpu, in runs" in out
    assert "about" not in out  # nothing like them is done
    assert (
        "scenes:images=60: protocol quick with embed_dim=16, word_dim=8, epochs=1, "
        "warmup_epochs=0.0" in out
    )
    assert list(tmp_path.iterdir()) == []


def test_a_dry_run_names_what_is_tuned_in_any_row(
    answer: Callable[..., tuple[object, str, str]], tmp_path: Path
):
    entries = (
        '[[tuned]]\npooling = "mean"\nloss = "triplet"\nset = { lr = 0.01, loss.margin = 0.1 }',
        '[[tuned]]\npooling = "mean"\nloss = "infonce"\nset = { lr = 0.02 }',
    )
    components = 'dataset = "scenes:images=60"\npooling = "mean"\nloss = ["triplet", "infonce"]'
    suite = tmp_path / "tuned.toml"
    suite.write_text("\n".join((components, *entries)))
    code, out, _ = answer("run", str(suite), "--dry-run")
    assert code == 0
    assert "scenes:images=60: protocol quick; loss.margin, lr tuned for each row" in out


WHERE = ("'nowhere' is not a folder", "cannot write bad.toml/runs")
"""What is told after the request is understood: the line before it says what is being read."""


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--pooling", "gpoo"), "unknown pooling 'gpoo': did you mean 'gpo'?"),
        (
            ("--loss", "triplet:margn=1"),
            "loss 'triplet' has no parameter 'margn': did you mean 'margin'?",
        ),
        (
            ("--loss", "triplet:margin=x"),
            "loss 'triplet': parameter 'margin' must be a finite number, got 'x'",
        ),
        (("--seeds", "3x"), "--seeds: seeds are a list or a range of integers from 0"),
        (("--set", "embed_dims=3"), "unknown protocol key 'embed_dims': did you mean 'embed_dim'?"),
        (("--set", "embed_dim"), "--set takes KEY=VALUE, such as embed_dim=128; got 'embed_dim'"),
        (("--set", "epochs=1, lr=0.01"), "--set takes one key: write --set lr=0.01 of its own"),
        (("--set", "lr=1", "--set", "lr=2"), "--set gives 'lr' twice: keep one"),
        (
            ("--epochs", "2", "--set", "epochs=3"),
            "command line: epochs is given twice, by itself and as a protocol key: keep one",
        ),
        (("--sampler", "uniform"), "which uses no sampler"),
        (("--dataset", "flickr8"), "unknown dataset 'flickr8': did you mean 'flickr8k'?"),
        (("--dataset", "flickr8k", "--data-root", "nowhere"), "'nowhere' is not a folder"),
        (("nowhere.toml",), "suite file 'nowhere.toml' cannot be read: No such file or directory"),
        (
            ("--pooling", "gpo", "mean"),
            "join the values of an option with commas: --pooling gpo,mean",
        ),
        (("bad.toml",), "bad.toml: unknown key 'poling': did you mean 'pooling'?"),
        (("--dataset", "scenes:images=60", "--out", "bad.toml/runs"), "cannot write bad.toml/runs"),
        (
            ("--plugin", "nowhere.py"),
            "nowhere.py' does not exist: --plugin takes the path of a Python file",
        ),
    ],
)
def test_a_wrong_request_is_one_line_exits_2_and_writes_nothing(
    arguments: tuple[str, ...],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    (tmp_path / "bad.toml").write_text('poling = "gpo"')
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("VSEBENCH_DATA", raising=False)
    with pytest.raises(SystemExit) as caught:
        main(["run", "--device", "cpu", *arguments])
    printed = capsys.readouterr()
    assert caught.value.code == 2
    assert printed.out == ""
    *progress, error = printed.err.splitlines()
    assert error.startswith("vsebench: error: ")
    assert message in error
    assert [line[:18] for line in progress] == ["vsebench: reading "] * (message in WHERE)
    assert [path.name for path in tmp_path.iterdir()] == ["bad.toml"]


def test_a_plugin_file_that_is_a_loop_of_links_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    loop = tmp_path / "loop.py"
    loop.symlink_to(loop)
    with pytest.raises(SystemExit) as caught:
        main(["run", "--device", "cpu", "--plugin", str(loop), "--dry-run"])
    assert caught.value.code == 2
    assert "loop.py' does not exist: --plugin takes" in capsys.readouterr().err


def test_a_folder_that_is_a_loop_of_links_or_a_device_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    for out, said in (
        (loop / "runs", "Too many levels of symbolic links; choose another folder"),
        ("/dev/null", "it is a file; choose another folder"),
    ):
        with pytest.raises(SystemExit) as caught:
            main(["run", "--device", "cpu", "--dataset", "scenes:images=60", "--out", str(out)])
        assert caught.value.code == 2
        *_, error = capsys.readouterr().err.splitlines()
        assert error.startswith("vsebench: error: cannot write ")
        assert error.endswith(said)


class Planned(Exception):  # noqa: N818  # carries the suite out of the command
    pass


@pytest.fixture
def suite_of(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The suite that a command line comes down to."""

    def stop(suite: Suite, *_: object) -> None:
        raise Planned(suite)

    monkeypatch.setattr("vsebench.grid.plan.plan", stop)

    def parse(*arguments: str) -> Suite:
        with pytest.raises(Planned) as caught:
            main(["run", *arguments])
        suite = caught.value.args[0]
        assert isinstance(suite, Suite)
        return suite

    return parse


def test_every_option_reaches_the_suite(suite_of: Any):
    assert suite_of() == make_suite({})
    values: dict[str, Any] = {
        "dataset": "flickr8k,scenes",
        "pooling": "gpo/mean,kmax:k=3",
        "similarity": "dot",
        "loss": "aoq:h=100",
        "sampler": "uniform",
        "seeds": "0-2",
        "epochs": 3,
        "protocol": "quick",
        "device": "cpu",
        "workers": 4,
        "executor": "local",
        "max_runs": 30000,
        "run_timeout": 90.0,
        "stall_timeout": 0.5,
        "out": "elsewhere",
        "keep": "none",
    }
    arguments = [
        text for key, value in values.items() for text in (f"--{key.replace('_', '-')}", str(value))
    ]
    arguments += [
        "--data-root",
        "a",
        "--data-root",
        "b",
        "--set",
        "embed_dim=64",
        "--set",
        "warmup_loss=sum-hinge:margin=0.1",
        "--plugin",
        "own.py",
        "--strict-data",
    ]
    lists = {
        "data_root": ["a", "b"],
        "set": {"embed_dim": 64, "warmup_loss": "sum-hinge:margin=0.1"},
        "plugin": ["own.py"],
        "strict_data": True,
    }
    assert suite_of(*arguments) == make_suite(values | lists)
    assert set(values | lists) == set(Suite.model_fields) - {"tuned"}, (
        "entries of tuned rows stand in a file"
    )


def test_options_replace_what_the_suite_file_says(suite_of: Any, tmp_path: Path):
    file = tmp_path / "suite.toml"
    file.write_text('pooling = "mean"\nloss = "aoq"\nepochs = 8\n[set]\nembed_dim = 128\n')
    assert suite_of(str(file)) == load_suite(file)
    suite = suite_of(str(file), "--pooling", "max", "--set", "epochs=2")
    assert (suite.pooling, suite.loss, suite.changes) == (
        ("max",),
        ("aoq",),
        {"embed_dim": 128, "epochs": 2},
    )


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


def test_a_wrong_choice_is_said_without_a_library_s_words(call: Callable[..., str]):
    said = call("run", *TINY, "--keep", "all", code=2)
    assert "'--keep': 'all' is not one of 'best', 'none'" in said
