"""The plugins that a run's process imports: those that its spec names, and no others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vsebench.plugin import hookspecs
from vsebench.plugin.errors import PluginError
from vsebench.plugin.host.loader import load_named

if TYPE_CHECKING:
    from vsebench.plugin.host.loaded import Plugins
    from vsebench.results.run_base import RunBase

_WATCHING = frozenset(
    name
    for name in vars(hookspecs)
    if name.startswith("vsebench_") and name != "vsebench_register_commands"
)


def plugins_of(run: RunBase) -> Plugins:
    """The suite's own plugins, those that the run's components come from, those that watch it, and
    its plugin files. What others do when they are imported does not reach it.

    Raises:
        PluginError: one of the files, or a plugin with a component of the run, cannot be loaded.
    """
    needed = {(ref.distribution, ref.plugin) for _, ref in run.components()}
    watching = {_parsed(watcher) for watcher in run.environment.watchers}
    plugins = load_named(frozenset(needed | watching), run.environment.plugin_files)
    for info in plugins.failed:
        if (info.distribution, info.name) in needed:
            raise PluginError(f"{info.label} failed: {info.error}; {info.hint}")
    return plugins


def watchers(plugins: Plugins) -> tuple[str, ...]:
    """Those installed plugins of third parties that watch runs."""
    return tuple(
        f"{info.distribution}:{info.name}"
        for info in plugins.of_others
        if _WATCHING & set(info.hooks) and not info.is_file
    )


def releases(plugins: Plugins) -> dict[str, str]:
    """What a record says of the third parties' plugins: see `Provenance.plugins`."""
    return {info.distribution: info.digest or info.version for info in plugins.of_others}


def _parsed(watcher: str) -> tuple[str, str]:
    distribution, _, plugin = watcher.partition(":")
    return distribution, plugin
