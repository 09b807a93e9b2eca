"""What finished runs can do without goes, and nothing else does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.factories import make_curve, make_record, make_spec, save
from vsebench.results.folder.clean import remove, spare_files
from vsebench.results.folder.lease import Lease
from vsebench.results.folder.store import RunDirectory, Store

if TYPE_CHECKING:
    from pathlib import Path

    from vsebench.results.spec import RunSpec

STAYS = {"curve.jsonl", "done", "record.json", "run.log", "spec.json"}
TRAINING = {"checkpoint.pt", "offline.npz"}
MODEL = {"best.safetensors", "vocabulary.txt"}
LEFT = {"curve.jsonl.damaged", ".record.json.0a1b.tmp"}


def files(run: RunDirectory) -> set[str]:
    """The names of its files, without leases."""
    return {path.name for path in run.path.iterdir() if not path.name.startswith("lease-")}


def left(out: Path, spec: RunSpec, *, done: bool = True) -> RunDirectory:
    """A run that left every file that there can be, each of 100 bytes."""
    if done:
        save(out, make_record(spec), make_curve([100]))
    else:
        Store(out).directory_for(spec).write_spec(spec)
    run = Store(out).directory_for(spec)
    for name in {"run.log", *TRAINING, *MODEL, *LEFT}:
        (run.path / name).write_bytes(b"x" * 100)
    return run


@pytest.mark.parametrize(
    ("keep", "gone"), [("best", TRAINING | LEFT), ("none", TRAINING | LEFT | MODEL)]
)
def test_of_a_finished_run_its_record_always_stays(tmp_path, keep, gone):
    run = left(tmp_path, make_spec())
    before = files(run)
    spare = spare_files(tmp_path, keep)
    assert {file.path.name for file in spare} == gone
    assert files(run) == before  # looking deletes nothing
    assert remove(spare) == 100 * len(gone)
    assert files(run) == before - gone >= STAYS
    assert run.is_done
    assert run.damage(model=False) == {}
    assert spare_files(tmp_path, keep) == []


@pytest.mark.parametrize("keep", ["best", "none"])
def test_what_an_unfinished_run_resumes_from_stays(tmp_path, keep):
    run = left(tmp_path, make_spec(), done=False)
    remove(spare_files(tmp_path, keep))
    assert files(run) >= TRAINING | MODEL
    assert not LEFT & files(run)


def test_weights_that_an_unfinished_run_needs_stay(tmp_path):
    first = left(tmp_path, make_spec())
    needing = make_spec("max", depends_on=(make_spec().run_id,))
    left(tmp_path, needing, done=False)
    remove(spare_files(tmp_path, "none"))
    assert files(first) >= MODEL
    save(tmp_path, make_record(needing), make_curve([100]))
    remove(spare_files(tmp_path, "none"))
    assert not MODEL & files(first)


def test_a_run_that_somebody_works_on_is_left_alone(tmp_path):
    run = left(tmp_path, make_spec())
    spare = spare_files(tmp_path, "none")
    lease = Lease.claim(run.path)
    assert spare_files(tmp_path, "none") == []
    assert remove(spare) == 0
    assert files(run) >= MODEL
    lease.release()
    assert remove(spare) > 0
