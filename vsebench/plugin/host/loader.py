"""Loads plugins, each in isolation: a broken one takes down itself only.

pluggy's own entry-point loader lets one ImportError stop everything and skips a second distribution
that uses the same entry-point name, so entry points are read by `vsebench.plugin.host.sources`, and
what they name is handed to pluggy under `distribution:entry-point`.
"""

from __future__ import annotations

import functools
import os
import sys
from contextlib import redirect_stdout
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

from vsebench.plugin.errors import PluginError, did_you_mean
from vsebench.plugin.host.hints import NewerAPIError, collisions, describe, disable, hint
from vsebench.plugin.host.loaded import PluginInfo, Plugins
from vsebench.plugin.host.sources import file_source, installed_sources, normalise
from vsebench.plugin.host.timebox import PluginTimeout, limit, within
from vsebench.plugin.kinds import kinds_of
from vsebench.plugin.registry import DISTRIBUTION, Component, Registry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    import pluggy

    from vsebench.plugin.cards import Card
    from vsebench.plugin.host.sources import PluginSource
    from vsebench.plugin.kinds import Kind
    from vsebench.plugin.params import Param
    from vsebench.plugin.registry import Origin

API_VERSION = 1
"""Raised when a plugin written for an older suite may no longer work. A plugin may set
`vsebench_api` to the version that it was written for.
"""


@functools.cache
def load_plugins(files: tuple[str, ...] = ()) -> Plugins:
    """Loads every plugin of the entry-point group `vsebench`, then the given files.

    The environment decides the rest: `VSEBENCH_PLUGINS` (of third parties', only these),
    `VSEBENCH_DISABLE_PLUGINS` (not these; both take entry-point or distribution names,
    comma-separated) and `VSEBENCH_STRICT_PLUGINS=1` (a failing plugin is an error).

    Args:
        files: paths of Python files that implement hooks, for work that is not packaged.

    Raises:
        PluginError: the suite itself is not installed; `VSEBENCH_PLUGINS` names a plugin that is
            not; a file of `files` does not exist or fails to load; or, in strict mode, any plugin
            fails.
    """
    installed = installed_sources()
    _check_known(_names("VSEBENCH_PLUGINS") or frozenset(), [*installed, *map(file_source, files)])
    return _load_all(installed, files)


def _load_all(installed: Sequence[PluginSource], files: tuple[str, ...]) -> Plugins:
    sources = [*installed, *map(file_source, files)]
    allow = _names("VSEBENCH_PLUGINS")
    plugins = load_from(
        sources, allow=allow, deny=_names("VSEBENCH_DISABLE_PLUGINS") or frozenset()
    )
    strict = os.environ.get("VSEBENCH_STRICT_PLUGINS", "") not in ("", "0")
    for source, info in zip(sources, plugins.infos, strict=True):
        if info.status == "failed" and (strict or source.asked_for):
            where = info.location if source.asked_for else info.distribution
            raise PluginError(f"plugin '{info.name}' ({where}) failed: {info.error}; {info.hint}")
    return plugins


@functools.cache
def load_named(named: frozenset[tuple[str, str]], files: tuple[str, ...] = ()) -> Plugins:
    """As `load_plugins`; of third parties' plugins, only those named are imported.

    Args:
        named: distribution and entry point of each; an empty entry point stands for all of the
            distribution. Where one is of no plugin, as a data set is that a file of one's own
            names, whose layout any plugin may provide, all are imported.
        files: paths of Python files that implement hooks.

    Raises:
        PluginError: as `load_plugins`.
    """
    installed = installed_sources()
    known = {source.origin.distribution for source in [*installed, *map(file_source, files)]}
    if any(distribution not in known for distribution, _ in named if distribution):
        return _load_all(installed, files)

    def wanted(source: PluginSource) -> bool:
        distribution = source.origin.distribution
        return (
            source.first_party
            or (distribution, source.origin.plugin) in named
            or (distribution, "") in named
        )

    return _load_all(list(filter(wanted, installed)), files)


def load_from(
    sources: Iterable[PluginSource],
    *,
    allow: frozenset[str] | None = None,
    deny: frozenset[str] = frozenset(),
) -> Plugins:
    """Loads plugins one by one; what fails is recorded and leaves nothing behind.

    Args:
        sources: the plugins.
        allow: normalised names; of third parties' plugins, only these. None allows all.
        deny: normalised names; not these.
    """
    plugins = Plugins()
    for source in sources:
        kept_out = source.names & deny or (
            allow is not None and not source.first_party and not source.names & allow
        )
        info = (
            _info(source, "disabled")
            if kept_out and not source.asked_for
            else _load(source, plugins)
        )
        plugins.infos.append(info)
    plugins.infos = [_with_collisions(info, plugins.registry) for info in plugins.infos]
    return plugins


def _with_collisions(info: PluginInfo, registry: Registry) -> PluginInfo:
    """A plugin's status with its name collisions; first-party plugins own their names."""
    if info.status != "loaded" or info.distribution == DISTRIBUTION:
        return info
    error, advice = collisions(registry, info.distribution, info.name)
    return replace(info, error=error, hint=advice)


def _names(variable: str) -> frozenset[str] | None:
    text = os.environ.get(variable)
    return (
        None
        if text is None
        else frozenset(normalise(name) for name in text.split(",") if name.strip())
    )


