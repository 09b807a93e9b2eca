"""Curves of many runs: read once for a table, and again for whoever wants more of them; when runs
arrive.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from pydantic import TypeAdapter

from tests.factories import make_curve, make_record, make_spec, save
from tests.results.studies import make_study
from vsebench.cli.runs import runs_command
from vsebench.plugin.errors import VsebenchError
from vsebench.report.results import load_results
from vsebench.report.rows.progress import Progress, Reach, StoredCurve, mean_reach, progress
from vsebench.report.rows.runs import Run, read_runs
from vsebench.results.checks.soundness import check_curve
from vsebench.results.packs.packing import pack
from vsebench.results.record import Evaluation, RunRecord

if TYPE_CHECKING:
    from pathlib import Path


def test_a_stored_curve_is_the_sequence_of_its_evaluations(tmp_path: Path) -> None:
    points = make_curve([100, 300, 200])
    save(tmp_path, make_record(), points)
    (run,) = read_runs(tmp_path).ended
    assert isinstance(run.curve, StoredCurve)
    assert (len(run.curve), list(run.curve)) == (3, points)
    assert (run.curve[-1], run.curve[:2], points[1] in run.curve) == (points[-1], points[:2], True)
    assert run.progress == Run(run.record, tuple(points)).progress == progress(points, "rsum")
    assert run.progress.quality == (100, 300, 200)


def test_nothing_has_no_progress() -> None:
    assert progress([], "rsum") == Run(make_record()).progress == Progress()


def test_a_finished_run_has_the_headline_at_every_evaluation(tmp_path: Path) -> None:
    points = make_curve([100, 200])
    lacking = points[1].model_copy(update={"metrics": {"i2t_r1": 3.0}})
    record = make_record(steps=lacking.step)
    with pytest.raises(ValueError, match=f"^at step {lacking.step} it has no dev rsum$"):
        check_curve(record, [points[0], lacking])
    save(tmp_path, record, [points[0], lacking])
    with pytest.raises(VsebenchError, match=r"curve\.jsonl is damaged \(at step"):
        read_runs(tmp_path)
    failed = make_record(make_spec("max"), status="failed", test={})
    save(tmp_path / "failed", failed, [lacking])
    (run,) = read_runs(tmp_path / "failed").ended
    assert list(run.curve) == [lacking]


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[type]:
    """The models that are read from JSON, one after the other."""
    seen: list[type] = []
    for model in (RunRecord, Evaluation):
        whole = model.model_validate_json

        def counted(content: bytes, model: type = model, whole: object = whole) -> object:
            seen.append(model)
            return whole(content)  # type: ignore[operator]

        monkeypatch.setattr(model, "model_validate_json", counted)

    class Curves:
        def validate_json(self, content: bytes) -> list[Evaluation]:
            found = TypeAdapter(list[Evaluation]).validate_json(content)
            seen.extend([Evaluation] * len(found))
            return found

    monkeypatch.setattr("vsebench.results.packs.pack._CURVE", Curves())
    return seen


def test_a_table_of_a_pack_reads_every_record_and_every_evaluation_once(
    tmp_path: Path, read: list[type]
) -> None:
    pack(make_study(tmp_path / "made"), tmp_path / "pack")
    read.clear()
    load_results(tmp_path / "pack").table()
    assert (read.count(RunRecord), read.count(Evaluation)) == (5, 8)
    read.clear()
    runs_command(tmp_path / "pack")
    assert (read.count(RunRecord), read.count(Evaluation)) == (5, 0)


def run(rsums, **cost):
    return Run(make_record(cost=cost), tuple(make_curve(rsums)))


def test_first_evaluation_at_or_above_counts():
    found = run([100, 190, 200, 150])
    assert found.reach(190) == (20, 0.5, 4.0)
    assert found.reach(190.1) == (30, 0.75, 6.0)
    assert found.reach(200.1) is None
    assert found.reach(0) == (10, 0.25, 2.0)


def test_the_clock_starts_with_what_the_method_needs_first():
    assert run([100, 190], prior_seconds=40.0, mining_seconds=3.5).reach(190) == (20, 0.5, 47.5)


def test_own_best_is_the_best_of_all_evaluations_not_the_last():
    found = run([100, 189.9, 190.1, 200, 120])
    assert found.best_dev == 200
    assert found.reached_own_best == (30, 0.75, 6.0)


def test_no_curve():
    assert run([]).best_dev is None
    assert run([]).reached_own_best is None
    assert Run(make_record(cost=None)).reach(0) is None


def test_mean_needs_every_seed():
    a, b = Reach(10, 0.25, 2.0), Reach(30, 0.75, 7.0)
    assert mean_reach([a, b]) == pytest.approx((20, 0.5, 4.5))
    assert mean_reach([a]) == a
    assert mean_reach([a, None]) is None
    assert mean_reach([]) is None
