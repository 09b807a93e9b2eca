"""Stands in for training: a run waits for as long as it would compute, and writes what it would
write.
"""

from __future__ import annotations

import random
from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from tests.factories import make_record, metrics
from vsebench.results.record import Evaluation

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.cluster.world import World
    from vsebench.results.folder.directory import RunDirectory
    from vsebench.results.record import RunRecord
    from vsebench.results.spec import RunSpec

EPOCHS = 10
STEPS = 100
_SPREAD = 0.5
"""Of the logarithm of a run's time."""


class Training:
    """What runs do.

    Attributes:
        epochs: how often each epoch of each run was computed to its end.
        ended: how often each run was recorded as done.
    """

    def __init__(self, world: World, seconds: float) -> None:
        self._world, self._seconds = world, seconds
        self.epochs: Counter[tuple[str, int]] = Counter()
        self.ended: Counter[str] = Counter()

    def seconds_of(self, run_id: str) -> float:
        """What a run takes: log-normal, the same whoever executes it."""
        drawn = random.Random(run_id).lognormvariate(-_SPREAD * _SPREAD / 2, _SPREAD)
        return self._seconds * drawn

    def __call__(
        self,
        spec: RunSpec,
        directory: RunDirectory,
        report: Callable[[dict[str, object]], None],
        observers: object,  # noqa: ARG002
    ) -> RunRecord:
        run_id = spec.run_id
        report({"event": "phase", "phase": "training"})
        found = directory.read_checkpoint(("epoch",))
        begun = 0 if found is None else int(found["epoch"])
        for epoch in range(begun, EPOCHS):
            self._world.wait(self.seconds_of(run_id) / EPOCHS)
            self.epochs[run_id, epoch] += 1
            directory.append_evaluation(_evaluation(epoch + 1))
            report({"event": "evaluated", "step": STEPS * (epoch + 1)})
            directory.write_checkpoint({"epoch": epoch + 1})
        report({"event": "phase", "phase": "test"})
        directory.write_ranks(np.zeros(4), np.zeros(8), np.arange(8) // 2)
        directory.write_best({}, {"run_id": run_id})
        directory.write_vocabulary("a\n")
        record = make_record(spec, steps=STEPS * EPOCHS)
        directory.write_record(record)
        self.ended[run_id] += 1
        return record


def _evaluation(epoch: int) -> Evaluation:
    return Evaluation(
        step=STEPS * epoch,
        epoch=float(epoch),
        seconds=float(epoch),
        loss=1 / epoch,
        lr=5e-4,
        metrics=metrics(300.0),
        epoch_end=True,
    )
