"""What a component spec resolves to in a run, and the component that a run makes of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vsebench.plugin.errors import SpecError
from vsebench.plugin.kinds import KINDS
from vsebench.plugin.specs import parse_spec
from vsebench.results.spec import ComponentRef

if TYPE_CHECKING:
    from vsebench.plugin.registry import Registry
    from vsebench.results.spec import AnySpec


def resolve_ref(kind: str, text: str, registry: Registry) -> ComponentRef:
    """The component that `text` names, with every parameter's value, its version and the plugin
    that provides it.

    Raises:
        SpecError: the spec is malformed, or its name, a parameter or a value is not known (with the
            nearest match).
    """
    name, given = parse_spec(text)
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


def make(run: AnySpec, field: str, registry: Registry, **found: object) -> Any:
    """The component of a run's field, made anew; None where the run has none.

    Args:
        run: the run.
        field: the field of the spec.
        registry: where the component is registered.
        **found: what its data say that a component may be told, beside what the protocol says.

    Raises:
        SpecError: the component refuses its parameters or what it is told.
        PluginError: its class cannot be imported.
    """
    ref: ComponentRef | None = getattr(run, field)
    if ref is None:
        return None
    kind = next(slot.kind for slot in run.slots() if slot.field == field)
    told = {**run.context, **found}
    return registry.get(kind, ref.name).create(
        ref.params, **{name: told[name] for name in KINDS[kind].context & told.keys()}
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
