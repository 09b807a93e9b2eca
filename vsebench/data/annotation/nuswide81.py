"""The 81 concepts of NUS-WIDE, from the archives of its ground truth as published."""

from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING

import numpy as np

from vsebench.data.annotation.hold_out import leave_one_out
from vsebench.data.reading import ZIP_DAMAGE
from vsebench.files import open_regular
from vsebench.plugin import AnnotationData, DataError, Positives
from vsebench.text import readable
from vsebench.unpacked import TooLargeError, check_members

if TYPE_CHECKING:
    from pathlib import Path

TRUTH, CONCEPTS = "Groundtruth.zip", "ConceptsList.zip"
NAMES = "Concepts81.txt"
PARTS = ("Train", "Test")

DAMAGED = ("lake", "Train", 78372, b"-1130179")
"""Concept, part, row from 0 and content of the one line of the published files that is neither 0
nor 1. It stands for 0, as the file of all images shows.
"""


class NusWide81:
    """All images of the official training and test parts, in this order; an image's row is its line
    number there.

    The archives hold no features, so that images are known by their row alone and the official
    split cannot serve: labels are held out of all images.

    Args:
        seed: seed of the labels that are held out.
    """

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed

    def files(self, root: Path) -> list[Path]:
        return [root / TRUTH, root / CONCEPTS]

    def load(self, root: Path) -> AnnotationData:
        concepts = _read(root / CONCEPTS, NAMES).decode("ascii", "replace").split()
        if len(set(concepts)) != len(concepts) or len(concepts) < 2:
            raise DataError(
                f"{root / CONCEPTS}: {NAMES} has {len(concepts)} names, expected different names "
                "of at least two concepts"
            )
        columns = [
            np.concatenate([_concept(root / TRUTH, name, part) for part in PARTS])
            for name in concepts
        ]
        for name, column in zip(concepts, columns, strict=True):
            if len(column) != len(columns[0]):
                raise DataError(
                    f"{root / TRUTH}: '{name}' has {len(column)} lines, '{concepts[0]}' has "
                    f"{len(columns[0])}: every concept needs one for each image"
                )
        images = np.concatenate([np.flatnonzero(column) for column in columns])
        labels = np.repeat(np.arange(len(columns)), [int(column.sum()) for column in columns])
        return leave_one_out(
            Positives.from_pairs(images, labels, len(columns[0]), len(columns)), self.seed, concepts
        )


def _concept(path: Path, name: str, part: str) -> np.ndarray:
    """Which images of a part show the concept, bool."""
    member = f"TrainTestLabels/Labels_{name}_{part}.txt"
    content = _read(path, member)
    raw = np.frombuffer(content, np.uint8)
    if (
        len(raw) % 2 == 0
        and np.isin(raw[::2], (ord("0"), ord("1"))).all()
        and (raw[1::2] == ord("\n")).all()
    ):
        return np.asarray(raw[::2] == ord("1"))
    lines = content.split()
    if DAMAGED[:2] == (name, part) and lines[DAMAGED[2] : DAMAGED[2] + 1] == [DAMAGED[3]]:
        lines[DAMAGED[2]] = b"0"
    values = np.array(lines, dtype="S")
    wrong = (values != b"0") & (values != b"1")
    if wrong.any():
        row = int(wrong.argmax())
        raise DataError(
            f"{path}: {member}, line {row + 1}, is '{lines[row].decode('ascii', 'replace')}', "
            "expected 0 or 1"
        )
    return np.asarray(values == b"1")


def _read(path: Path, member: str) -> bytes:
    """One file of an archive."""
    with readable(path), open_regular(path) as file:
        try:
            with zipfile.ZipFile(file) as archive:
                check_members([archive.getinfo(member)])
                return archive.read(member)
        except TooLargeError as error:
            raise DataError(f"{path}: {member}: {error}") from error
        except KeyError:
            raise DataError(f"{path} has no file '{member}': get the archive again") from None
        except ZIP_DAMAGE as error:
            raise DataError(f"{path} is not a sound zip archive ({error}): get it again") from error
