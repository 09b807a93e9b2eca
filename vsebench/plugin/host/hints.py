"""Descriptions of plugins' errors, and hints for their users: one line each."""

from __future__ import annotations

import importlib.metadata
from typing import TYPE_CHECKING

from vsebench.plugin.errors import VsebenchError

if TYPE_CHECKING:
    from vsebench.plugin.host.sources import PluginSource
    from vsebench.plugin.registry import Component, Registry


class NewerAPIError(VsebenchError):
    """A plugin was written for a newer plugin API."""


def describe(error: BaseException) -> str:
    """The error in one line."""
    message = " ".join(str(error).split())
    return message if isinstance(error, VsebenchError) else f"{type(error).__name__}: {message}"


def disable(source: PluginSource) -> str:
    """A hint to disable the plugin."""
    origin = source.origin
    name = origin.plugin if source.first_party else origin.distribution
    return f"set VSEBENCH_DISABLE_PLUGINS={name}"


def hint(error: BaseException, source: PluginSource) -> str:
    """Advice to the user on a plugin that could not be loaded."""
    if source.asked_for:
        return "fix the file, or leave it out"
    newer = _newer_vsebench(source)
    if newer:
        return f"pip install -U 'vsebench{newer}', which it requires, or {disable(source)}"
    if isinstance(error, NewerAPIError):
        return f"pip install -U vsebench, or {disable(source)}"
    if isinstance(error, ModuleNotFoundError) and error.name:
        return f"install the missing module '{error.name}', or {disable(source)}"
    return f"upgrade or uninstall {source.origin.distribution}, or {disable(source)}"


def _newer_vsebench(source: PluginSource) -> str:
    """The versions of vsebench that the plugin's distribution asks for, such as `>=2`, where this
    matches none of them; else nothing.
    """
    from packaging.requirements import InvalidRequirement, Requirement

    installed = importlib.metadata.version("vsebench")
    for text in source.requires:
        try:
            requirement = Requirement(text)
        except InvalidRequirement:  # damaged metadata says nothing
            continue
        if requirement.name == "vsebench" and not requirement.specifier.contains(
            installed, prereleases=True
        ):
            return str(requirement.specifier)
    return ""


def collisions(registry: Registry, distribution: str, plugin: str) -> tuple[str, str]:
    """Names of a plugin's components that other distributions claim too, and their spellings then;
    both empty where there are none.
    """
    shared = [
        c
        for c in registry
        if (c.origin.distribution, c.origin.plugin) == (distribution, plugin)
        and registry.spelling(c) != c.name
    ]
    if not shared:
        return "", ""
    error = "; ".join(
        f"{component.owner} is provided by {_others(registry, component)} too"
        for component in shared
    )
    return error, f"write {', '.join(registry.spelling(component) for component in shared)}"


def _others(registry: Registry, component: Component) -> str:
    return " and ".join(
        c.origin.distribution
        for c in registry.find(component.name)
        if c.kind == component.kind and c.origin != component.origin
    )
