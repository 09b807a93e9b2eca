"""What hard queries are shown with: captions and thumbnails of the data sets that are at hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vsebench.plugin.errors import DataError
from vsebench.report.queries.data import Captions, Queried, Thumbnails, captions, thumbnails

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from vsebench.plugin.registry import Registry
    from vsebench.report.rows.sections import Section
    from vsebench.site.studies import Study


def captions_at_hand(
    studies: Sequence[Study],
    roots: Sequence[Path],
    registry: Registry,
    tell: Callable[[str], None],
) -> dict[Queried, Captions]:
    """The captions of the studies' data sets.

    Args:
        studies: the studies.
        roots: folders in which the data sets are looked for; without any there are none.
        registry: registry that has them.
        tell: called with what is missing.
    """
    found = {}
    for queried, section in _sections(studies).items() if roots else ():
        try:
            found[queried] = captions(section, roots, registry)
        except DataError as error:
            tell(f"no captions of {queried.dataset}: {error}")
    return found


def thumbnails_at_hand(  # noqa: PLR0913  # what they are of, and where it is looked for
    studies: Sequence[Study],
    texts: Mapping[Queried, Captions],
    roots: Sequence[Path],
    folders: Sequence[Path],
    registry: Registry,
    tell: Callable[[str], None],
) -> dict[Queried, Thumbnails]:
    """The thumbnails of the data sets whose captions are at hand.

    Args:
        studies: the studies.
        texts: the captions.
        roots: folders in which the data sets are looked for.
        folders: folders and tar files of images.
        registry: registry that has the data sets.
        tell: called with what is missing.
    """
    found = {}
    for queried, section in _sections(studies).items():
        if queried in texts and texts[queried].texts:
            try:
                made = thumbnails(section, roots, registry, folders)
            except DataError as error:
                tell(f"no images of {queried.dataset}: {error}")
                continue
            if made is not None:
                found[queried] = made
    return found


def _sections(studies: Sequence[Study]) -> dict[Queried, Section]:
    """A section of each data set and of the splits that are counted."""
    sections = [board.block.section for study in studies for board in study.boards]
    return {Queried.by(section): section for section in sections}
