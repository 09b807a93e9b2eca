"""What a data set says of its files: where they lie, which they are, and which of them is damaged,
on copies of its folder.
"""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from vsebench.data.fingerprint import fingerprint_files
from vsebench.data.open import locate
from vsebench.data.validate import check_any, compare_any
from vsebench.plugin import DataError, DatasetCard, RetrievalData
from vsebench.testing.check import ConformanceError, NotCheckedError, promise
from vsebench.testing.trial import Trial

if TYPE_CHECKING:
    from vsebench.testing.subject import Subject

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
        name, roots = subject.component.name, subject.data_roots
        root = locate(name, card.folders, dataset.files, roots).absolute()
    except DataError as error:
        raise NotCheckedError(str(error)) from error
    yield Opened(dataset, root)


def load(subject: Subject, found: Opened) -> Data:
    """Its splits, checked.

    Raises:
        DataError: they are missing, damaged or inconsistent.
    """
    data: Data = found.dataset.load(found.root)
    check_any(data, subject.component.name)
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


def trial(subject: Subject, root: Path, call: str, *, note: str = "") -> Trial:
    """The trial of a `dataset` in the folder `root`; `call` is Python in these two."""
    code = (
        "from pathlib import Path; from vsebench.testing import build; dataset = "
        f'{subject.source()}; root = Path("{root}"); {call}'
    )
    return Trial(f"{root}{', ' if note else ''}{note}", code)


@promise
def says_how_to_get_it(subject: Subject) -> None:
    """Its card says which files to get and where to put them, and under which licence they are."""
    card = cast("DatasetCard", subject.component.card)
    for field in ("prepare", "licence"):
        if not getattr(card, field).strip():
            raise ConformanceError(
                f"its card has no '{field}'",
                expected=f"DatasetCard(…, {field}=…), so that a person can follow it",
                found="nothing",
            )


@promise
def its_fingerprint_is_stable(subject: Subject) -> None:
    """`files` names the same files in every instance, and loading changes none of them, so that its
    runs keep their identity.
    """
    with (
        opened(subject) as found,
        trial(
            subject, found.root, "dataset.files(root); dataset.load(root); dataset.files(root)"
        ) as case,
    ):
        files = defining_files(found)
        before = fingerprint_files(found.root, files)
        load(subject, found)
        again = defining_files(Opened(subject.build(), found.root))
        names = [str(file.relative_to(found.root)) for file in files]
        other = [str(file.relative_to(found.root)) for file in again]
        case.require(
            sorted(names) == sorted(other),
            "files() names other files the second time",
            expected=", ".join(names),
            found=", ".join(other),
        )
        after = fingerprint_files(found.root, again)
        case.require(
            before == after,
            "loading changes files that define it, and with them the identity of its runs",
            expected=before,
            found=after,
        )


def _damage(subject: Subject, root: Path, victim: Path, *, truncated: bool) -> Trial:
    """The trial of a copy of its folder in which a file is missing or cut in half."""
    made = (
        f'copy = damaged(root, root / "{victim.relative_to(root)}", truncated={truncated}); '
        "dataset.load(copy.__enter__())"
    )
    note = f"{victim.name} cut in half" if truncated else f"without {victim.name}"
    case = trial(
        subject, root, f"from vsebench.testing.datasets.files import damaged; {made}", note=note
    )
    return replace(case, expected=f"a DataError that names {victim.name}")


@promise
def a_missing_file_is_named(subject: Subject) -> None:
    """Without any one of its files, loading raises a DataError that names the file; files that it
    then does without are no part of it.
    """
    with opened(subject) as found:
        for victim in defining_files(found):
            with (
                damaged(found.root, victim, truncated=False) as root,
                _damage(subject, found.root, victim, truncated=False) as case,
            ):
                place = Opened(subject.build(), root)
                if root / victim.relative_to(found.root) not in list(place.dataset.files(root)):
                    continue
                _must_refuse(case, subject, place, victim)


@promise
def a_truncated_file_is_named(subject: Subject) -> None:
    """With the first half of any one of its files, loading raises a DataError that names it, or
    gives numbers that are not the declared ones.
    """
    with opened(subject) as found:
        for victim in defining_files(found):
            with (
                damaged(found.root, victim, truncated=True) as root,
                _damage(subject, found.root, victim, truncated=True) as case,
            ):
                _must_refuse(case, subject, Opened(subject.build(), root), victim)


def _must_refuse(case: Trial, subject: Subject, place: Opened, victim: Path) -> None:
    try:
        data = load(subject, place)
    except DataError as error:
        what = "its error does not say which file is at fault"
        case.require(
            victim.name in str(error),
            what,
            expected=victim.name,
            found=str(error).replace(str(place.root), "…"),
        )
        return
    if not _differences(subject, data):
        raise case.failure(
            "it takes damaged data for sound",
            expected=f"a DataError that names {victim.name}",
            found="data, as if nothing were wrong",
        )


def _differences(subject: Subject, data: Data) -> tuple[str, ...]:
    """What differs from the numbers that the card declares."""
    card = cast("DatasetCard", subject.component.card)
    return compare_any(data, card.published_for(subject.params))


@promise
def has_the_declared_counts(subject: Subject) -> None:
    """It has as many images, captions, labels and pairs as its card says."""
    card = cast("DatasetCard", subject.component.card)
    declared = card.published_for(subject.params)
    if not declared:
        raise NotCheckedError("its card declares no counts")
    with opened(subject) as found, trial(subject, found.root, "dataset.load(root)") as case:
        differences = _differences(subject, load(subject, found))
        case.require(
            not differences,
            "it has other counts than its card declares",
            expected=str(dict(declared)),
            found="; ".join(differences),
        )
