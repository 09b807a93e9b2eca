"""The runs of the pattern task: poolings and losses."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from vsebench.grid.component_values import with_values
from vsebench.grid.planners import (
    Planned,
    check_losses,
    check_size,
    check_unused,
    distinct_refs,
    protocol_fields,
    suite_specs,
)
from vsebench.grid.tuned import tuned_values
from vsebench.patterns.spec import PatternsSpec
from vsebench.patterns.task import PATTERNS
from vsebench.plugin.errors import SpecError
from vsebench.plugin.specs import own_spec
from vsebench.results.components import resolve_pooling
from vsebench.results.run_base import Cell

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from vsebench.grid.planners import Opened
    from vsebench.grid.suite import Suite
    from vsebench.plugin.registry import Registry
    from vsebench.results.components import ComponentRef
    from vsebench.results.run_base import Device

LOSSES = ("mse",)
"""What a suite that names none compares."""


def pattern_runs(
    suite: Suite,
    datasets: Sequence[ComponentRef],
    open_data: Callable[[ComponentRef], Opened],
    device: Device,
    registry: Registry,
) -> Planned:
    """Every run of a suite; everything is resolved before the first data set is opened."""
    poolings, losses = _axes(suite, registry)
    check_size(suite, datasets=len(datasets), poolings=len(poolings), losses=len(losses))
    cells = {
        Cell(d.spec, loss.spec, pooling=p.spec): {"dataset": d, "pooling": p, "loss": loss}
        for d, p, loss in itertools.product(datasets, poolings, losses)
    }
    tuned = tuned_values(suite.tuned, cells, suite.changes, PATTERNS, registry)
    decided = {
        cell: [
            (values, protocol_fields(PATTERNS, suite, components["dataset"], registry, values.set))
            for values in tuned[cell]
        ]
        for cell, components in cells.items()
    }
    opened = {dataset.spec: open_data(dataset) for dataset in datasets}
    runs = []
    for cell, components in cells.items():
        for values, protocol in decided[cell]:
            fields = {
                **opened[cell.dataset].fields,
                **with_values(components, values.set, PatternsSpec, registry),
                **protocol,
                "device": device,
                **values.fields,
            }
            runs += [PatternsSpec(**fields, seed=seed) for seed in values.seeds(suite.seeds)]
    return Planned(tuple(runs))


def _axes(
    suite: Suite, registry: Registry
) -> tuple[tuple[ComponentRef, ...], tuple[ComponentRef, ...]]:
    """A suite's poolings and losses.

    Raises:
        SpecError: one is not known, is given twice, or belongs to another task; or the suite names
            what the task does not use.
    """
    check_unused(suite, PATTERNS, "similarity", "sampler")
    texts = suite_specs("pooling", suite, registry)
    for text in texts:
        image, caption = resolve_pooling(text, registry)
        if image != caption:
            raise SpecError(
                f"pooling '{text}': a pattern is learnt by one pooling, not by one for each side: "
                f"write {image.spec},{caption.spec}"
            )
    losses = distinct_refs(
        "loss",
        suite.loss
        if "loss" in suite.model_fields_set
        else [own_spec("loss", text, registry) for text in LOSSES],
        registry,
    )
    check_losses(losses, PATTERNS, suite, registry)
    return distinct_refs("pooling", texts, registry), losses
