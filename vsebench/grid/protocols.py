"""Protocols by name, and how `--set KEY=VALUE` changes them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from vsebench.grid.suite_fields import one_line
from vsebench.plugin.errors import SpecError, did_you_mean
from vsebench.plugin.specs import own_spec
from vsebench.results.components import resolve_ref
from vsebench.results.tasks import tasks

if TYPE_CHECKING:
    from collections.abc import Container, Iterator, Mapping

    from vsebench.plugin.params import Scalar
    from vsebench.plugin.registry import Registry
    from vsebench.results.components import ComponentRef, ComponentSlot
    from vsebench.results.protocol import AnyProtocol
    from vsebench.results.run_base import RunBase
    from vsebench.results.tasks import Task


def resolve_protocol(
    task: Task, name: str, changes: Mapping[str, object], registry: Registry
) -> tuple[Any, dict[str, Scalar]]:
    """The preset `name` with `changes`, and those of its keys whose value then differs from the
    preset's.

    Args:
        task: task that the preset is of.
        name: name of the preset.
        changes: values by key, typed or as text.
        registry: resolves the protocol's component specs to their canonical form.

    Raises:
        SpecError: the preset, a key or a component is not known, or a value is not allowed.
    """
    protocol = _changed(task, name, changes)
    canonical = {
        slot.field: ref.spec
        for slot, ref in components_of(protocol, task.spec, changes, registry)
        if slot.field in changes and ref is not None
    }
    protocol = protocol.model_copy(update=canonical)
    return protocol, _differences(protocol, task.presets[name])


def components_of(
    protocol: AnyProtocol,
    run: type[RunBase],
    given: Container[str],
    registry: Registry,
) -> Iterator[tuple[ComponentSlot, ComponentRef | None]]:
    """The components that a protocol names, each with its slot; None for a slot that stays empty.

    Args:
        protocol: protocol of the run.
        run: the spec of its task, which has the slots.
        given: the keys that a person wrote; what the others name are the suite's own components.
        registry: where they are registered.

    Raises:
        SpecError: a component, a parameter or a value is not known.
    """
    for slot in run.slots():
        if slot.held_equal:
            yield slot, _component(getattr(protocol, slot.field), slot, given, registry)


def _component(
    text: str, slot: ComponentSlot, given: Container[str], registry: Registry
) -> ComponentRef | None:
    if slot.absent and text == slot.absent:
        return None
    spec = text if slot.field in given else own_spec(slot.kind, text, registry)
    return resolve_ref(slot.kind, spec, registry)


def _changed(task: Task, name: str, changes: Mapping[str, object]) -> AnyProtocol:
    """A preset with changes."""
    presets = task.presets
    if name not in presets:
        for other in tasks():
            if name in other.presets:
                raise SpecError(
                    f"protocol '{name}' is of the {other.name} task, the data set is not: "
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


def _differences(protocol: AnyProtocol, preset: AnyProtocol) -> dict[str, Scalar]:
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
