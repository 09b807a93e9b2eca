"""The places that components have in a run: what fills them, and what becomes of each."""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydantic import BaseModel


@dataclass(frozen=True)
class ComponentSlot:
    """The place of one component in a run, which annotates the spec's field that holds it:
    `loss: Annotated[ComponentRef, ComponentSlot("loss")]`. Identity, planning, tables and checks
    read the slots of a spec, so that a new component of a run is one more field.

    Attributes:
        kind: the name of the component's kind.
        held_equal: whether the protocol's key of the same name names the component, which is then
            equal for all rows of a table.
        in_model: whether the component is a part of the model that a run leaves.
        absent: the word of the protocol for a slot that stays empty.
        field: the name of the field, which `slots_of` fills in.
    """

    kind: str
    held_equal: bool = False
    in_model: bool = False
    absent: str = ""
    field: str = ""


@functools.cache
def slots_of(spec: type[BaseModel]) -> tuple[ComponentSlot, ...]:
    """The slots of a spec in the order of its fields."""
    return tuple(
        replace(mark, field=name)
        for name, field in spec.model_fields.items()
        for mark in field.metadata
        if isinstance(mark, ComponentSlot)
    )
