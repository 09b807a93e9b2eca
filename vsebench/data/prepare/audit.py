"""Proves that an opened data set is the published one: counts, order of captions, nothing in two
splits, files as prepared.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from vsebench.data.precomp import CAPTIONS, IDS, LIMITS
from vsebench.data.prepare.duplicates import shared_captions, shared_features, shared_ids
from vsebench.data.prepare.karpathy import read_karpathy
from vsebench.data.prepare.manifest import damaged_files, read_manifest
from vsebench.data.prepare.published import SETS, Published
from vsebench.data.text import read_lines
from vsebench.data.vocabulary import tokenise
from vsebench.plugin import DataError, RetrievalData

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from vsebench.data.open import OpenedDataset
    from vsebench.data.prepare.duplicates import Place


@dataclass(frozen=True)
class Finding:
    """One thing that was checked: it holds (`ok`), it does not (`FAIL`), or it is worth knowing
    (`note`).
    """

    verdict: Literal["ok", "FAIL", "note"]
    text: str


def audit(opened: OpenedDataset, *, published_counts: bool) -> Iterator[Finding]:
    """Checks any opened set; that its files are sound and every feature finite, opening has shown.

    Args:
        opened: the data set.
        published_counts: whether its card has any to compare with.
    """
    yield Finding("ok", "files are whole and every value is finite")
    yield from (Finding("note", warning) for warning in opened.data.warnings)
    if published_counts:
        differences = [
            warning for warning in opened.warnings if warning not in opened.data.warnings
        ]
        yield from (Finding("FAIL", difference) for difference in differences)
        if not differences:
            yield Finding("ok", "all numbers are the published ones")
    if isinstance(opened.data, RetrievalData):
        yield from _shared("the same captions", shared_captions(opened.data.splits), "FAIL")
        features = shared_features(opened.data.splits)
        yield from _shared("the same features", features, "note") if features is not None else ()


def audit_features(
    folder: Path, stems: Sequence[str], entry: Published | None, captions: Path | None
) -> Iterator[Finding]:
    """Checks what is special to the precomp layout.

    Args:
        folder: folder of the set.
        stems: common beginnings of file names, by split.
        entry: what is published of the set.
        captions: Karpathy's JSON, to compare the order of captions with.

    Raises:
        DataError: a file cannot be read.
    """
    found = {stem: read_lines(folder / f"{stem}_caps.txt") for stem in stems}
    if entry is not None:
        yield from (
            _count(stem, len(lines) // CAPTIONS, entry.images[stem])
            for stem, lines in found.items()
        )
    yield from _against_json(found, entry, captions)
    ids = {stem: read_lines(path) for stem in stems if (path := folder / f"{stem}_{IDS}").is_file()}
    if len(ids) == len(stems):
        yield from _shared("the same id", shared_ids(ids), "FAIL")
    manifest = read_manifest(folder)
    if manifest is not None:
        damage = list(damaged_files(folder, manifest))
        yield from (Finding("FAIL", text) for text in damage)
        if not damage:
            files = len(manifest["files"])
            yield Finding("ok", f"all {files} files have the SHA-256 with which they were prepared")


def entry_for(name: str, folder: Path) -> Published | None:
    """What is published of a set in the precomp layout: by its name, else by its manifest."""
    manifest = read_manifest(folder)
    return SETS.get(name) or (SETS.get(manifest["dataset"]) if manifest else None)


def _count(stem: str, images: int, published: tuple[int, ...]) -> Finding:
    expected = " or ".join(f"{number:,}" for number in published)
    if images not in published:
        return Finding("FAIL", f"{stem} has {images:,} images, published are {expected}")
    limit = LIMITS.get(stem, images)
    used = f"; validation uses the first {limit:,}" if limit < images else ""
    return Finding(
        "ok", f"{stem} has {images:,} images, as published, with {CAPTIONS} captions each{used}"
    )


def _against_json(
    found: Mapping[str, list[str]], entry: Published | None, captions: Path | None
) -> Iterator[Finding]:
    """Whether the captions are those of the JSON, in its order."""
    if captions is None:
        if entry is not None:
            yield Finding(
                "note", f"order of captions not compared: give --captions {entry.json_name}"
            )
        return
    if entry is None:
        raise DataError(
            f"{captions} cannot be compared: its splits are known for {', '.join(SETS)} only, "
            "expected one of these data sets"
        )
    known = {split.stem: split.captions for split in read_karpathy(captions, entry.stems)}
    known["test"] = known.get("test", known[entry.outputs[-1]])
    for stem, lines in found.items():
        wrong = next(
            (
                i
                for i, line in enumerate(lines)
                if i >= len(known[stem]) or tokenise(line) != tokenise(known[stem][i])
            ),
            None,
        )
        if wrong is None:
            yield Finding("ok", f"{stem}_caps.txt has the captions of {captions.name} in its order")
        else:
            other = (
                repr(known[stem][wrong][:60]) if wrong < len(known[stem]) else "no more captions"
            )
            yield Finding(
                "FAIL",
                f"{stem}_caps.txt, line {wrong + 1}, is {lines[wrong][:60]!r}, {captions.name} "
                f"has {other}",
            )


def _shared(
    what: str, shared: Sequence[tuple[Place, Place]], verdict: Literal["FAIL", "note"]
) -> Iterator[Finding]:
    if shared:
        (split, image), (other, first) = shared[0]
        yield Finding(
            verdict,
            f"{len(shared):,} images have {what} as one of another split: image {image} of "
            f"{split} and image {first} of {other}",
        )
    else:
        yield Finding("ok", f"no image has {what} as one of another split")
