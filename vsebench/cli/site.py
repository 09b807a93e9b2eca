"""`vsebench site`: studies as pages that open from a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vsebench.cli.shared.messages import say
from vsebench.cli.shared.options import (
    RUNS,
    ClaimsToJudge,
    Level,
    PluginFiles,
    SeparateBoards,
    Studies,
)
from vsebench.plugin.errors import MissingError, SpecError
from vsebench.report.statistics.means import LEVEL

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vsebench.plugin.registry import Registry
    from vsebench.site.render import Claims
    from vsebench.site.studies import Study


def site_command(
    places: Studies = None,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder of the site.")] = Path(
        "site"
    ),
    claims: ClaimsToJudge = None,
    data_root: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="DIR", help="Folder of data sets, to show captions of hard queries; repeatable."
        ),
    ] = None,
    images: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="DIR",
            help="Folder or tar file of a data set's images, to show thumbnails of hard queries; "
            "repeatable, with --data-root.",
        ),
    ] = None,
    heading: Annotated[
        str, typer.Option("--title", metavar="TEXT", help="Heading of the index.")
    ] = "Studies",
    allow_mixed: SeparateBoards = False,
    level: Level = LEVEL,
    plugin: PluginFiles = None,
) -> None:
    """Write studies as a static site: leaderboards, curves, differences, methods, claims, and every
    run.
    """
    from vsebench.plugin.errors import require
    from vsebench.plugin.host.loader import load_plugins
    from vsebench.report.wording import count
    from vsebench.site.queries import at_hand
    from vsebench.site.render import pages_of
    from vsebench.site.studies import Slugs, read_studies
    from vsebench.site.write import check_folder, write_site

    require("matplotlib", extra="plots", purpose="figures")
    check_folder(out)
    for root in data_root or ():
        if not root.is_dir():
            raise MissingError(f"--data-root {root} is not a folder")
    for place in images or ():
        if not place.exists():
            raise MissingError(f"--images {place}: there is no such folder or tar file")
    if images and not data_root:
        raise SpecError("--images needs the data set that the images are of: name --data-root DIR")
    registry = load_plugins(tuple(plugin or ())).registry
    studies = read_studies(places or [RUNS], Slugs(), allow_mixed=allow_mixed, level=level)
    judged = [_judged(path, studies, registry) for path in claims or ()]
    shown = at_hand(studies, data_root or (), images or (), registry, say)
    pages = pages_of(heading, studies, judged, registry, shown)
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
