"""The hardest queries of a board as its page shows them: what was asked for, what should have been
found, and what was found instead; with captions and thumbnails of the data sets that are at hand.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from vsebench.plugin.errors import DataError
from vsebench.report.queries.data import Captions, Queried, Thumbnails, captions, thumbnails
from vsebench.report.queries.tallies import hardest, instead
from vsebench.report.wording import name

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from vsebench.plugin.registry import Registry
    from vsebench.report.leaderboard.board import Board
    from vsebench.report.queries.tallies import Hardest, Instead
    from vsebench.report.rows.sections import Section
    from vsebench.site.studies import Study

HARDEST = 10
"""Queries of each kind that a page lists."""
SHOWN = 3
"""Items of a ranking that it shows."""

_HEADINGS = {
    "i2t": "Images whose captions are hard to find",
    "t2i": "Captions whose image is hard to find",
    "images": "Images whose labels are hard to rank",
}


class Item(NamedTuple):
    """An image or a caption.

    Attributes:
        name: what it is, and its place in the test split.
        text: the caption, or one of the image; empty where none is at hand.
        picture: `data:` URI of a thumbnail of the image; empty of captions, and where it is not at
            hand.
        right: whether it answers the query.
    """

    name: str
    text: str
    picture: str = ""
    right: bool = False


class Found(NamedTuple):
    """What a model found.

    Attributes:
        by: its row and seed.
        rank: rank of the first right item, from 1.
        items: the first of its ranking.
    """

    by: str
    rank: int
    items: list[Item]


class Query(NamedTuple):
    """A query that every row answers badly.

    Attributes:
        hard: its scores.
        row: the row that answers it best.
        asked: the query itself.
        wanted: what should have been found, as far as it is at hand.
        found: what was found instead; None where no run keeps it.
    """

    hard: Hardest
    row: str
    asked: Item
    wanted: list[Item]
    found: Found | None


class Queries(NamedTuple):
    """The hardest queries of one kind.

    Attributes:
        heading: what they are, in words.
        found: the queries, the hardest first.
    """

    heading: str
    found: list[Query]


def queries(board: Board, at_hand: AtHand) -> list[Queries]:
    """The hardest queries of a board by kind, with what is at hand of its data set."""
    section = board.block.section
    hard = hardest(section, HARDEST)
    kept = instead(section, [(each.kind, each.index) for each in hard])
    found: dict[str, list[Query]] = {}
    for each in hard:
        found.setdefault(each.kind, []).append(
            at_hand.query(each, kept.get((each.kind, each.index)))
        )
    return [Queries(_HEADINGS[kind], of_kind) for kind, of_kind in found.items()]


def absent(found: Sequence[Queries], at_hand: AtHand) -> str:
    """What a page does not show of hard queries, and why, in words; may be empty."""
    asked = [each for kind in found for each in kind.found if each.hard.kind != "images"]
    if not asked:
        return ""
    kept = sum(each.found is not None for each in asked)
    said = []
    if kept == 0:
        said.append("What was found instead is not shown: runs of older releases do not keep it.")
    elif kept < len(asked):
        said.append("What was found instead is shown where a run keeps it, as one of its worst.")
    if not at_hand.captions.texts:
        said.append("Captions are not shown: 'vsebench site --data-root' takes them.")
    elif at_hand.pictures is None:
        said.append("Images are not shown: 'vsebench site --images' takes them.")
    return " ".join(said)


class AtHand(NamedTuple):
    """What is at hand of a data set.

    Attributes:
        captions: its captions; none where nobody said where they are.
        pictures: thumbnails of its images, likewise.
    """

    captions: Captions = Captions()
    pictures: Thumbnails | None = None

    def query(self, hard: Hardest, kept: Instead | None) -> Query:
        """A hard query with its answers, from what a run kept of them."""
        asked = (
            self._caption(hard.index)
            if hard.kind == "t2i"
            else self._image(hard.index)._replace(text="")  # its captions follow
        )
        return Query(hard, name(hard.row), asked, self._wanted(hard), self._found(hard, kept))

    def _wanted(self, hard: Hardest) -> list[Item]:
        owners = self.captions.images
        if hard.kind == "t2i":
            return [self._image(owners[hard.index])] if hard.index < len(owners) else []
        if hard.kind == "i2t":
            return [self._caption(i) for i, image in enumerate(owners) if image == hard.index]
        return []

    def _found(self, hard: Hardest, kept: Instead | None) -> Found | None:
        if kept is None:
            return None
        items = [
            self._image(item)._replace(right=item == self._owner(hard.index))
            if hard.kind == "t2i"
            else self._caption(item)._replace(right=self._owner(item) == hard.index)
            for item in kept.top[:SHOWN]
        ]
        return Found(f"{name(kept.row)}, seed {kept.seed}", kept.rank, items)

    def _owner(self, caption: int) -> int | None:
        owners = self.captions.images
        return owners[caption] if caption < len(owners) else None

    def _image(self, index: int) -> Item:
        picture = self.pictures.of(index) if self.pictures is not None else ""
        return Item(f"image {index}", self.captions.of_image(index), picture)

    def _caption(self, index: int) -> Item:
        return Item(f"caption {index}", self.captions.of_caption(index))


def at_hand(
    studies: Sequence[Study],
    roots: Sequence[Path],
    folders: Sequence[Path],
    registry: Registry,
    tell: Callable[[str], None],
) -> dict[Queried, AtHand]:
    """What is at hand of the studies' data sets.

    Args:
        studies: the studies.
        roots: folders in which the data sets are looked for; without any, nothing is at hand.
        folders: folders and tar files of images, for data sets whose captions are found.
        registry: registry that has the data sets.
        tell: called with what is missing.
    """
    found = {}
    for queried, section in _sections(studies).items() if roots else ():
        try:
            texts = captions(section, roots, registry)
        except DataError as error:
            tell(f"no captions of {queried.dataset}: {error}")
            continue
        pictures = None
        try:
            pictures = thumbnails(section, roots, registry, folders) if texts.texts else None
        except DataError as error:
            tell(f"no images of {queried.dataset}: {error}")
        found[queried] = AtHand(texts, pictures)
    return found


def _sections(studies: Sequence[Study]) -> dict[Queried, Section]:
    """A section of each data set and of the splits that are counted."""
    sections = [board.block.section for study in studies for board in study.boards]
    return {Queried.by(section): section for section in sections}
