"""What a folder of runs holds: runs, packs, external rows, and what commands note beside them."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import numpy as np
import torch
from safetensors.torch import load_file

from tests.factories import make_curve, make_external, make_record, make_spec, save
from tests.fuzz.reader import Reader, plain
from vsebench.plugin import OfflineLists
from vsebench.report.figures.weights import weight_sketches
from vsebench.report.leaderboard.board import boards
from vsebench.report.queries.tallies import instead
from vsebench.report.rows.runs import read_runs
from vsebench.report.statistics.contributions import contributions
from vsebench.results.checks.audit import audit
from vsebench.results.checks.contents import read_about
from vsebench.results.external import read_external, write_external
from vsebench.results.folder.lease import Lease
from vsebench.results.folder.store import Store
from vsebench.results.packs.pack import Pack
from vsebench.results.packs.packing import pack
from vsebench.retrieval.training.first_round import StoredLists, _stored

if TYPE_CHECKING:
    from pathlib import Path

SPEC = make_spec("gpo", "aoq:h=5", 2)


def readers(out: Path) -> dict[str, Reader]:
    """Their readers, with files written below a folder."""
    return _finished(out / "runs") | _unfinished(out / "unfinished") | _beside(out / "beside")


def _finished(out: Path) -> dict[str, Reader]:
    rng = np.random.default_rng(0)
    run = Store(out).directory_for(SPEC)
    run.write_spec(SPEC)
    for point in make_curve([100, 200]):
        run.append_evaluation(point)
    run.write_ranks(rng.integers(0, 9, 20), rng.integers(0, 9, 100), np.arange(100) // 5)
    run.write_shown(
        "positions.npz", {"image": np.array([[0.7, 0.3, np.nan], [0.5, 0.3, 0.2]], np.float32)}
    )
    run.write_shown(
        "retrieved.npz",
        {
            "i2t": np.array([3, 1], np.int32),
            "i2t_top": np.array([[5, 6, 7], [1, 2, -1]], np.int32),
            "t2i": np.array([9], np.int32),
            "t2i_top": np.array([[4, 2, 0]], np.int32),
        },
    )
    run.write_best({"weight": torch.rand(4, 3)})
    save(out, make_record(SPEC), make_curve([100, 200])[:0])
    run.write_record(make_record(SPEC, steps=20))
    packed = out.with_name("packed")
    shutil.copytree(out, packed)
    pack(packed)

    def curve() -> object:
        record = run.read_record()
        assert record is not None
        return run.read_whole_curve(record)

    def best() -> object:
        run.check_best()
        return read_about(run.best_path), plain(load_file(run.best_path))

    def whole_pack() -> object:
        return [
            (each.read_record(), plain(each.read_arrays("ranks.npz")))
            for each in Pack(packed).runs
            if each.is_done
        ]

    def shown() -> object:
        (board,) = boards(read_runs(out).ended, (), level=0.95)
        queries = [("i2t", 3), ("i2t", 1), ("t2i", 9)]
        retrieved = instead(board.block.section, queries)
        return [each.titles for each in weight_sketches(board)], retrieved

    return {
        "weights of positions": Reader(run.path / "positions.npz", shown),
        "retrieved": Reader(run.path / "retrieved.npz", shown),
        "record": Reader(run.path / "record.json", run.read_record, sealed=True),
        "seal": Reader(run.path / "done", run.read_record, sealed=True),
        "curve": Reader(run.path / "curve.jsonl", curve, sealed=True),
        "ranks": Reader(
            run.path / "ranks.npz", lambda: plain(contributions(make_record(SPEC), run))
        ),
        "weights": Reader(run.best_path, best, sealed=True),
        "pack": Reader(packed / "runs.jsonl.gz", whole_pack, sealed=True),
        "packed arrays": Reader(packed / "runs.npz", whole_pack, sealed=True),
    }


def _unfinished(out: Path) -> dict[str, Reader]:
    """A run that was interrupted, one that failed, and one that mined negatives."""
    stopped, failed = (Store(out).directory_for(make_spec("gpo", seed=seed)) for seed in (0, 1))
    for seed, run in enumerate((stopped, failed)):
        run.write_spec(make_spec("gpo", seed=seed))
        run.append_evaluation(make_curve([100])[0])
    stopped.write_checkpoint({"state": {"step": 7}, "model": {"weight": torch.rand(4, 3)}})
    failed.write_record(
        make_record(make_spec("gpo", seed=1), status="failed", test={}, error="ValueError: no")
    )
    lists = OfflineLists(np.arange(12).reshape(4, 3), np.arange(8).reshape(4, 2))
    StoredLists(lists, 2.5, 1.5).save(stopped.offline_path)

    def checkpoint() -> object:
        found = stopped.read_checkpoint(["state", "model"])
        return found and (found["state"], plain(found["model"]))

    def offline() -> object:
        kept = stopped.offline_path.read_bytes()
        try:
            found = _stored(stopped)  # which sets a damaged file aside
        finally:
            stopped.offline_path.write_bytes(kept)
        return found and (found.lists.texts.tolist(), found.lists.images.tolist(), found.seconds)

    return {
        "checkpoint": Reader(stopped.checkpoint_path, checkpoint),
        "interrupted": Reader(stopped.checkpoint_path, lambda: audit(out)),
        "offline lists": Reader(stopped.offline_path, offline),
        "spec": Reader(stopped.path / "spec.json", stopped.read_spec),
        "failed record": Reader(
            failed.path / "record.json", lambda: [run.read_record() for run in Store(out).runs()]
        ),
        "open curve": Reader(failed.path / "curve.jsonl", failed.read_curve),
    }


def _beside(out: Path) -> dict[str, Reader]:
    store = Store(out)
    store.note_plan([SPEC.run_id, "another"], ["another"])
    row = write_external(out, make_external(), (np.arange(6), np.arange(30)))
    leased = out / "leased"
    lease = Lease.claim(leased)
    assert lease is not None

    def claimed() -> bool:
        content = lease.path.read_bytes()
        try:
            found = Lease.claim(leased)
            return found is None
        finally:
            for path in leased.iterdir():
                path.unlink()
            lease.path.write_bytes(content)

    return {
        "plan": Reader(out / "plan.json", store.noted),
        "external row": Reader(row / "row.json", lambda: read_external(out)),
        "lease": Reader(lease.path, claimed),
    }
