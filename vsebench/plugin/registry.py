"""Names to components, with parameters, cards and the plugin that each came from."""

from __future__ import annotations

import importlib
import inspect
import urllib.parse
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

from vsebench.plugin.errors import PluginError, SpecError, VsebenchError, did_you_mean
from vsebench.plugin.host.contain import contained, same_random_numbers
from vsebench.plugin.kinds import KINDS, kind_named
from vsebench.plugin.params import Param, Scalar, format_value, resolve

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager

    from vsebench.plugin.cards import Card

DISTRIBUTION = "vsebench"
"""The suite's own distribution, whose plugins are known not to change the process."""


class Register(Protocol):
    """The function that a registration hook calls, once per component."""

    def __call__(
        self, name: str, target: str, *, card: Card, params: Sequence[Param] = ()
    ) -> None: ...


class RegisterEncoder(Protocol):
    """As `Register`, of a hook that serves several kinds: with the tower that an encoder serves."""

    def __call__(
        self,
        name: str,
        target: str,
        *,
        side: Literal["image", "text"],
        card: Card,
        params: Sequence[Param] = (),
    ) -> None: ...


@dataclass(frozen=True)
class Origin:
    """The plugin that a component came from: identity is (distribution, entry-point name).

    Attributes:
        distribution: its name on the package index; for a plugin file, the file's stem.
        plugin: the entry point's name; for a plugin file, the file's stem.
        version: version of the distribution.
        digest: digest of the code of a plugin file, or of a package installed with `pip install
            -e`; it counts as part of its components' versions, since such code changes without a
            release.
        is_file: whether it is a plugin file.
    """

    distribution: str
    plugin: str
    version: str
    digest: str = ""
    is_file: bool = False

    @property
    def first_party(self) -> bool:
        return self.distribution == DISTRIBUTION

    @property
    def label(self) -> str:
        """Its name in notes and errors."""
        return f"plugin '{self.plugin}' ({self.distribution})"

    def contained(self, doing: str, subject: str = "") -> AbstractContextManager[None]:
        """A context for its imports and constructors: see `vsebench.plugin.host.contain`."""
        return nullcontext() if self.first_party else contained(self.label, doing, subject=subject)


@dataclass(frozen=True)
class Component:
    """A registered component; its class is imported by `load`."""

    kind: str
    name: str
    target: str
    params: tuple[Param, ...]
    card: Card
    origin: Origin

    @property
    def owner(self) -> str:
        """Its name in errors: `pooling 'kmax'`."""
        return f"{self.kind} '{self.name}'"

    @property
    def version(self) -> str:
        """Version of its behaviour: the card's, with the digest of code that is being worked on."""
        return (
            f"{self.card.version}+{self.origin.digest}" if self.origin.digest else self.card.version
        )

    def resolve(self, given: Mapping[str, object]) -> dict[str, Scalar]:
        """All parameters with typed values; raises SpecError for an unknown name or a bad value."""
        return resolve(self.params, given, self.owner)

    def canonical(self, params: Mapping[str, Scalar], *, name: str | None = None) -> str:
        """The shortest spec with these resolved parameters: defaults are left out."""
        changed = [
            f"{p.name}={quote(format_value(params[p.name]))}"
            for p in self.params
            if params[p.name] != p.default
        ]
        return ":".join([name or self.name, *changed])

    def load(self) -> Callable[..., Any]:
        """Imports the class.

        Raises:
            PluginError: the module or the class cannot be imported.
        """
        return self._import(self.target)

    def _import(self, target: str) -> Callable[..., Any]:
        module, _, attribute = target.partition(":")
        try:
            with self.origin.contained(f"when {module} was imported"), same_random_numbers():
                found: Callable[..., Any] = getattr(importlib.import_module(module), attribute)
        except VsebenchError:
            raise
        except (Exception, SystemExit) as error:
            reason = f"{type(error).__name__}: {error}{self._hint(module, error)}"
            raise PluginError(
                f"{self.owner} of {self.origin.label} cannot be imported from {target}: {reason}"
            ) from error
        return found

    def _hint(self, module: str, error: BaseException) -> str:
        """The correct target, for a plugin file that names its own module by a name that cannot be
        imported.
        """
        itself = (
            self.origin.is_file and isinstance(error, ModuleNotFoundError) and error.name == module
        )
        return ': a plugin file names its own classes f"{__name__}:Class"' if itself else ""

    def create(self, params: Mapping[str, object] | None = None, **context: object) -> Any:
        """An instance, from parameters by name and the context of its kind.

        Raises:
            SpecError: unknown or bad parameters, or context that its kind does not have.
            PluginError: the class cannot be imported.
        """
        known = KINDS[self.kind].context
        for name in context:
            if name not in known:
                raise SpecError(
                    f"a {self.kind} takes no context '{name}': {did_you_mean(name, known)}"
                )
        cls = self.load()
        accepted = inspect.signature(cls).parameters
        wanted = {name: value for name, value in context.items() if name in accepted}
        resolved = self.resolve(params or {})
        with self.origin.contained(f"when its {self.owner} was made"):
            return cls(**resolved, **wanted)

    def call(self, target: str, params: Mapping[str, object]) -> Any:
        """Calls `target` (`"module:attribute"`), which the card names, with those of the
        component's parameters that it takes.

        Raises:
            SpecError: unknown or bad parameters.
            PluginError: the target cannot be imported.
        """
        function = self._import(target)
        accepted = inspect.signature(function).parameters
        wanted = {name: value for name, value in self.resolve(params).items() if name in accepted}
        with self.origin.contained(f"when {target} was called"):
            return function(**wanted)


