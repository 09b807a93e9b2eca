"""A task of a plugin: how many things are in an image. Its runs compare similarities, and learn
nothing.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from vsebench.grid.planners import Planned, check_losses, distinct_refs, suite_specs
from vsebench.grid.protocols import resolve_protocol
from vsebench.plugin import Card, DatasetCard, LossCard, hookimpl
from vsebench.plugin.metrics import Metric
from vsebench.results.components import ComponentRef, ComponentSlot
from vsebench.results.protocol import AnyProtocol
from vsebench.results.record import Cost, Evaluation, RunRecord
from vsebench.results.run_base import RunBase
from vsebench.results.tasks import Task

if TYPE_CHECKING:
    from pathlib import Path

EXACT = Metric("exact", "exact", "Percentage of images counted right.", places=1)


class CountingProtocol(AnyProtocol):
    name: str = "by-eye"
    epochs: int = Field(3, ge=1, description="looks at every image")
    stop: str = "never"
    threads: int = 1


class CountingSpec(RunBase):
    task: Literal["counting"] = "counting"
    similarity: Annotated[ComponentRef, ComponentSlot("similarity")]
    protocol: CountingProtocol

    @property
    def combination(self) -> tuple[str, str]:
        return self.similarity.spec, self.loss.spec

    @property
    def axes(self) -> dict[str, str | None]:
        return {"similarity": self.similarity.spec, "loss": self.loss.spec}

    @property
    def context(self) -> dict[str, int]:
        return {}

    def identity(self) -> dict[str, Any]:
        return self._identity(self.task, self.protocol)


COUNTING = Task(
    name="counting",
    spec=CountingSpec,
    protocol=CountingProtocol,
    presets={"by-eye": CountingProtocol()},
    axes=("similarity", "loss"),
    metrics=(EXACT,),
    headline=EXACT,
    notes=("Exact: % of test images counted right.",),
    parts=("train", "evaluation"),
    planner=f"{__name__}:planned",
    runner=f"{__name__}:run",
    step="looks",
)


def planned(suite, datasets, open_data, device, registry):  # type: ignore[no-untyped-def]
    losses = distinct_refs("loss", suite_specs("loss", suite, registry), registry)
    check_losses(losses, COUNTING, suite, registry)
    similarities = distinct_refs("similarity", suite_specs("similarity", suite, registry), registry)
    protocol, changes = resolve_protocol(
        COUNTING, suite.protocol or "by-eye", suite.changes, registry
    )
    return Planned(
        tuple(
            CountingSpec(
                **open_data(dataset).fields,
                similarity=similarity,
                loss=loss,
                protocol=protocol,
                protocol_changes=changes,
                seed=seed,
                device=device,
            )
            for dataset, similarity, loss, seed in itertools.product(
                datasets, similarities, losses, suite.seeds
            )
        )
    )


def run(spec, directory, report, observers):  # type: ignore[no-untyped-def]
    quality = 50.0 + spec.seed + 10 * (spec.similarity.name == "dot")
    for epoch in range(1, spec.protocol.epochs + 1):
        exact = {"exact": quality * (1 - 0.5**epoch)}
        directory.append_evaluation(
            Evaluation(step=epoch, epoch=epoch, seconds=epoch, loss=1 / epoch, lr=1, metrics=exact)
        )
    cost = Cost(train_seconds=3.0, samples_seen=30, parameters=0, peak_memory_mb=1.0, concurrency=1)
    record = RunRecord(
        run_id=spec.run_id,
        status="done",
        spec=spec,
        test={"exact": quality},
        best_dev=exact,
        best_step=spec.protocol.epochs,
        steps=spec.protocol.epochs,
        steps_per_epoch=1,
        cost=cost,
    )
    directory.write_record(record)
    return record


@dataclass
class CountingData:
    counts: list[int]
    task: str = "counting"
    splits: dict[str, Any] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


class Things:
    """A data set of numbers, one a line."""

    def files(self, root: Path) -> list[Path]:
        return [root / "counts.txt"]

    def load(self, root: Path) -> CountingData:
        return CountingData([int(line) for line in self.files(root)[0].read_text().split()])


class Off:
    """How far off a count is."""


class Near:
    """A similarity."""


@hookimpl
def vsebench_register_similarities(register):  # type: ignore[no-untyped-def]
    register("near", f"{__name__}:Near", card=Card("near counts"))


@hookimpl
def vsebench_register_datasets(register):  # type: ignore[no-untyped-def]
    register("things", f"{__name__}:Things", card=DatasetCard("counted things", task="counting"))


@hookimpl
def vsebench_register_losses(register):  # type: ignore[no-untyped-def]
    register("off", f"{__name__}:Off", card=LossCard("how far off", task="counting"))
