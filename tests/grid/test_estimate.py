"""What runs will take is read off runs like them, and off no others."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.factories import make_curve, make_record, make_spec, save
from vsebench.grid.estimate import done_runs, estimate, folder_bytes
from vsebench.results.folder.store import Store
from vsebench.results.protocol import Protocol

if TYPE_CHECKING:
    from pathlib import Path

    from vsebench.results.spec import RunSpec


def taking(out: Path, spec: RunSpec, seconds: float) -> None:
    """A finished run whose own process took so many seconds."""
    cost = {"train_seconds": seconds - 11, "mining_seconds": 10.0, "evaluation_seconds": 1.0}
    save(out, make_record(spec, cost={"prior_seconds": 900.0, **cost}), make_curve([100]))


def test_other_seeds_of_a_row_tell_most(tmp_path):
    taking(tmp_path, make_spec("gpo", seed=0), 60)
    taking(tmp_path, make_spec("gpo", seed=1), 80)
    taking(tmp_path, make_spec("mean", seed=0), 20)
    left = [make_spec("gpo", seed=2), make_spec("gpo", seed=3), make_spec("max", seed=0)]
    found = estimate(left, done_runs([tmp_path]), 1)
    assert found.seconds == pytest.approx(70 + 70 + (60 + 80 + 20) / 3)
    assert (found.runs, found.unlike, found.by_row, found.records) == (3, 0, 2, 3)
    sizes = [folder_bytes(run.path) for run in Store(tmp_path).runs()]
    assert found.bytes == pytest.approx(sum(sizes[:2]) + sum(sizes) / 3, abs=len(sizes) * 40)


def test_several_at_a_time_and_never_less_than_the_longest(tmp_path):
    taking(tmp_path, make_spec("gpo", seed=0), 100)
    taking(tmp_path, make_spec("mean", seed=0), 20)
    left = [make_spec("gpo", seed=1), make_spec("mean", seed=1)]
    assert estimate(left, done_runs([tmp_path]), 2).seconds == pytest.approx(100)
    many = [make_spec("mean", seed=seed) for seed in range(1, 9)]
    assert estimate(many, done_runs([tmp_path]), 4).seconds == pytest.approx(40)


def test_seconds_grow_with_the_epochs(tmp_path):
    taking(tmp_path, make_spec(), 40)
    protocol = make_spec().protocol
    longer = protocol.model_copy(update={"epochs": 3 * protocol.epochs})
    found = estimate([make_spec(seed=1, protocol=longer)], done_runs([tmp_path]), 1)
    assert found.seconds == pytest.approx(120)


@pytest.mark.parametrize(
    "changes",
    [
        {"dataset": "flickr8k"},
        {"device": "cuda"},
        {"protocol": Protocol(name="quick", embed_dim=128, epochs=4, sibling_mask=True)},
    ],
)
def test_runs_on_other_data_devices_and_protocols_tell_nothing(tmp_path, changes):
    taking(tmp_path, make_spec(), 40)
    done = done_runs([tmp_path])
    assert estimate([make_spec(seed=1, **changes)], done, 1) is None
    found = estimate([make_spec(seed=1, **changes), make_spec(seed=1)], done, 1)
    assert (found.runs, found.unlike) == (1, 1)


def test_failed_runs_tell_nothing(tmp_path):
    save(tmp_path, make_record(status="failed", test={}, cost=None))
    assert done_runs([tmp_path]) == []
    assert estimate([make_spec(seed=1)], [], 1) is None


def test_a_run_in_two_folders_counts_once(tmp_path):
    for name in ("a", "b"):
        taking(tmp_path / name, make_spec(), 40)
    assert len(done_runs([tmp_path / "a", tmp_path / "b"])) == 1


def test_a_folder_holds_what_its_files_hold(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a").write_bytes(b"x" * 1000)
    (tmp_path / "b").write_bytes(b"y" * 24)
    assert folder_bytes(tmp_path) == 1024
