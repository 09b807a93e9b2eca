"""A folder of runs with everything that runs leave, and what lies in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tests.factories import make_annotation_spec, make_curve, make_record, make_spec, save
from vsebench.results.folder.store import Store
from vsebench.results.packs.format import NAMES

if TYPE_CHECKING:
    from pathlib import Path

    from vsebench.results.spec import AnySpec

SPECS = [make_spec(pooling, seed=seed) for pooling in ("mean", "gpo/max") for seed in (0, 1)]
FAILED = make_spec("gpo", "aoq:h=5", 2)


def make_study(out: Path) -> Path:
    """Four finished runs and one that failed, planned in an order that no name has."""
    rng = np.random.default_rng(0)
    for n, spec in enumerate(SPECS):
        save(out, make_record(spec, rsum=300 + n / 7), make_curve([100, 200 + n / 3]))
        directory = Store(out).directory_for(spec)
        directory.write_ranks(rng.integers(0, 9, 20), rng.integers(0, 9, 100), np.arange(100) // 5)
        directory.write_per_image({"image": np.arange(3), "map": rng.random(3)})
        directory.write_best({})
        directory.write_checkpoint({"step": n})
        (directory.path / "run.log").write_text("said\n")
        (directory.path / "lease-3.json").write_text('{"released": true}\n')
    save(out, make_record(FAILED, status="failed", test={}, error="Traceback\nValueError: é\u2028"))
    Store(out).note_plan([spec.run_id for spec in (*SPECS[::-1], FAILED)])
    return out


def make_annotation_study(out: Path) -> Path:
    """Three finished runs of the other task, and no plan."""
    for seed in range(3):
        spec = make_annotation_spec(seed=seed)
        save(out, make_record(spec, test={"map": 0.1 * seed}, best_dev={"map": 0.1}))
    return out


def tree(folder: Path) -> dict[str, bytes]:
    """What a pack must give back: the packed files of the runs, and the plan."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.name in (*NAMES, "plan.json")
    }


def whole_tree(folder: Path) -> dict[str, bytes]:
    """Every file below a folder."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def path_of(out: Path, spec: AnySpec) -> Path:
    """A run's directory."""
    return Store(out).directory_for(spec).path
