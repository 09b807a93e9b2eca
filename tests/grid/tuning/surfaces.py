"""Stands in for training: a run's dev quality is a function of its spec, and its record is written
at once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from vsebench.grid.suite import make_suite
from vsebench.results.folder.store import Store
from vsebench.results.record import Cost, Evaluation, RunRecord
from vsebench.results.tasks import task_of

if TYPE_CHECKING:
    from typing import Any

    from vsebench.grid.plan import Plan
    from vsebench.grid.suite import Suite
    from vsebench.results.run_base import RunBase

Surface = Callable[["RunBase"], float | None]
"""The quality of a run; None when it diverges."""

EVALUATIONS = 4


@dataclass
class Trainer:
    """Runs plans; a run fails when its error is given.

    Attributes:
        surface: qualities.
        errors: of runs that fail, by id.
        trained: labels of the runs that were trained, in order.
        stop_after: how many runs to train before the command is interrupted; None for never.
    """

    surface: Surface
    errors: dict[str, str] = field(default_factory=dict)
    trained: list[RunBase] = field(default_factory=list)
    stop_after: int | None = None

    def __call__(self, plan: Plan, reporter: object = None) -> None:
        store = Store(plan.out)
        store.prepare()
        store.note_plan([run.run_id for run in plan.runs], plan.support | plan.trials.keys())
        for run in plan.runs:
            if store.directory_for(run).is_done:
                continue
            if self.stop_after == len(self.trained):
                raise KeyboardInterrupt
            self.trained.append(run)
            self._train(run, store)

    def _train(self, run: RunBase, store: Store) -> None:
        directory, headline = store.directory_for(run), task_of(run).headline.key
        directory.write_spec(run)
        needed = [store.find(run_id) for run_id in run.depends_on]
        records = [found.read_record() for found in needed if found is not None]
        if any(record is None or record.status != "done" for record in records):
            blocked = RunRecord(run_id=run.run_id, status="blocked", spec=run, error="its need")
            directory.write_record(blocked)
            return
        quality = self.surface(run)
        if run.run_id in self.errors or quality is None:
            record = RunRecord(
                run_id=run.run_id,
                status="failed",
                spec=run,
                diverged=run.run_id not in self.errors,
                error=f"Traceback\n{self.errors.get(run.run_id, 'DivergenceError: no')}",
            )
            directory.write_record(record)
            return
        for i in range(1, EVALUATIONS + 1):
            directory.append_evaluation(
                Evaluation(
                    step=i * run.protocol.epochs,
                    epoch=float(i),
                    seconds=float(i),
                    loss=1.0,
                    lr=1.0,
                    metrics={headline: quality * i / EVALUATIONS},
                )
            )
        prior = sum(record.cost.total_seconds for record in records if record and record.cost)
        directory.write_record(
            RunRecord(
                run_id=run.run_id,
                status="done",
                spec=run,
                test={headline: quality},
                best_dev={headline: quality},
                best_step=1,
                cost=Cost(train_seconds=float(run.protocol.epochs), prior_seconds=prior),
            )
        )


def scenes(**values: Any) -> Suite:
    """A suite of the retrieval task, of nine epochs so that thirds are whole."""
    return make_suite(
        {
            "dataset": "scenes:images=60",
            "pooling": "mean,max",
            "loss": "triplet",
            "epochs": 9,
            "device": "cpu",
            **values,
        }
    )


def tags(**values: Any) -> Suite:
    """A suite of the annotation task."""
    return make_suite(
        {
            "dataset": "tags:images=60:labels=30:density=0.1",
            "sampler": "uniform,dns",
            "set": {"embed_dim": 4, "epochs": 1, "round_size": 90},
            **values,
        }
    )
