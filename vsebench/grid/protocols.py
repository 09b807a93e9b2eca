"""Protocols by name, and how `--set KEY=VALUE` changes them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, TypeVar

from pydantic import ValidationError

from vsebench.grid.validation import one_line
from vsebench.plugin.errors import SpecError, did_you_mean
from vsebench.results.components import resolve_ref
from vsebench.results.presets import ANNOTATION_PRESETS, PRESETS
from vsebench.results.protocol import NEVER, AnnotationProtocol, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vsebench.plugin.params import Scalar
    from vsebench.plugin.registry import Registry
    from vsebench.results.spec import ComponentRef

P = TypeVar("P", Protocol, AnnotationProtocol)

COMPONENT_KEYS: Mapping[str, str] = {
    "image_encoder": "image-encoder",
    "text_encoder": "text-encoder",
    "batch_plan": "batch-plan",
    "warmup_loss": "loss",
}
"""The keys of a protocol that are component specs."""


def resolve_protocol(
    name: str, changes: Mapping[str, object], registry: Registry
) -> tuple[Protocol, dict[str, Scalar]]:
    """The preset `name` with `changes`, and those of its keys whose value then differs from the
    preset's.

    Args:
        name: of a preset.
        changes: values by key, typed or as text.
        registry: resolves the protocol's component specs to their canonical form.

    Raises:
        SpecError: the preset, a key or a component is not known, or a value is not allowed.
    """
    protocol = _changed(PRESETS, name, changes)
    specs = {
        key: resolve_ref(kind, getattr(protocol, key), registry).spec
        for key, kind in COMPONENT_KEYS.items()
        if key in changes
    }
    protocol = _with_canonical_stop(protocol.model_copy(update=specs), registry)
    return protocol, _differences(protocol, PRESETS[name])


def resolve_annotation_protocol(
    name: str, changes: Mapping[str, object], registry: Registry
) -> tuple[AnnotationProtocol, dict[str, Scalar]]:
    """As `resolve_protocol`, for the annotation task.

    Raises:
        SpecError: the preset, a key or the stopping rule is not known, or a value is not allowed.
    """
    protocol = _with_canonical_stop(_changed(ANNOTATION_PRESETS, name, changes), registry)
    return protocol, _differences(protocol, ANNOTATION_PRESETS[name])


def stopping_rule(
    protocol: Protocol | AnnotationProtocol, registry: Registry
) -> ComponentRef | None:
    """The stopping rule that a protocol names; None where it trains every epoch.

    Raises:
        SpecError: the rule, a parameter or a value is not known.
    """
    return None if protocol.stop == NEVER else resolve_ref("stopping-rule", protocol.stop, registry)


def _with_canonical_stop(protocol: P, registry: Registry) -> P:
    rule = stopping_rule(protocol, registry)
    return protocol if rule is None else protocol.model_copy(update={"stop": rule.spec})


def _changed(presets: Mapping[str, P], name: str, changes: Mapping[str, object]) -> P:
    """A preset with changes."""
    if name not in presets:
        for task, others in (("retrieval", PRESETS), ("annotation", ANNOTATION_PRESETS)):
            if name in others:
                raise SpecError(
                    f"protocol '{name}' is of the {task} task, the data set is not: "
                    f"{did_you_mean('', presets)}"
                )
        raise SpecError(f"unknown protocol '{name}': {did_you_mean(name, presets)}")
    preset = presets[name]
    keys = [key for key in type(preset).model_fields if key != "name"]
    for key, value in changes.items():
        if key not in keys:
            raise SpecError(f"unknown protocol key '{key}': {did_you_mean(key, keys)}")
        _refuse_misfits(key, value, getattr(preset, key))
    try:
        return type(preset).model_validate({**preset.model_dump(), **changes})
    except ValidationError as error:
        raise one_line(error, f"protocol '{name}'", keys) from None


def _differences(
    protocol: Protocol | AnnotationProtocol, preset: Protocol | AnnotationProtocol
) -> dict[str, Scalar]:
    keys = (key for key in type(protocol).model_fields if key != "name")
    return {
        key: getattr(protocol, key)
        for key in keys
        if getattr(protocol, key) != getattr(preset, key)
    }


def _refuse_misfits(key: str, value: object, default: Scalar) -> None:
    """Refuses what pydantic would let pass: true for a number, and numbers that are not finite."""
    if isinstance(value, bool) and not isinstance(default, bool):
        raise SpecError(f"protocol key '{key}' is not a switch, got {str(value).lower()}")
    if isinstance(value, float) or isinstance(default, float):
        try:
            finite = math.isfinite(float(str(value)))
        except ValueError:
            return  # no number, which pydantic says
        if not finite:
            raise SpecError(f"protocol key '{key}' must be a finite number, got {value}")
