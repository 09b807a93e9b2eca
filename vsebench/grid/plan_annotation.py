"""The runs of the annotation task."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, cast

from vsebench.grid.axes_annotation import AnnotationAxes, annotation_protocol_fields
from vsebench.plugin.errors import SpecError
from vsebench.results.spec import AnnotationSpec

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from vsebench.grid.plan import Opened
    from vsebench.grid.suite import Suite
    from vsebench.plugin.cards import DatasetCard
    from vsebench.plugin.registry import Registry
    from vsebench.results.protocol import AnnotationProtocol
    from vsebench.results.spec import ComponentRef, Device


def annotation_runs(
    suite: Suite, datasets: Sequence[ComponentRef], open_data: Callable[[ComponentRef], Opened], device: Device, registry: Registry
) -> tuple[AnnotationSpec, ...]:
    """Every run of a suite; everything is resolved before the first data set is opened."""
    axes = AnnotationAxes.of(suite, registry)
    protocols = [annotation_protocol_fields(suite, cast("DatasetCard", registry.get("dataset", dataset.name).card), registry) for dataset in datasets]
    runs = []
    for dataset, protocol in zip(datasets, protocols, strict=True):
        opened = open_data(dataset)
        for sampler, loss, seed in itertools.product(axes.samplers, axes.losses, suite.seeds):
            runs.append(AnnotationSpec(**opened.fields, **protocol, sampler=sampler, loss=loss, seed=seed, device=_device(suite, protocol["protocol"], device)))
    return tuple(runs)


def _device(suite: Suite, protocol: AnnotationProtocol, resolved: Device) -> Device:
    """The sequential engine is the CPU's."""
    if protocol.engine == "minibatch":
        return resolved
    if suite.device == "cuda":
        raise SpecError("the sequential engine runs on the CPU: use --set engine=minibatch, or --device cpu")
    return "cpu"