def quote(text: str) -> str:
    """Percent-encodes spaces and the characters that separate parts of a spec."""
    return "".join(
        urllib.parse.quote(c, safe="") if c in "%,:/=" or c.isspace() else c for c in text
    )


@dataclass
class Registry:
    """Components by kind and name. A name that two distributions claim is reached as
    `dist::name`.
    """

    _components: dict[str, dict[str, list[Component]]] = field(default_factory=dict)

    def add(self, component: Component) -> None:
        """Adds a component.

        Raises:
            PluginError: its distribution has already registered that name, or the registration
                itself is not valid.
        """
        _check(component)
        claims = self._components.setdefault(component.kind, {}).setdefault(component.name, [])
        for other in claims:
            if other.origin.distribution == component.origin.distribution:
                raise PluginError(
                    f"{component.owner} is registered twice by {component.origin.distribution}: "
                    f"by '{other.origin.plugin}' and '{component.origin.plugin}'"
                )
        claims.append(component)

    def merge(self, other: Registry) -> None:
        """Adds every component of `other`, or none when one cannot be added."""
        trial = Registry(
            {
                kind: {name: list(claims) for name, claims in names.items()}
                for kind, names in self._components.items()
            }
        )
        for component in other:
            trial.add(component)
        self._components = trial._components

    def get(self, kind: str, name: str) -> Component:
        """The component of that kind and name (`name` or `dist::name`).

        Raises:
            SpecError: unknown (with the nearest match), or claimed by several distributions.
        """
        kind_named(kind)
        distribution, _, bare = name.rpartition("::")
        claims = self._components.get(kind, {}).get(bare, [])
        if distribution:
            for component in claims:
                if component.origin.distribution == distribution:
                    return component
            known = [
                self.spelling(c) if len(claims) > 1 else f"{c.origin.distribution}::{c.name}"
                for c in self
                if c.kind == kind
            ]
            raise SpecError(f"unknown {kind} '{name}': {did_you_mean(name, known)}")
        if not claims:
            raise SpecError(
                f"unknown {kind} '{name}': {did_you_mean(name, self._components.get(kind, {}))}"
            )
        if len(claims) > 1:
            raise SpecError(
                f"{kind} '{name}' is claimed by several distributions: write "
                f"{' or '.join(self.spelling(c) for c in claims)}"
            )
        return claims[0]

    def spelling(self, component: Component) -> str:
        """The shortest name that reaches it: qualified only when another distribution claims the
        same name.
        """
        claims = self._components.get(component.kind, {}).get(component.name, [])
        return (
            component.name
            if len(claims) < 2
            else f"{component.origin.distribution}::{component.name}"
        )

    def find(self, name: str) -> list[Component]:
        """Components of every kind with that name (`name` or `dist::name`)."""
        distribution, _, bare = name.rpartition("::")
        return [c for c in self if c.name == bare and distribution in ("", c.origin.distribution)]

    def __iter__(self) -> Iterator[Component]:
        for kind in KINDS:
            for _, claims in sorted(self._components.get(kind, {}).items()):
                yield from claims


def _check(component: Component) -> None:
    """Refuses a registration that could not work, while the plugin at fault is still known."""
    where = component.origin.label
    if not component.name or any(c in "%,:/=" or c.isspace() for c in component.name):
        raise PluginError(
            f"{where} registers a {component.kind} under the name '{component.name}': names hold "
            "no spaces and none of % , : / ="
        )
    _check_target(f"{where} registers {component.owner} with", component.target)
    expected = KINDS[component.kind].card
    if not isinstance(component.card, expected):
        raise PluginError(
            f"{where} registers {component.owner} with a {type(component.card).__name__}: it "
            f"needs a {expected.__name__}"
        )
    names = [param.name for param in component.params]
    for param in component.params:
        if names.count(param.name) > 1:
            raise PluginError(
                f"{where} registers {component.owner} with two parameters '{param.name}'"
            )
        if not isinstance(param.default, bool | int | float | str):
            raise PluginError(
                f"{where} registers {component.owner} whose parameter '{param.name}' has the "
                f"default {param.default!r}: it must be bool, int, float or str"
            )
        param.parse(param.default, component.owner)


def _check_target(registers: str, target: object) -> None:
    if not isinstance(target, str):
        named = getattr(target, "__name__", "Class")
        raise PluginError(
            f'{registers} an object instead of its name: write f"{{__name__}}:{named}" or '
            f'"module:{named}", so that it is imported when it is used'
        )
    module, _, attribute = target.partition(":")
    if not module or not attribute:
        raise PluginError(f"{registers} target '{target}': write 'module:Class'")
