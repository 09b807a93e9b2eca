"""Where a data set lies, and copies of its folder in which one file is damaged."""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from vsebench.data.open import locate
from vsebench.data.validate import check_annotation, check_data
from vsebench.plugin import DataError, DatasetCard, RetrievalData
from vsebench.testing.check import NotCheckedError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vsebench.plugin import AnnotationData
    from vsebench.testing.subject import Subject

    Data = RetrievalData | AnnotationData

HEAD = 1 << 22
"""Bytes of a truncated file at most."""


class Opened(NamedTuple):
    """A data set and the folder that it is in."""

    dataset: Any
    root: Path


@contextmanager
def opened(subject: Subject) -> Iterator[Opened]:
    """The data set in its folder; a generated one in an empty folder of its own.

    Raises:
        NotCheckedError: its files are not on this machine.
    """
    dataset = subject.build()
    card = cast("DatasetCard", subject.component.card)
    if card.generated:
        with tempfile.TemporaryDirectory() as folder:
            yield Opened(dataset, Path(folder) / "generated")
        return
    try:
        root = locate(subject.component.name, card.folders, dataset, subject.data_roots).absolute()
    except DataError as error:
        raise NotCheckedError(str(error)) from error
    yield Opened(dataset, root)


def load(subject: Subject, found: Opened) -> Data:
    """Its splits, checked.

    Raises:
        DataError: they are missing, damaged or inconsistent.
    """
    data: Data = found.dataset.load(found.root)
    if isinstance(data, RetrievalData):
        check_data(subject.component.name, data)
    else:
        check_annotation(subject.component.name, data)
    return data


def defining_files(found: Opened) -> list[Path]:
    """The files under its folder that define it.

    Raises:
        NotCheckedError: it is generated, or all of its files lie elsewhere.
    """
    files = [Path(file) for file in found.dataset.files(found.root)]
    inside = [file for file in files if file.is_file() and file.is_relative_to(found.root)]
    if not inside:
        raise NotCheckedError(
            "no file in its folder defines it: it is generated, or its files lie elsewhere"
        )
    return inside


@contextmanager
def damaged(root: Path, victim: Path, *, truncated: bool) -> Iterator[Path]:
    """A folder like `root`, of links, without `victim`, or with the first half of it (4 MiB at
    most) in its place.
    """
    with tempfile.TemporaryDirectory() as folder:
        here, there = root, Path(folder)
        for name in victim.relative_to(root).parts:
            there.mkdir(exist_ok=True)
            for entry in here.iterdir():
                if entry.name != name:
                    (there / entry.name).symlink_to(entry.absolute())
            here, there = here / name, there / name
        if truncated:
            there.write_bytes(_half(victim))
        yield Path(folder)


def _half(file: Path) -> bytes:
    """The first half, not cut where a line ends: a text that ends there may be whole."""
    with file.open("rb") as stream:
        content = stream.read(min(file.stat().st_size // 2, HEAD))
    return content[:-1] if content.endswith(b"\n") else content
