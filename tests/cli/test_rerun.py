"""A reviewer makes a seed of somebody's runs again."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.cli.tiny_runs import PROTOCOL
from tests.data.files import write_precomp
from tests.factories import make_annotation_spec, make_provenance, make_record
from vsebench.gate.rerun import Rerun, _compared
from vsebench.grid.run import run_suite
from vsebench.grid.suite import make_suite
from vsebench.report.rows.runs import Run, read_runs
from vsebench.report.statistics.seed_spread import stored
from vsebench.results.folder.store import Store
from vsebench.results.packs.packing import pack

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.fixtures import Answer

    Capture = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A pack of three seeds of AOQ with their first rounds, and the data that they were made on."""
    root = tmp_path_factory.mktemp("submitted")
    write_precomp(root / "data", (8, 3, 6))
    made = run_suite(
        make_suite(
            {
                "dataset": "precomp",
                "data_root": str(root / "data"),
                "pooling": "mean",
                "loss": "aoq",
                "seeds": "0-2",
                "protocol": "quick",
                "device": "cpu",
                "set": PROTOCOL,
                "out": str(root / "runs"),
                "workers": 1,
            }
        )
    )
    assert not (made.failed)
    assert not (made.blocked)
    pack(root / "runs", root / "pack")
    return root


def test_a_seed_comes_out_again(world: Path, answer: Answer) -> None:
    asked = ("--rerun", 1, "--data-root", world / "data", "--quiet")
    code, out, err = answer("submit", world / "pack", *asked)
    assert (code, err) == (0, "")
    (line,) = [line for line in out.splitlines() if "seed 1" in line]
    assert line.startswith("mean,aoq, seed 1: rsum ")
    assert line.endswith(" again, and every query as in the record")


def test_what_cannot_be_made_again_is_said(world: Path, answer: Answer, tmp_path: Path) -> None:
    roots = ("--data-root", world / "data")
    code, _, err = answer("submit", world / "pack", "--rerun", 7, *roots)
    assert (code, err) == (
        2,
        "vsebench: error: no finished run has seed 7: their seeds are 0, 1, 2\n",
    )
    assert (
        "there is no row 'gpo,aoq'"
        in answer("submit", world / "pack", "--rerun", 0, "--row", "gpo,aoq", *roots)[2]
    )
    assert "name a seed with --rerun" in answer("submit", world / "pack", "--row", "mean,aoq")[2]
    write_precomp(tmp_path / "other", (9, 3, 6))
    code, _, err = answer("submit", world / "pack", "--rerun", 0, "--data-root", tmp_path / "other")
    assert code == 2
    assert "has fingerprint" in err


def of(run: Run, out: Path, **changes: object) -> Rerun:
    changed = replace(run, record=run.record.model_copy(update=changes))
    return _compared(changed, Store(out), [changed])


def test_numbers_must_be_equal_on_the_same_machine_and_near_on_another(world: Path) -> None:
    run = read_runs(world / "runs").ended[0]
    assert of(run, world / "runs").equal
    forged = {**run.record.test, "rsum": run.record.test["rsum"] + 1}
    here = of(run, world / "runs", test=forged)
    assert (here.alike, here.equal, here.holds) == (True, False, False)
    assert "by the same code on the same CPU they must be equal" in str(here)
    elsewhere = of(run, world / "runs", test=forged, provenance=make_provenance())
    assert (elsewhere.alike, elsewhere.holds) == (False, True)
    limit = stored().limits(run.record.test, ["rsum"], 1, 0.95)["rsum"]
    assert elsewhere.limit == limit
    assert f"within ±{limit:.3g}" in str(elsewhere)
    assert run.record.provenance is not None
    for change in ({"git_commit": "0" * 40}, {"cpu_generation": "25-1-1"}):
        other = run.record.provenance.model_copy(update=change)
        assert of(run, world / "runs", test=forged, provenance=other).holds
    far = {**run.record.test, "rsum": run.record.test["rsum"] + 1.01 * limit}
    apart = of(run, world / "runs", test=far, provenance=make_provenance())
    assert not apart.holds
    assert f"outside ±{limit:.3g}" in str(apart)
    assert not of(run, world / "runs", test=forged, provenance=None).alike


def test_a_run_that_leaves_nothing_here_does_not_hold(world: Path, tmp_path: Path) -> None:
    run = read_runs(world / "runs").ended[0]
    found = of(run, tmp_path)
    assert (found.holds, str(found)) == (False, "fails here: it left no record")


def test_labels_are_compared_by_the_spread_of_their_row(tmp_path: Path) -> None:
    runs = [
        Run(make_record(make_annotation_spec(seed=seed), test={"map": value}))  # type: ignore[arg-type]
        for seed, value in enumerate((0.2, 0.3, 0.4))
    ]
    limit = _compared(runs[0], Store(tmp_path), runs).limit
    assert limit == pytest.approx(4.302653 * 0.1 * 2**0.5)
    assert _compared(runs[0], Store(tmp_path), runs[:2]).limit is None
