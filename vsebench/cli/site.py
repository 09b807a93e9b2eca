"""`vsebench site`: studies as pages that open from a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vsebench.cli.options import (  # typer reads annotations at run time
    RUNS,
    Level,
    PluginFiles,
    Studies,
)
from vsebench.plugin.errors import DataError, MissingError
from vsebench.report.statistics import LEVEL

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vsebench.plugin.registry import Registry
    from vsebench.report.captions import Captions
    from vsebench.site.render import Claims
    from vsebench.site.studies import Study


def site_command(
    places: Studies = None,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder of the site.")] = Path(
        "site"
    ),
    claims: Annotated[
        list[Path] | None,
        typer.Option("--claims", metavar="FILE", help="Claims to judge by these runs; repeatable."),
    ] = None,
    data_root: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="DIR",
            help="Folder in which data sets lie, so that hard queries show captions; repeatable.",
        ),
    ] = None,
    heading: Annotated[
        str, typer.Option("--title", metavar="TEXT", help="Heading of the index.")
    ] = "Studies",
    allow_mixed: Annotated[
        bool,
        typer.Option(
            "--allow-mixed",
            help="Give rows that differ in what must be equal boards of their own, and of runs "
            "made twice take the first.",
        ),
    ] = False,
    level: Level = LEVEL,
    plugin: PluginFiles = None,
) -> None:
    """Write studies as static pages: leaderboards, curves, differences, methods, claims, and every
    run.
    """
    from vsebench.plugin.extras import require
    from vsebench.plugin.host.loader import load_plugins
    from vsebench.report.wording import count
    from vsebench.site.render import pages_of
    from vsebench.site.slugs import Slugs
    from vsebench.site.studies import read_studies
    from vsebench.site.write import check_folder, write_site

    require("matplotlib", extra="plots", purpose="figures")
    check_folder(out)
    for root in data_root or ():
        if not root.is_dir():
            raise MissingError(f"--data-root {root} is not a folder")
    registry = load_plugins(tuple(plugin or ())).registry
    studies = read_studies(places or [RUNS], Slugs(), allow_mixed=allow_mixed, level=level)
    judged = [_judged(path, studies, registry) for path in claims or ()]
    pages = pages_of(heading, studies, judged, registry, _captions(studies, data_root, registry))
    write_site(out, pages)
    studied = f"{len(studies)} {'study' if len(studies) == 1 else 'studies'}"
    typer.echo(f"{out / 'index.html'}: {studied}, {count(len(pages), 'file')}")


def _judged(path: Path, studies: Sequence[Study], registry: Registry) -> Claims:
    from vsebench.claims.file import load_claims
    from vsebench.claims.judge import judge
    from vsebench.site.render import Claims

    held = load_claims(path)
    runs = [run for study in studies for run in study.gathered.ended]
    return Claims(held, judge(held, runs, registry), path.stem)


def _captions(
    studies: Sequence[Study], roots: Sequence[Path] | None, registry: Registry
) -> dict[str, Captions]:
    """The captions of the data sets that are at hand, by data set; says which are not."""
    from vsebench.report.captions import captions

    if not roots:
        return {}
    sections = {
        board.block.section.dataset: board.block.section
        for study in studies
        for board in study.boards
    }
    found = {}
    for dataset, section in sections.items():
        try:
            found[dataset] = captions(section, roots, registry)
        except DataError as error:
            typer.echo(f"vsebench: no captions of {dataset}: {error}", err=True)
    return found
