"""`vsebench new`: the folder of a plugin that works, to start from."""

from __future__ import annotations

import importlib.util
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vsebench.cli.shared.messages import warn
from vsebench.plugin.errors import SpecError, did_you_mean
from vsebench.plugin.kinds import KINDS
from vsebench.scaffold.kinds import STARTS

if TYPE_CHECKING:
    from vsebench.plugin.registry import Component
    from vsebench.scaffold import Project

FAMILIES = tuple(dict.fromkeys(KINDS[name].family for name, start in STARTS.items() if start))
"""What `vsebench new` makes; encoders of both sides are one family."""


def new_command(
    kind: Annotated[str, typer.Argument(help=f"Kind of component: {', '.join(FAMILIES)}.")],
    name: Annotated[str, typer.Argument(help="Name of the component, such as my_pool.")],
    side: Annotated[str | None, typer.Option(help="Side of an encoder: image or text.")] = None,
    licence: Annotated[
        str, typer.Option("--license", help="Licence: apache-2.0, mit or bsd-3-clause.")
    ] = "apache-2.0",
) -> None:
    """Write a working plugin into the folder vsebench-NAME: a package with one component, tests, a
    README and a CI workflow.
    """
    from vsebench import __version__
    from vsebench.plugin.host.loader import API_VERSION
    from vsebench.scaffold import Project, render, requirement, write

    project = Project(_kind(kind, side), name, licence)
    _refuse_taken(project)
    others = _claims(project)
    project = replace(project, shared=bool(others))
    files = render(project, version=__version__, api=API_VERSION, source=requirement("vsebench"))
    write(files, Path(project.distribution))
    if others:
        owners = " and ".join(sorted({other.origin.distribution for other in others}))
        warn(
            f"{project.kind} '{name}' is provided by {owners} already: yours is written "
            f"{project.spec}"
        )
    typer.echo(
        "\n".join(
            [*(f"{project.distribution}/{path}" for path in files), "", *_next_steps(project)]
        )
    )


def _kind(family: str, side: str | None) -> str:
    """The name of the kind of a family and a side."""
    if family not in FAMILIES:
        raise SpecError(f"there is no scaffold for a '{family}': {did_you_mean(family, FAMILIES)}")
    by_side = {kind.side: kind.name for kind in KINDS.values() if kind.family == family}
    if "" in by_side and side is not None:
        raise SpecError(f"a {family} has no side: leave out --side")
    if (side or "") not in by_side:
        sides = " or ".join(f"--side {known}" for known in by_side)
        raise SpecError(f"say which {family} it is: {sides}")
    return by_side[side or ""]


def _refuse_taken(project: Project) -> None:
    """Refuses a package that would hide one that is installed."""
    found = importlib.util.find_spec(project.package)
    if found is not None:
        raise SpecError(
            f"a package {project.package} is installed already ({found.origin}): choose another "
            "name"
        )


def _claims(project: Project) -> list[Component]:
    from vsebench.plugin.host.loader import load_plugins

    return [
        component
        for component in load_plugins().registry.find(project.name)
        if component.kind == project.kind
    ]


def _next_steps(project: Project) -> list[str]:
    return [
        f"cd {project.distribution}",
        "pip install -e '.[test]'",
        "vsebench check .",
        f"vsebench run {project.run_options}",
    ]