def _check_known(allow: frozenset[str], sources: Sequence[PluginSource]) -> None:
    known = frozenset[str]().union(*(source.names for source in sources))
    for name in sorted(allow - known):
        raise PluginError(
            f"VSEBENCH_PLUGINS names '{name}', which is not installed: {did_you_mean(name, known)}"
        )


def _load(source: PluginSource, plugins: Plugins) -> PluginInfo:
    """Imports a plugin and runs its registration hooks, in limited time unless it is the suite's
    own.
    """
    name = _free_name(f"{source.origin.distribution}:{source.origin.plugin}", plugins.manager)
    who = f"'{source.origin.plugin}' ({source.origin.distribution})"

    def load() -> tuple[list[str], Registry]:
        with source.contained():
            plugin = source.load()
            _check_api(plugin)
            hooks = _register_hooks(plugin, name, plugins.manager)
            return hooks, _collect(plugin, hooks, source.origin, plugins.manager)

    seconds = 0.0 if source.first_party else limit()
    try:
        with redirect_stdout(sys.stderr):  # stdout carries results only
            hooks, registry = within(
                seconds, load, plugin=who, hint=f"uninstall it, or {disable(source)}"
            )
        plugins.registry.merge(registry)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # whatever it raises, the others are loaded
        plugins.manager.unregister(name=name)
        info = replace(_info(source, "failed"), error=describe(error), hint=hint(error, source))
        if isinstance(error, PluginTimeout):
            print(  # noqa: T201  # else the wait would have no reason
                f"vsebench: warning: plugin {who} failed: {info.error}; {info.hint}",
                file=sys.stderr,
            )
        return info
    return replace(
        _info(source, "loaded"),
        hooks=tuple(hooks),
        components=tuple((c.kind, c.name) for c in registry),
    )


def _free_name(name: str, manager: pluggy.PluginManager) -> str:
    """The plugin's name for pluggy; a new one if its distribution has used it already, so that its
    failure does not unregister the first.
    """
    return f"{name} (again)" if manager.has_plugin(name) else name


def _check_api(plugin: Any) -> None:
    api = getattr(plugin, "vsebench_api", API_VERSION)
    if not isinstance(api, int):
        raise PluginError(f"its vsebench_api is {api!r}: it must be an integer")
    if api > API_VERSION:
        raise NewerAPIError(
            f"it was written for plugin API {api}, this vsebench offers {API_VERSION}: upgrade "
            "vsebench"
        )


def _register_hooks(plugin: Any, name: str, manager: pluggy.PluginManager) -> list[str]:
    """Registers a plugin with pluggy, which checks the signatures of its hooks, and returns their
    names.
    """
    known = manager.get_name(plugin)
    if known is not None:
        raise PluginError(f"it is the same module as plugin '{known}'")
    manager.register(plugin, name=name)
    hooks = sorted(caller.name for caller in manager.get_hookcallers(plugin) or ())
    specified = sorted(name for name, hook in vars(manager.hook).items() if hook.has_spec())
    for hook in hooks:
        if hook not in specified:
            raise PluginError(
                f"it implements an unknown hook '{hook}': {did_you_mean(hook, specified)}"
            )
    for hook in specified:
        if hook not in hooks and callable(getattr(plugin, hook, None)):
            raise PluginError(f"its function {hook} is no hook: decorate it with @hookimpl")
    if not hooks:
        raise PluginError("it implements no hook: see vsebench.plugin.hookspecs")
    return hooks


def _collect(
    plugin: Any, hooks: Sequence[str], origin: Origin, manager: pluggy.PluginManager
) -> Registry:
    """Runs one plugin's registration hooks into a registry of their own, so that a crash leaves
    nothing half-registered.
    """
    registry = Registry()
    others = [other for other in manager.get_plugins() if other is not plugin]
    for hook in hooks:
        if kinds := kinds_of(hook):  # others are called by runs, or by the command line
            register = _register(kinds, registry, origin)
            manager.subset_hook_caller(hook, others)(register=register)
    return registry


def _register(kinds: Mapping[str, Kind], registry: Registry, origin: Origin) -> Callable[..., None]:
    """The function that a registration hook calls; where it serves several kinds, with the side."""

    def add(kind: Kind, name: str, target: str, card: Card, params: Sequence[Param]) -> None:
        registry.add(Component(kind.name, name, target, tuple(params), card, origin))

    def register(name: str, target: str, *, card: Card, params: Sequence[Param] = ()) -> None:
        add(kinds[""], name, target, card, params)

    def register_side(
        name: str, target: str, *, side: str, card: Card, params: Sequence[Param] = ()
    ) -> None:
        if side not in kinds:
            family = next(iter(kinds.values())).family
            sides = " or ".join(f"'{known}'" for known in kinds)
            raise PluginError(f"{family} '{name}' has side '{side}': write {sides}")
        add(kinds[side], name, target, card, params)

    chosen = register if "" in kinds else register_side
    chosen.__qualname__ = "register"  # as Python names it to an author who calls it wrongly
    return chosen


def _info(source: PluginSource, status: Literal["loaded", "failed", "disabled"]) -> PluginInfo:
    origin = source.origin
    return PluginInfo(
        origin.plugin,
        origin.distribution,
        origin.version,
        source.location,
        status,
        digest=origin.digest,
        is_file=origin.is_file,
    )
