"""The axes of a grid on the annotation task: samplers and losses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from vsebench.annotation.task import ANNOTATION
from vsebench.grid.axes import check_losses, distinct_refs
from vsebench.grid.protocols import components_of, resolve_protocol
from vsebench.plugin.errors import SpecError
from vsebench.plugin.specs import own_spec

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vsebench.grid.suite import Suite
    from vsebench.plugin.cards import DatasetCard
    from vsebench.plugin.params import Scalar
    from vsebench.plugin.registry import Registry
    from vsebench.results.spec import ComponentRef

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
        for name in ("pooling", "similarity"):
            if name in suite.model_fields_set:
                raise SpecError(
                    f"data set '{suite.dataset[0]}' serves the annotation task, which uses no "
                    f"{name}: leave out the {name}"
                )
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


def annotation_protocol_fields(
    suite: Suite, card: DatasetCard, registry: Registry, tuned: Mapping[str, Scalar]
) -> dict[str, Any]:
    """The fields of a run that the protocol decides: the suite's, or the data set's own, with the
    values that were tuned for its row.

    Raises:
        SpecError: the preset, a key or a value is not valid.
    """
    given = {**suite.changes, **tuned}
    protocol, changes = resolve_protocol(
        ANNOTATION, suite.protocol or card.protocol, given, registry
    )
    components = components_of(protocol, ANNOTATION.spec, given, registry)
    return {
        "protocol": protocol,
        "protocol_changes": changes,
        **{slot.field: ref for slot, ref in components},
    }
