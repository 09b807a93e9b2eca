"""Data sets that break a promise each, in the precomp layout."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import TYPE_CHECKING

from vsebench.data.precomp import Precomp
from vsebench.plugin import DataError, RetrievalData

if TYPE_CHECKING:
    from pathlib import Path


class SharesImages(Precomp):
    def load(self, root: Path) -> RetrievalData:
        splits = super().load(root).splits
        return RetrievalData({**splits, "dev": splits["test"]})


class ShufflesCaptions(Precomp):
    def load(self, root: Path) -> RetrievalData:
        splits = dict(super().load(root).splits)
        captions = list(splits["train"].captions)
        random.SystemRandom().shuffle(captions)
        return RetrievalData({**splits, "train": replace(splits["train"], captions=captions)})


class WritesAStamp(Precomp):
    """Rewrites one of its files whenever it is loaded."""

    def files(self, root: Path) -> list[Path]:
        stamp = root / "stamp.txt"
        return [*super().files(root), *([stamp] if stamp.is_file() else [])]

    def load(self, root: Path) -> RetrievalData:
        (root / "stamp.txt").write_text(str(random.SystemRandom().random()))
        return super().load(root)


class NamesNoMissingFile(Precomp):
    def load(self, root: Path) -> RetrievalData:
        if not all(file.is_file() for file in self.files(root)):
            raise DataError("a file is missing")
        return super().load(root)


class LeavesErrorsToPython(Precomp):
    """Lets the error of a file that cannot be opened through."""

    def load(self, root: Path) -> RetrievalData:
        for file in self.files(root):
            file.open("rb").close()
        return super().load(root)


class NamesNoTruncatedFile(Precomp):
    def load(self, root: Path) -> RetrievalData:
        try:
            return super().load(root)
        except DataError as error:
            if "is missing" in str(error) or "No such file" in str(error):
                raise
            raise DataError("the data are damaged") from error


class TakesTruncatedCaptions(Precomp):
    """Fills up what is missing of the captions."""

    def load(self, root: Path) -> RetrievalData:
        captions = root / "train_caps.txt"
        if captions.is_file() and len(lines := captions.read_text().splitlines()) < 30:
            captions.write_text("\n".join([*lines, *["filled up"] * 30][:30]) + "\n")
        return super().load(root)
