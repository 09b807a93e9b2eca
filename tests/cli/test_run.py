"""`vsebench run`: whole suites on a tiny data set, plans, and requests that are refused."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from vsebench.cli.app import main

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


def test_a_wrong_choice_is_said_without_a_library_s_words(call: Callable[..., str]):
    said = call("run", *TINY, "--keep", "all", code=2)
    assert "'--keep': 'all' is not one of 'best', 'none'" in said
