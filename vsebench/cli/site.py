"""`vsebench site`: studies as pages that open from a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vsebench.cli.shared.options import (  # typer reads annotations at run time
    RUNS,
    Level,
    PluginFiles,
    SeparateBoards,
    Studies,
)
from vsebench.plugin.errors import DataError, MissingError, SpecError
from vsebench.report.statistics.means import LEVEL

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from vsebench.plugin.registry import Registry
    from vsebench.report.queries.captions import Captions, Queried
    from vsebench.report.queries.thumbnails import Thumbnails
    from vsebench.report.rows.sections import Section
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
            help="Folder of data sets, to show captions of hard queries; repeatable.",
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
    from vsebench.site.render import pages_of
    from vsebench.site.slugs import Slugs
    from vsebench.site.studies import read_studies
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
    texts = _captions(studies, data_root, registry)
    pictures = _thumbnails(studies, data_root, images, registry, texts)
    pages = pages_of(heading, studies, judged, registry, texts, pictures)
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
) -> dict[Queried, Captions]:
    """The captions of the data sets that are at hand; says which are not."""
    from vsebench.report.queries.captions import captions

    if not roots:
        return {}
    found = {}
    for queried, section in _sections(studies).items():
        try:
            found[queried] = captions(section, roots, registry)
        except DataError as error:
            typer.echo(f"vsebench: no captions of {queried.dataset}: {error}", err=True)
    return found


def _thumbnails(
    studies: Sequence[Study],
    roots: Sequence[Path] | None,
    folders: Sequence[Path] | None,
    registry: Registry,
    texts: Mapping[Queried, Captions],
) -> dict[Queried, Thumbnails]:
    """The thumbnails of the data sets whose captions are at hand, likewise."""
    from vsebench.report.queries.thumbnails import thumbnails

    found = {}
    for queried, section in _sections(studies).items():
        if queried in texts and texts[queried].texts:
            try:
                made = thumbnails(section, roots or (), registry, folders or ())
            except DataError as error:
                typer.echo(f"vsebench: no images of {queried.dataset}: {error}", err=True)
                continue
            if made is not None:
                found[queried] = made
    return found


def _sections(studies: Sequence[Study]) -> dict[Queried, Section]:
    """A section of each data set and of the splits that are counted."""
    from vsebench.report.queries.captions import Queried

    sections = [board.block.section for study in studies for board in study.boards]
    return {Queried.by(section): section for section in sections}
