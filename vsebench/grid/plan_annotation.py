"""The runs of the annotation task."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, cast

from vsebench.annotation.task import TUNABLE
from vsebench.grid.axes_annotation import AnnotationAxes, annotation_protocol_fields
from vsebench.grid.planning import Planned
from vsebench.grid.tuned import tuned_values
from vsebench.plugin.datasets import AnnotationData
from vsebench.plugin.errors import SpecError
from vsebench.results.spec import AnnotationSpec, Cell

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from vsebench.grid.planning import Opened
    from vsebench.grid.suite import Suite
    from vsebench.plugin.cards import DatasetCard
    from vsebench.plugin.registry import Registry
    from vsebench.results.protocol import AnnotationProtocol
    from vsebench.results.spec import ComponentRef, Device


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
    cells = {
        Cell(d.spec, loss.spec, sampler=s.spec): (d, s, loss)
        for d, s, loss in itertools.product(datasets, axes.samplers, axes.losses)
    }
    tuned = tuned_values(suite.tuned, cells, suite.changes, TUNABLE.keys, registry)
    cards = {
        dataset.spec: cast("DatasetCard", registry.get("dataset", dataset.name).card)
        for dataset in datasets
    }
    protocols = {
        cell: [
            (values, annotation_protocol_fields(suite, cards[cell.dataset], registry, values.set))
            for values in tuned[cell]
        ]
        for cell in cells
    }
    opened = {dataset.spec: open_data(dataset) for dataset in datasets}
    runs = []
    for cell, (dataset, sampler, loss) in cells.items():
        for values, protocol in protocols[cell]:
            fields = {
                "sampler": sampler,
                "loss": loss,
                "device": _device(suite, protocol["protocol"], device),
                **values.fields,
            }
            runs += [
                AnnotationSpec(**opened[dataset.spec].fields, **protocol, **fields, seed=seed)
                for seed in values.seeds(suite.seeds)
            ]
        if isinstance(data := opened[dataset.spec].data, AnnotationData):
            check_run(runs[-1], data)
    return Planned(tuple(runs))


def _device(suite: Suite, protocol: AnnotationProtocol, resolved: Device) -> Device:
    """The sequential engine is the CPU's."""
    if protocol.engine == "minibatch":
        return resolved
    if suite.device == "cuda":
        raise SpecError(
            "the sequential engine runs on the CPU: use --set engine=minibatch, or --device cpu"
        )
    return "cpu"
