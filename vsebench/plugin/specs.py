"""Component specs: how a person writes a component and its parameters.

A spec is `name`, `name:a=1:b=x` or, where two distributions claim one name, `dist::name:a=1`. Lists
are comma-separated. Values that hold one of `% , : / =` are percent-encoded. `image/text` pairs
exist for poolings only.
"""

from __future__ import annotations

import re
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from vsebench.plugin.errors import SpecError
from vsebench.plugin.host.loader import load_plugins
from vsebench.plugin.kinds import kind_named
from vsebench.plugin.registry import DISTRIBUTION

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vsebench.plugin.registry import Component, Registry

_registry: ContextVar[Registry | None] = ContextVar("registry", default=None)
_SPEC = re.compile(r"(?P<name>(?:[^:=]+::)?[^:=]+)(?P<params>(?::.*)?)", re.DOTALL)
_STRAY_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")


def parse_spec(text: str) -> tuple[str, dict[str, str]]:
    """Splits `name:a=1:b=x` into the name (`name` or `dist::name`) and the parameters' texts,
    percent-decoded.

    Raises:
        SpecError: an empty name, a parameter that is not `key=value` or that is given twice, or a
            stray percent sign.
    """
    match = _SPEC.fullmatch(text.strip())
    if match is None:
        raise SpecError(f"'{text}' is not a component spec: write NAME or NAME:KEY=VALUE:KEY=VALUE")
    params: dict[str, str] = {}
    for item in match["params"].split(":")[1:]:
        key, equals, value = item.partition("=")
        if not key or not equals:
            raise SpecError(f"'{text}': '{item}' is not a parameter: write NAME:KEY=VALUE")
        if key in params:
            raise SpecError(f"'{text}': parameter '{key}' is given twice")
        if _STRAY_PERCENT.search(value):
            raise SpecError(
                f"'{text}': a percent sign in a value is written %25 (and , : / = as %2C %3A %2F "
                "%3D)"
            )
        params[key] = unquote(value)
    return match["name"], params


def split_list(text: str) -> list[str]:
    """The items of a comma-separated list, without surrounding spaces.

    Raises:
        SpecError: an item is empty.
    """
    items = [item.strip() for item in text.split(",")]
    if not all(items):
        raise SpecError(f"'{text}' has an empty item: write a comma-separated list such as A,B")
    return items


def own_spec(kind: str, text: str, registry: Registry) -> str:
    """A spec that no person wrote but the suite, such as a default: where other distributions claim
    the name too, the suite's own component is meant.
    """
    name = parse_spec(text)[0]
    claims = [
        component.origin.distribution for component in registry.find(name) if component.kind == kind
    ]
    return f"{DISTRIBUTION}::{text}" if len(claims) > 1 and DISTRIBUTION in claims else text


def create(kind: str, spec: str, **context: object) -> Any:
    """Creates the component that a spec names: `create("pooling", "kmax:k=5", dim=1024)`.

    Args:
        kind: name of a kind in `vsebench.plugin.kinds.KINDS`, such as `pooling` or `text-encoder`.
        spec: a component spec.
        **context: context for components of that kind, such as the embedding size `dim` of a
            pooling; ignored by a component that does not use it.

    Raises:
        SpecError: the kind, name, context, a parameter or a value is not valid.
        PluginError: the component cannot be imported.
    """
    kind_named(kind)
    name, given = parse_spec(spec)
    return _component(kind, name).create(given, **context)


@contextmanager
def looking_in(registry: Registry) -> Iterator[None]:
    """Within it, `create` looks for components in a registry first, so that a component of others
    makes another one without all plugins being imported.
    """
    token = _registry.set(registry)
    try:
        yield
    finally:
        _registry.reset(token)


def _component(kind: str, name: str) -> Component:
    if (first := _registry.get()) is not None:
        with suppress(SpecError):
            return first.get(kind, name)
    return load_plugins().registry.get(kind, name)
