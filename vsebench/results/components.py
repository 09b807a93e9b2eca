"""The components of a run: what a spec resolves to, and the places that they have in a run."""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from pydantic import Field

from vsebench.plugin.errors import SpecError
from vsebench.plugin.specs import parse_spec
from vsebench.results.protocol import Frozen

if TYPE_CHECKING:
    from collections.abc import Collection

    from pydantic import BaseModel

    from vsebench.plugin.registry import Registry


class ComponentRef(Frozen):
    """One component of a run.

    Attributes:
        spec: the canonical spec, as tables print it.
        name: `name` or `dist::name`.
        params: every parameter with its value.
        version: version of the component's behaviour, from its card.
        distribution: distribution that provides it; another one that claims the same name is
            another component.
        plugin: the entry point that provides it (provenance, not identity).
        distribution_version: the release of the distribution (provenance, not identity).
    """

    spec: str
    name: str
    params: dict[str, bool | int | float | str] = Field(default_factory=dict)
    version: str = "1"
    distribution: str = ""
    plugin: str = ""
    distribution_version: str = ""

    def identity(self) -> dict[str, Any]:
        """What a run id hashes.

        The bare name with its distribution: `dist::name` is only how it is spelled while another
        one claims the name. Of the parameters only those that differ from their defaults, as the
        spec has them: a component that gains a parameter keeps its runs, and one whose default
        changes needs a new version on its card.
        """
        return _identity(self.spec, self.name, self.distribution, self.version)

    def without(self, params: Collection[str]) -> ComponentRef:
        """The component as named without the values of some parameters: `triplet:margin=0.13`
        without `margin` is `triplet`. Its parameters keep their values.
        """
        head, *given = self.spec.removeprefix(self.name).split(":")
        kept = [item for item in given if item.partition("=")[0] not in params]
        return self.model_copy(update={"spec": ":".join((f"{self.name}{head}", *kept))})


@functools.lru_cache(maxsize=4096)
def _identity(spec: str, name: str, distribution: str, version: str) -> dict[str, Any]:
    """Made once: the runs of a study share their components."""
    return {
        "name": name.rpartition("::")[2],
        "distribution": distribution,
        "params": sorted(spec.removeprefix(name).split(":")[1:]),
        "version": version,
    }


def pooling_pair(image: ComponentRef, text: ComponentRef) -> str:
    """The canonical spec of the poolings of both sides; an equal text side is left out."""
    return image.spec if image.spec == text.spec else f"{image.spec}/{text.spec}"


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


def resolve_ref(kind: str, text: str, registry: Registry) -> ComponentRef:
    """The component that `text` names, with every parameter's value, its version and the plugin
    that provides it.

    Raises:
        SpecError: the spec is malformed, or its name, a parameter or a value is not known (with the
            nearest match).
    """
    name, given = parse_spec(text)
    if len(words := name.split()) > 1:
        raise SpecError(f"{kind} '{text}' is not one component: write {','.join(words)}")
    if kind == "dataset" and ("/" in name or name.startswith(".")):
        raise SpecError(
            f"dataset '{text}' is a path: name the data set, and give the folder that holds it as "
            "--data-root (vsebench data list)"
        )
    if "/" in name:
        raise SpecError(
            f"{kind} '{text}': '/' joins an image and a text pooling; only the pooling option "
            "takes such a pair"
        )
    component = registry.get(kind, name)
    params = component.resolve(given)
    spelling = registry.spelling(component)
    return ComponentRef(
        spec=component.canonical(params, name=spelling),
        name=spelling,
        params=params,
        version=component.version,
        distribution=component.origin.distribution,
        plugin=component.origin.plugin,
        distribution_version=component.origin.version,
    )


def resolve_pooling(text: str, registry: Registry) -> tuple[ComponentRef, ComponentRef]:
    """The image side and the text side of a pooling spec; one without `/` serves both.

    Raises:
        SpecError: as `resolve_ref`, or the pair does not have two sides.
    """
    sides = text.split("/")
    if len(sides) > 2 or not all(side.strip() for side in sides):
        raise SpecError(f"pooling '{text}' is not a pair: write IMAGE/TEXT, such as gpo/mean")
    return resolve_ref("pooling", sides[0], registry), resolve_ref("pooling", sides[-1], registry)
