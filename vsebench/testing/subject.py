"""The component under test, and how it is made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from vsebench.plugin.kinds import KINDS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from vsebench.plugin.params import Scalar
    from vsebench.plugin.registry import Component

DIM = 16
"""Embedding size of most inputs; heads of 1, 2, 4 or 8 divide it."""

_SIZES = {
    "dim": DIM,
    "in_dim": DIM,
    "word_dim": DIM,
    "vocabulary_size": DIM,
    "batch_size": DIM,
    "workers": 1,
}


@dataclass(frozen=True)
class Subject:
    """A component with the values of its parameters.

    Attributes:
        component: component as registered.
        params: every parameter.
        name: name that reaches it, `dist::name` where two distributions claim one name.
        plugins: plugin files that are not installed, of which it may come.
        data_roots: where a data set is looked for, before `$VSEBENCH_DATA` and `./data`.
    """

    component: Component
    params: Mapping[str, Scalar]
    name: str
    plugins: tuple[str, ...] = ()
    data_roots: tuple[Path, ...] = ()

    @property
    def kind(self) -> str:
        return self.component.kind

    @property
    def spec(self) -> str:
        return self.component.canonical(self.params, name=self.name)

    @property
    def arguments(self) -> str:
        """How Python code names it, in a call of `build` or `checks`."""
        plugins = f", plugins={self.plugins!r}" if self.plugins else ""
        return f'"{self.kind}", "{self.spec}"{plugins}'

    def source(self, **context: object) -> str:
        """Python that makes what `build` makes."""
        given = "".join(f", {name}={value!r}" for name, value in context.items())
        return f"build({self.arguments}{given})"

    @property
    def sizes(self) -> dict[str, int]:
        """A context to make it in, where only that it can be made matters."""
        return {name: size for name, size in _SIZES.items() if name in KINDS[self.kind].context}

    def build(self, *, seed: int = 0, **context: object) -> Any:
        """An instance in evaluation mode, its parameters drawn from `seed` and moved off their
        initial values, which may hide what they do.
        """
        import torch

        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            made = self.component.create(self.params, **context)
            if not isinstance(made, torch.nn.Module):
                return made
            with torch.no_grad():
                for parameter in made.parameters():
                    if parameter.is_floating_point():
                        parameter.add_(torch.randn_like(parameter), alpha=0.1)
            return made.eval()


def find(
    kind: str, spec: str, *, plugins: tuple[str, ...] = (), data_roots: tuple[Path, ...] = ()
) -> Subject:
    """The component that a spec names.

    Raises:
        SpecError: the name, a parameter or a value is not known.
        PluginError: a plugin file does not exist or fails.
    """
    from vsebench.plugin.host.loader import load_plugins
    from vsebench.plugin.specs import parse_spec

    name, given = parse_spec(spec)
    registry = load_plugins(plugins).registry
    component = registry.get(kind, name)
    return Subject(
        component, component.resolve(given), registry.spelling(component), plugins, data_roots
    )


def build(
    kind: str, spec: str, *, plugins: tuple[str, ...] = (), seed: int = 0, **context: object
) -> Any:
    """A component as the checks use it: `build("pooling", "kmax:k=3", dim=16)`.

    Args:
        kind: kind of the component.
        spec: a component spec.
        plugins: paths of plugin files that are not installed.
        seed: seed of its parameters.
        **context: context, as `vsebench.create` takes it.

    Raises:
        SpecError: the name, a parameter, a value or the context is not known.
        PluginError: the component or a plugin file cannot be imported.
    """
    return find(kind, spec, plugins=plugins).build(seed=seed, **context)
