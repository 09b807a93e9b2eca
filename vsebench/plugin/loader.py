"""Finds plugins by entry point and by file, each in isolation: a broken one takes down itself only.

pluggy's own entry-point loader lets one ImportError stop everything and skips a second distribution that uses the same entry-point name, so entry points
are read here, and modules are handed to pluggy under `distribution:entry-point`.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.metadata
import importlib.util
import os
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pluggy

from vsebench.plugin import hookspecs
from vsebench.plugin.errors import PluginError, VsebenchError
from vsebench.plugin.registry import Component, Kind, Origin, Registry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from types import ModuleType

    from vsebench.plugin.cards import Card
    from vsebench.plugin.params import Param

GROUP = "vsebench"
API_VERSION = 1
"""Raised when a plugin written for an older suite may no longer work. A plugin may set `vsebench_api` to the version that it was written for."""

DISTRIBUTION = "vsebench"

_HOOK_KINDS: dict[str, Kind] = {
    "vsebench_register_poolings": "pooling",
    "vsebench_register_similarities": "similarity",
    "vsebench_register_losses": "loss",
    "vsebench_register_batch_plans": "batch-plan",
    "vsebench_register_datasets": "dataset",
    "vsebench_register_executors": "executor",
}


@dataclass(frozen=True)
class PluginInfo:
    """What became of one plugin."""

    name: str
    distribution: str
    version: str
    location: str
    status: Literal["loaded", "failed", "disabled"]
    error: str = ""
    cure: str = ""
    hooks: tuple[str, ...] = ()
    components: tuple[tuple[Kind, str], ...] = ()


@dataclass
class Plugins:
    """The loaded plugins: their components, and what became of each."""

    registry: Registry = field(default_factory=Registry)
    infos: list[PluginInfo] = field(default_factory=list)
    manager: pluggy.PluginManager = field(default_factory=lambda: _manager())

    @property
    def failed(self) -> list[PluginInfo]:
        return [info for info in self.infos if info.status == "failed"]


@dataclass(frozen=True)
class PluginSource:
    """One plugin, not yet imported."""

    origin: Origin
    location: str
    load: Callable[[], ModuleType]


@functools.cache
def load_plugins(files: tuple[str, ...] = ()) -> Plugins:
    """Loads every plugin of the entry-point group `vsebench`, then the given files.

    The environment decides the rest: `VSEBENCH_PLUGINS` (only these), `VSEBENCH_DISABLE_PLUGINS` (not these; both take entry-point or
    distribution names, comma-separated) and `VSEBENCH_STRICT_PLUGINS=1` (a failing plugin is an error).

    Args:
        files: paths of Python files that implement hooks, for work that is not packaged.

    Raises:
        PluginError: the suite itself is not installed; a file of `files` fails to load; or, in strict mode, any plugin fails.
    """
    plugins = load_from([*_installed(), *map(_file, files)], allow=_names("VSEBENCH_PLUGINS"), deny=_names("VSEBENCH_DISABLE_PLUGINS") or frozenset())
    strict = os.environ.get("VSEBENCH_STRICT_PLUGINS", "") not in ("", "0")
    asked_for = {str(Path(f)) for f in files}
    for info in plugins.failed:
        if strict or info.location in asked_for:
            raise PluginError(f"plugin '{info.name}' ({info.location if info.location in asked_for else info.distribution}) failed: {info.error}; {info.cure}")
    return plugins


def load_from(sources: Iterable[PluginSource], *, allow: frozenset[str] | None = None, deny: frozenset[str] = frozenset()) -> Plugins:
    """Loads plugins one by one; what fails is recorded and leaves nothing behind."""
    plugins = Plugins()
    for source in sources:
        names = {source.origin.plugin, source.origin.distribution}
        first_party = source.origin.distribution == DISTRIBUTION
        if names & deny or (allow is not None and not first_party and not names & allow):
            plugins.infos.append(_info(source, "disabled"))
            continue
        plugins.infos.append(_load(source, plugins))
    return plugins


def entry_point_source(entry: importlib.metadata.EntryPoint) -> PluginSource:
    """An installed plugin."""
    dist = entry.dist
    origin = Origin(dist.name if dist else "unknown", entry.name, dist.version if dist else "0")
    return PluginSource(origin, entry.value, entry.load)


def _installed() -> list[PluginSource]:
    sources = [entry_point_source(e) for e in importlib.metadata.entry_points(group=GROUP)]
    if not any(s.origin.distribution == DISTRIBUTION for s in sources):
        raise PluginError("vsebench is not installed, so its components cannot be found: run 'pip install -e .' in the source checkout")
    unique = {(s.origin.distribution, s.origin.plugin): s for s in reversed(sources)}
    return sorted(unique.values(), key=lambda s: (s.origin.distribution != DISTRIBUTION, s.origin.distribution, s.origin.plugin))


def _file(path: str) -> PluginSource:
    file = Path(path)
    if not file.is_file():
        raise PluginError(f"plugin file '{path}' does not exist: --plugin takes the path of a Python file")

    def load() -> ModuleType:
        name = f"vsebench_file_{file.stem}"
        spec = importlib.util.spec_from_file_location(name, file)
        if spec is None or spec.loader is None:
            raise ImportError(f"{path} is not a Python file")
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        try:
            spec.loader.exec_module(module)
        except BaseException:
            del sys.modules[name]
            raise
        return module

    digest = hashlib.sha256(file.read_bytes()).hexdigest()[:12]
    return PluginSource(Origin(file.stem, file.stem, "0", digest), str(file), load)


def _load(source: PluginSource, plugins: Plugins) -> PluginInfo:
    try:
        module = source.load()
        _check_api(module)
        hooks = _check_hooks(module)
        registry = _collect(module, hooks, source.origin)
        plugins.registry.merge(registry)
        plugins.manager.register(module, name=f"{source.origin.distribution}:{source.origin.plugin}")
    except (Exception, SystemExit) as error:
        return _info(source, "failed", error=_describe(error), cure=_cure(error, source.origin))
    return _info(source, "loaded", hooks=tuple(hooks), components=tuple((c.kind, c.name) for c in registry))


def _check_api(module: ModuleType) -> None:
    api = getattr(module, "vsebench_api", API_VERSION)
    if not isinstance(api, int) or api > API_VERSION:
        raise PluginError(f"it was written for plugin API {api}, this vsebench offers {API_VERSION}: upgrade vsebench")


def _check_hooks(module: ModuleType) -> list[str]:
    """The hooks that the module implements, validated against the specifications by a manager of its own."""
    manager = _manager()
    manager.register(module)
    manager.check_pending()
    return sorted(caller.name for caller in manager.get_hookcallers(module) or ())


def _collect(module: ModuleType, hooks: Sequence[str], origin: Origin) -> Registry:
    """Runs the registration hooks into a registry of their own, so that a crash leaves nothing half-registered."""
    manager = _manager()
    manager.register(module)
    registry = Registry()

    def registrar(kind: Kind) -> Callable[..., None]:
        def register(name: str, target: str, *, card: Card, params: Sequence[Param] = ()) -> None:
            registry.add(Component(kind, name, target, tuple(params), card, origin))

        return register

    def register_encoder(name: str, target: str, *, side: Literal["image", "text"], card: Card, params: Sequence[Param] = ()) -> None:
        if side not in ("image", "text"):
            raise PluginError(f"encoder '{name}' has side '{side}': write 'image' or 'text'")
        registrar("image-encoder" if side == "image" else "text-encoder")(name, target, card=card, params=params)

    for hook in hooks:
        if hook in _HOOK_KINDS:
            getattr(manager.hook, hook)(register=registrar(_HOOK_KINDS[hook]))
        elif hook == "vsebench_register_encoders":
            manager.hook.vsebench_register_encoders(register=register_encoder)
    return registry


def _manager() -> pluggy.PluginManager:
    manager = pluggy.PluginManager(GROUP)
    manager.add_hookspecs(hookspecs)
    return manager


def _names(variable: str) -> frozenset[str] | None:
    text = os.environ.get(variable)
    return None if text is None else frozenset(n.strip() for n in text.split(",") if n.strip())


def _describe(error: BaseException) -> str:
    message = " ".join(str(error).split())
    return message if isinstance(error, VsebenchError) else f"{type(error).__name__}: {message}"


def _cure(error: BaseException, origin: Origin) -> str:
    disable = f"or set VSEBENCH_DISABLE_PLUGINS={origin.plugin}"
    if isinstance(error, ModuleNotFoundError):
        return f"install the missing module '{error.name}', {disable}"
    if isinstance(error, PluginError) and "upgrade vsebench" in str(error):
        return f"pip install -U vsebench, {disable}"
    return f"upgrade or uninstall {origin.distribution}, {disable}"


def _info(
    source: PluginSource,
    status: Literal["loaded", "failed", "disabled"],
    *,
    error: str = "",
    cure: str = "",
    hooks: tuple[str, ...] = (),
    components: tuple[tuple[Kind, str], ...] = (),
) -> PluginInfo:
    origin = source.origin
    return PluginInfo(origin.plugin, origin.distribution, origin.version, source.location, status, error, cure, hooks, components)
