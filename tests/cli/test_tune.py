"""`vsebench tune` as a person types it."""

from __future__ import annotations

import csv
import shlex
from typing import TYPE_CHECKING

import pytest

from tests.grid.tuning.surfaces import Trainer
from vsebench.grid.execute import execute
from vsebench.grid.plan import plan
from vsebench.grid.suite import load_suite
from vsebench.results.folder.store import Store

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.fixtures import Prints
    from vsebench.grid.plan import Plan
    from vsebench.results.run_base import RunBase

TAGS = "--dataset tags:images=60:labels=30:density=0.1 --sampler uniform,dns --workers 1"
SMALL = "--set embed_dim=4 --set epochs=1 --set round_size=9 --quiet"
SCENES = "--dataset scenes:images=60 --pooling mean,max --loss triplet --epochs 9 --device cpu"


@pytest.fixture(autouse=True)
def folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("VSEBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)


def peak(run: RunBase) -> float | None:
    rate = run.protocol.lr  # type: ignore[attr-defined]
    return None if rate > 0.035 else 300 - abs(rate - 0.004) * 1000


def run_here(plan: Plan, reporter: object = None) -> None:
    """Every run in this process."""
    for run in plan.runs:
        execute(run.model_dump_json(), Store(plan.out).directory_for(run).path)


def test_labels_are_tuned_to_the_end(
    tmp_path: Path, prints: Prints, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Trained in earnest, and once more when all is there."""
    monkeypatch.setattr("vsebench.grid.tuning.race.run_plan", run_here)
    line = f"tune {TAGS} {SMALL} --space lr=0.05..1e9 --configurations 8 --seeds 0,1"
    for _ in range(2):
        printed = prints(*line.split())
        assert "next: vsebench run tuned/suite.toml" in printed.out
    rows = list(csv.DictReader((tmp_path / "tuned" / "trials.csv").read_text().splitlines()))
    assert {row["sampler"] for row in rows if row["dev_map"] == ""} == {"uniform", "dns"}
    store = Store(tmp_path / "tuned" / "trials")
    assert all(store.find(run_id) for row in rows for run_id in row["run_ids"].split())
    tuned = load_suite(tmp_path / "tuned" / "suite.toml")
    assert tuned.set["embed_dim"] == 4  # a number, as in files written by hand
    planned = plan(tuned)
    assert [run.seed for run in planned.runs] == [0, 1] * 2
    assert all(run.tuning is not None and run.tuning.seconds >= 0 for run in planned.runs)
    run_here(planned)
    table = prints(*["report", "runs"]).out
    assert "tuning" in table


def test_a_retrieval_search_says_what_it_does_and_what_it_chose(
    tmp_path: Path, prints: Prints, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer = Trainer(peak)
    monkeypatch.setattr("vsebench.grid.tuning.race.run_plan", trainer)
    dry = prints(*f"tune {SCENES} --dry-run".split()).out
    assert dry.count("pending") == 32
    assert "rung 1 of 3: 16 points a row, epochs=2, " in dry
    assert "rung 3 of 3: 2 points a row, the whole schedule; 4 trials" in dry
    assert not trainer.trained
    printed = prints(*f"tune {SCENES} --plot best.svg".split())
    assert "vsebench: rung 2 of 3: 6 points a row, epochs=3, " in printed.err
    assert len(trainer.trained) == 48
    heads, _, *rows = printed.out.splitlines()
    assert heads.split()[:4] == ["row", "lr", "dev", "RSUM"]
    assert [row.split(" × ")[1] for row in rows[:2]] == ["mean", "max"]
    assert "Rungs 1 and 2 on the points that went on: Kendall's tau 1.00 over 30 pairs." in rows
    assert "expected best dev RSUM" in (tmp_path / "best.svg").read_text()
    again = (tmp_path / "tuned" / "suite.toml").read_text()
    command = again.splitlines()[0].partition(": ")[2]
    prints(*shlex.split(command.removeprefix("vsebench ")))
    assert len(trainer.trained) == 48, "the command that the suite names repeats the search"
    assert (tmp_path / "tuned" / "suite.toml").read_text() == again
    prints(*f"tune {SCENES} --configurations 24".split())
    assert len(trainer.trained) > 48, "more points of the same search"


def test_another_search_never_replaces_a_tuned_suite(
    tmp_path: Path, prints: Prints, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vsebench.grid.tuning.race.run_plan", Trainer(peak))
    prints(*f"tune {SCENES} --quiet".split())
    chosen = (tmp_path / "tuned" / "suite.toml").read_text()
    for option, value, before in (
        ("--space", "lr=0.001..0.1", "lr=0.0004..0.04"),
        ("--trial-seeds", "7", "1000"),
        ("--search-seed", "1", "0"),
        ("--studies", "2", "1"),
        ("--rungs", "2", "3"),
    ):
        assert (
            f"suite.toml was tuned with {option} '{before}' and would be replaced by a search "
            f"with '{value}'"
        ) in prints(*f"tune {SCENES} {option} {value} --quiet".split(), code=2).err
    assert (
        "holds the tuning of another suite"
        in prints(*f"tune {SCENES} --pooling max --quiet".split(), code=2).err
    )
    assert (
        "would be overwritten by its tuned copy"
        in prints(*["tune", "tuned/suite.toml"], code=2).err
    )
    assert (
        "the suite is tuned already"
        in prints(*["tune", "tuned/suite.toml", "--out", "other"], code=2).err
    )
    assert (tmp_path / "tuned" / "suite.toml").read_text() == chosen
    (tmp_path / "tuned" / "suite.toml").write_text("mine")
    assert (
        "would be replaced and is no suite" in prints(*f"tune {SCENES} --quiet".split(), code=2).err
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("--configurations 6", "--configurations 6: what so few points find is mostly luck"),
        ("--space epochs=1..3", "--space: protocol key 'epochs' is held equal between rows"),
        ("--select speed", "'speed' is not one of"),
        ("--select time", "--select time and --target belong together"),
        ("--studies 0", "invalid value for '--studies'"),
        ("--seeds 0-2000", "seed 1000 is the suite's own: tune with others, such as --trial-seeds"),
        ("--pooling gqo", "unknown pooling 'gqo': did you mean 'gpo'"),
        ("--plot best.doc", "cannot tell the format of the figure 'best.doc'"),
        ("--trials 8", "has no option '--trials'"),
        ("absent.toml", "suite file 'absent.toml' cannot be read"),
    ],
)
def test_a_mistake_is_one_line(options: str, message: str, prints: Prints, tmp_path: Path) -> None:
    printed = prints(*f"tune --dataset scenes:images=60 {options}".split(), code=2)
    assert printed.out == ""
    assert message in printed.err
    assert len([line for line in printed.err.splitlines() if "error:" in line]) == 1
    assert not (tmp_path / "tuned").exists()


def test_failed_trials_are_named_and_the_command_ends_with_1(
    prints: Prints, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    class Broken(Trainer):
        def __call__(self, plan: Plan, reporter: object = None) -> None:
            self.errors = {plan.runs[0].run_id: "MemoryError: too much"}
            super().__call__(plan, reporter)

    monkeypatch.setattr("vsebench.grid.tuning.race.run_plan", Broken(peak))
    printed = prints(*f"tune {SCENES} --quiet".split(), code=1)
    assert printed.out == ""
    failed, error = printed.err.splitlines()
    assert "mean · triplet · seed 1000 · lr=" in failed
    assert "MemoryError: too much (" in failed
    assert error.startswith("vsebench: error: 1 of 32 trials failed, so that nothing was chosen")
    assert [path.name for path in (tmp_path / "tuned").iterdir()] == ["trials"]
    monkeypatch.setattr("vsebench.grid.tuning.race.run_plan", Trainer(peak))
    prints(*f"tune {SCENES} --quiet".split())
