"""The runs of the annotation task: samplers and losses."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vsebench.annotation.task import ANNOTATION
from vsebench.grid.component_values import with_values
from vsebench.grid.planners import (
    Planned,
    check_losses,
    check_size,
    check_unused,
    distinct_refs,
    protocol_fields,
)
from vsebench.grid.tuned import tuned_values
from vsebench.plugin.datasets import AnnotationData
from vsebench.plugin.errors import SpecError
from vsebench.plugin.specs import own_spec
from vsebench.results.run_base import Cell
from vsebench.results.spec import AnnotationSpec

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from vsebench.grid.planners import Opened
    from vsebench.grid.suite import Suite
    from vsebench.plugin.registry import Registry
    from vsebench.results.components import ComponentRef
    from vsebench.results.protocol import AnnotationProtocol
    from vsebench.results.run_base import Device

SAMPLERS = ("uniform", "warp", "vse-ens")
LOSSES = ("hinge",)
"""What a suite that names none compares."""


@dataclass(frozen=True)
class AnnotationAxes:
    """The resolved components of a suite."""

    samplers: tuple[ComponentRef, ...]
    losses: tuple[ComponentRef, ...]

    @classmethod
    def of(cls, suite: Suite, registry: Registry) -> AnnotationAxes:
        """Resolves a suite's components.

        Raises:
            SpecError: one is not known, is given twice, or belongs to another task; or the suite
                names what the task does not use.
        """
        check_unused(suite, ANNOTATION, "pooling", "similarity")
        samplers = distinct_refs(
            "sampler",
            suite.sampler or [own_spec("sampler", text, registry) for text in SAMPLERS],
            registry,
        )
        losses = distinct_refs(
            "loss",
            suite.loss
            if "loss" in suite.model_fields_set
            else [own_spec("loss", text, registry) for text in LOSSES],
            registry,
        )
        check_losses(losses, ANNOTATION, suite, registry)
        return cls(samplers, losses)


def annotation_runs(
    suite: Suite,
    datasets: Sequence[ComponentRef],
    open_data: Callable[[ComponentRef], Opened],
    device: Device,
    registry: Registry,
) -> Planned:
    """Every run of a suite; everything is resolved before the first data set is opened."""
    from vsebench.annotation.inputs import check_run

    axes = AnnotationAxes.of(suite, registry)
    check_size(suite, datasets=len(datasets), samplers=len(axes.samplers), losses=len(axes.losses))
    cells = {
        Cell(d.spec, loss.spec, sampler=s.spec): {"dataset": d, "sampler": s, "loss": loss}
        for d, s, loss in itertools.product(datasets, axes.samplers, axes.losses)
    }
    tuned = tuned_values(suite.tuned, cells, suite.changes, ANNOTATION, registry)
    protocols = {
        cell: [
            (
                values,
                protocol_fields(ANNOTATION, suite, components["dataset"], registry, values.set),
            )
            for values in tuned[cell]
        ]
        for cell, components in cells.items()
    }
    opened = {dataset.spec: open_data(dataset) for dataset in datasets}
    runs = []
    for cell, components in cells.items():
        for values, protocol in protocols[cell]:
            fields = {
                **opened[cell.dataset].fields,
                **with_values(components, values.set, AnnotationSpec, registry),
                **protocol,
                "device": _device(suite, protocol["protocol"], device),
                **values.fields,
            }
            runs += [AnnotationSpec(**fields, seed=seed) for seed in values.seeds(suite.seeds)]
        if isinstance(data := opened[cell.dataset].data, AnnotationData):
            check_run(runs[-1], data)
    return Planned(tuple(runs))


def _device(suite: Suite, protocol: AnnotationProtocol, resolved: Device) -> Device:
    """The sequential engine is the CPU's."""
    if protocol.engine == "minibatch":
        return resolved
    if suite.device.startswith("cuda"):
        raise SpecError(
            "the sequential engine runs on the CPU: use --set engine=minibatch, or --device cpu"
        )
    return "cpu"
