"""Loaded plugins: their components, their hooks and their status."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import pluggy

from vsebench.plugin import hookspecs
from vsebench.plugin.registry import DISTRIBUTION, Registry
from vsebench.plugin.runtime import Tracker

PROJECT = "vsebench"


@dataclass(frozen=True)
class PluginInfo:
    """The status of one plugin.

    Attributes:
        name: name of its entry point.
        distribution: distribution that it comes from.
        version: version of the distribution.
        location: the entry point's value, or the path of the file.
        status: whether its components can be used.
        error: why it failed; for a loaded one, which of its names others claim too.
        hint: advice to the user.
        hooks: names of the hooks that it implements.
        components: components that it provides, by kind and name.
        digest: digest of the code of a plugin file or an editable package.
        is_file: whether it is a plugin file.
    """

    name: str
    distribution: str
    version: str
    location: str
    status: Literal["loaded", "failed", "disabled"]
    error: str = ""
    hint: str = ""
    hooks: tuple[str, ...] = ()
    components: tuple[tuple[str, str], ...] = ()
    digest: str = ""
    is_file: bool = False

    @property
    def label(self) -> str:
        """Its name in errors."""
        return f"plugin '{self.name}' ({self.distribution})"


def _manager() -> pluggy.PluginManager:
    manager = pluggy.PluginManager(PROJECT)
    manager.add_hookspecs(hookspecs)
    manager.add_hookspecs(hookspecs.registration_hooks())
    return manager


@dataclass
class Plugins:
    """The loaded plugins: their components, what became of each, and pluggy's manager of their
    hooks.
    """

    registry: Registry = field(default_factory=Registry)
    infos: list[PluginInfo] = field(default_factory=list)
    manager: pluggy.PluginManager = field(default_factory=_manager)

    @property
    def failed(self) -> list[PluginInfo]:
        """The plugins that could not be loaded."""
        return [info for info in self.infos if info.status == "failed"]

    def call(self, info: PluginInfo, hook: str, **arguments: object) -> list[Any]:
        """Results of one loaded plugin's implementations of a hook, None left out."""
        own = self.manager.get_plugin(f"{info.distribution}:{info.name}")
        others = [plugin for plugin in self.manager.get_plugins() if plugin is not own]
        results: list[Any] = self.manager.subset_hook_caller(hook, others)(**arguments)
        return results

    def tracker(self, info: PluginInfo) -> Tracker | None:
        """The tracker that a loaded plugin declares; None if it declares none."""
        module = self.manager.get_plugin(f"{info.distribution}:{info.name}")
        found = getattr(module, "vsebench_tracker", None)
        return found if isinstance(found, Tracker) else None

    @property
    def of_others(self) -> list[PluginInfo]:
        """The loaded ones of third parties."""
        return [
            info
            for info in self.infos
            if info.status == "loaded" and info.distribution != DISTRIBUTION
        ]

    @property
    def with_problems(self) -> list[PluginInfo]:
        """The plugins with an error: they could not be loaded, or claim a name that another
        distribution claims.
        """
        return [info for info in self.infos if info.error]
