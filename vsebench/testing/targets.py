"""What `vsebench check TARGET` names: a component, an installed distribution, a plugin file, or a
project's folder.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from vsebench.plugin.errors import PluginError, SpecError, did_you_mean
from vsebench.plugin.host.loader import load_plugins
from vsebench.plugin.host.sources import normalise
from vsebench.plugin.specs import parse_spec
from vsebench.testing.subject import Subject
from vsebench.text import parse_toml

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vsebench.plugin.host.loaded import Plugins
    from vsebench.plugin.registry import Component


def subjects(
    target: str,
    *,
    kind: str | None = None,
    data_roots: Sequence[Path] = (),
    plugins: tuple[str, ...] = (),
) -> list[Subject]:
    """The components that a target names, with the parameters that its spec gives, or their
    defaults.

    What ends in `.py` is a file; a folder with a pyproject.toml is a project; then come components
    by name, which may have parameters; then distributions.

    Args:
        target: target as a person writes it.
        kind: only components of this kind.
        data_roots: where data sets are looked for.
        plugins: paths of plugin files that are not installed.

    Raises:
        SpecError: nothing has that name, a parameter is not valid, parameters contradict each
            other, or nothing of it is of that kind.
        PluginError: a plugin is not installed, or could not be loaded.
    """
    given: dict[str, str] = {}
    path = Path(target)
    if path.suffix == ".py" and os.path.realpath(path) not in map(os.path.realpath, plugins):
        plugins = (*plugins, target)
    loaded = load_plugins(plugins)
    if path.suffix == ".py":
        components = [
            component for component in loaded.registry if component.origin.distribution == path.name
        ]
    elif path.is_dir() and (
        target in (".", "..") or "/" in target or (path / "pyproject.toml").is_file()
    ):
        components = _of_distribution(
            _project_name(path), loaded, f"run 'pip install -e {target}' and check again"
        )
    else:
        components, given = _by_name(target, loaded, kind)
    chosen = [component for component in components if kind in (None, component.kind)]
    if not chosen:
        raise SpecError(
            f"'{target}' has no {kind or 'component'} to check; it has {_summary(components)}"
        )
    spelling = loaded.registry.spelling
    found = [
        Subject(
            component, component.resolve(given), spelling(component), plugins, tuple(data_roots)
        )
        for component in chosen
    ]
    if given:
        _refuse_contradictions(found[0])
    return found


def _refuse_contradictions(subject: Subject) -> None:
    """Parameters that cannot go together are the request's fault, and no broken promise; whatever
    else goes wrong is left to the checks.

    Raises:
        SpecError: the component refuses them.
    """
    try:
        subject.build(**subject.sizes)
    except SpecError:
        raise
    except (Exception, SystemExit):
        return


def _by_name(
    target: str, plugins: Plugins, kind: str | None
) -> tuple[list[Component], dict[str, str]]:
    """The components of that name and the parameters given, else all of the distribution of that
    name.
    """
    name, given = parse_spec(target)
    if name.endswith(".py"):
        raise SpecError(
            "parameters are a component's, not a file's: 'vsebench check "
            f"NAME:{target.partition(':')[2]} --plugin {name}'"
        )
    found = [
        component for component in plugins.registry.find(name) if kind in (None, component.kind)
    ]
    if given and len(found) > 1:
        found = _with_parameters(name, given, found)
    if found:
        return found, given
    distributions = {info.distribution for info in plugins.infos}
    if normalise(name) not in map(normalise, distributions):
        known = {
            component.name for component in plugins.registry if kind in (None, component.kind)
        } | distributions
        raise SpecError(
            f"no {kind or 'component'}, installed distribution, Python file or folder is called "
            f"'{name}': {did_you_mean(name, known)}"
        )
    return _of_distribution(name, plugins, ""), {}


def _with_parameters(name: str, given: dict[str, str], found: list[Component]) -> list[Component]:
    """The one that has parameters of these names.

    Raises:
        SpecError: several have, or none.
    """
    fitting = [
        component
        for component in found
        if given.keys() <= {param.name for param in component.params}
    ]
    if len(fitting) != 1:
        kinds = " and a ".join(component.kind for component in found)
        raise SpecError(f"'{name}' is a {kinds}: say which has these parameters, with --kind")
    return fitting


def _of_distribution(name: str, plugins: Plugins, hint: str) -> list[Component]:
    """The components of an installed distribution.

    Raises:
        PluginError: it is not installed, offers no plugin, or one of its plugins could not be
            loaded.
    """
    infos = [info for info in plugins.infos if normalise(info.distribution) == normalise(name)]
    if not infos:
        raise PluginError(
            f"no plugin of the distribution '{name}' is installed (entry points of the group "
            f"'vsebench'): {hint}"
        )
    for info in infos:
        if info.status != "loaded":
            why = info.error or "VSEBENCH_PLUGINS or VSEBENCH_DISABLE_PLUGINS keeps it out"
            raise PluginError(
                f"plugin '{info.name}' of {info.distribution} is {info.status}: "
                f"{why}{'; ' if info.hint else ''}{info.hint}"
            )
    return [
        component
        for component in plugins.registry
        if normalise(component.origin.distribution) == normalise(name)
    ]


def _project_name(folder: Path) -> str:
    """The name of the distribution that a project's folder makes.

    Raises:
        PluginError: it has no pyproject.toml that names one.
    """
    file = folder / "pyproject.toml"
    try:
        name = parse_toml(file)["project"]["name"]
    except FileNotFoundError:
        raise PluginError(
            f"folder '{folder}' has no pyproject.toml: expected a plugin's project, a plugin's "
            "Python file, or a name"
        ) from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise PluginError(
            f"{file} names no project ([project] name = …): {type(error).__name__}: {error}"
        ) from error
    return str(name)


def _summary(components: Sequence[Component]) -> str:
    return ", ".join(component.owner for component in components) or "none at all"
