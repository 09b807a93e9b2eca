"""Runs whose curves are known, for tests of speed."""

from __future__ import annotations

from typing import Any

from tests.factories import make_annotation_spec, make_curve, make_record
from vsebench.report.rows.runs import Run
from vsebench.report.rows.sections import Section
from vsebench.report.speed.speedup import SpeedTable, speed_table

COST = {
    "train_seconds": 20.0,
    "sampling_seconds": 8.0,
    "refresh_seconds": 2.0,
    "update_seconds": 10.0,
    "evaluation_seconds": 1.0,
    "samples_seen": 4000,
}


def run(
    sampler: str, seed: int, dev: tuple[float, ...], *, seconds: float = 2.0, **changes: Any
) -> Run:
    """Evaluated every 10 updates with these MAPs."""
    spec = make_annotation_spec(sampler, seed=seed)
    curve = [
        e.model_copy(update={"metrics": {"map": value}})
        for e, value in zip(make_curve(dev, seconds=seconds), dev, strict=True)
    ]
    return Run(make_record(spec, test={"map": max(dev)}, cost=COST, **changes), tuple(curve))


SLOW, FAST, NEVER = (0.02, 0.05, 0.09, 0.1), (0.05, 0.1, 0.1, 0.1), (0.01, 0.02, 0.03, 0.04)


def table(**rows: tuple[float, ...]) -> SpeedTable:
    return speed_table(
        Section(
            tuple(
                run(sampler.replace("_", "-"), seed, dev)
                for sampler, dev in rows.items()
                for seed in range(6)
            )
        )
    )
