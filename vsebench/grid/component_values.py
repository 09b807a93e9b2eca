"""Tuned parameters of components: what a key such as `loss.margin` names in a run, and the
components with its value.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vsebench.data.fingerprint import fingerprint_files
from vsebench.plugin.cards import EncoderCard
from vsebench.plugin.errors import DataError, SpecError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from vsebench.plugin.params import Scalar
    from vsebench.plugin.registry import Registry
    from vsebench.results.components import ComponentRef
    from vsebench.results.run_base import RunBase

    Refs = Mapping[str, Any]
    """The components of a run by field; None where it has none."""


def of_protocol(values: Mapping[str, Scalar]) -> dict[str, Scalar]:
    """Those of tuned values that are of protocol keys."""
    return {key: value for key, value in values.items() if "." not in key}


def with_values(
    refs: Refs, values: Mapping[str, Scalar], run: type[RunBase], registry: Registry
) -> dict[str, Any]:
    """The components with the tuned values of their parameters.

    Args:
        refs: some of a run's components by field.
        values: tuned values by key; those of other fields, and of the protocol, are left out.
        run: the spec of the task.
        registry: where they are registered.

    Raises:
        SpecError: a component has no such parameter, a value is not allowed, or the component's
            spec sets the parameter already.
    """
    given: dict[str, dict[str, Scalar]] = {}
    for key, value in values.items():
        place, dot, param = key.partition(".")
        fields = [field for field in run.fields_of(place) if field in refs] if dot else []
        if len({refs[field].name for field in fields if refs[field] is not None}) > 1:
            raise SpecError(
                f"'{key}': the two sides are different components: write "
                f"{' or '.join(f'{field}.{param}' for field in fields)}"
            )
        for field in fields:
            given.setdefault(field, {})[param] = value
    kinds = {slot.field: slot.kind for slot in run.slots()}
    return {
        **refs,
        **{
            field: _with(kinds[field], refs[field], params, registry)
            for field, params in given.items()
        },
    }


def with_content(kind: str, ref: ComponentRef, registry: Registry) -> ComponentRef:
    """The component with the content of its files in its version: `1+5b1c2a90d3e4f607`. One that
    has no files stays as it is.

    Raises:
        VsebenchError: the files are not there or cannot be read; the message says what to do.
    """
    component = registry.get(kind, ref.name)
    if not isinstance(component.card, EncoderCard) or not component.card.files:
        return ref
    files: list[Path] = sorted(component.call(component.card.files, ref.params))
    if not files:
        raise DataError(f"{component.owner} found no files for '{ref.spec}'")
    return ref.model_copy(
        update={"version": f"{ref.version}+{fingerprint_files(files[0].parent, files)}"}
    )


def _with(
    kind: str, ref: ComponentRef | None, params: Mapping[str, Scalar], registry: Registry
) -> ComponentRef:
    if ref is None:
        raise SpecError(f"the row has no {kind} to tune")
    component = registry.get(kind, ref.name)
    names = [param.name for param in component.params]
    for param in params:
        if param in names and ref.without({param}).spec != ref.spec:
            raise SpecError(
                f"{kind} '{ref.spec}' sets {param}, which is tuned: leave it out of the spec"
            )
        if param not in names:
            hint = did_you_mean(param, names) if names else "it takes no parameters"
            raise SpecError(f"{kind} '{ref.name}' has no parameter '{param}': {hint}")
    found = component.resolve({**ref.params, **params})
    return ref.model_copy(
        update={
            "spec": component.canonical(found, name=ref.name),
            "params": found,
            "version": component.version,
        }
    )
