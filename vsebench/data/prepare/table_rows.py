"""Images and captions in the rows of Parquet or Arrow tables, as Hugging Face's `datasets` writes
them: an image with its captions a row, or a caption with its image a row.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from itertools import chain
from typing import TYPE_CHECKING, Any

from vsebench.data.prepare.source import Image, Split
from vsebench.data.words import as_line, has_word
from vsebench.plugin import DataError, SpecError, VsebenchError
from vsebench.plugin.errors import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from vsebench.data.prepare.karpathy import Published

COLUMNS = {
    "image": ("image", "img", "images", "photo", "picture", "jpg", "png"),
    "captions": ("captions", "caption", "sentences", "sentence", "texts", "text", "raw"),
    "id": ("filename", "file_name", "image_id", "img_id", "cocoid", "imgid"),
    "split": ("split",),
}
"""Names under which a column is looked for, the most telling first; the first two are needed."""

_NUMBERED = re.compile(rf"({'|'.join(COLUMNS['captions'])})_?\d+")
"""What columns are called that hold one caption each: caption_0, caption_1, …"""

_BATCH = 64
"""Rows read at a time."""

_TEXTS = ("raw", "caption", "text", "sentence")
"""Names of a caption in a row's list of records."""

_SUFFIXES = {
    b"\xff\xd8\xff": ".jpg",
    b"\x89PNG": ".png",
    b"RIFF": ".webp",
    b"GIF8": ".gif",
    b"BM": ".bmp",
    b"II*\0": ".tif",
    b"MM\0*": ".tif",
}


@dataclass(frozen=True)
class Tables:
    """Tables of images and captions.

    Attributes:
        root: their folder.
        files: the tables in order.
        columns: what a column is called, of those in `COLUMNS` that are not called as usual. With
            `*` the name stands for several columns of captions.
    """

    root: Path
    files: Sequence[Path]
    columns: Mapping[str, str]

    def read(self, entry: Published) -> tuple[list[Split], bool]:
        """The images of every split with their captions, and whether they are known by name.

        An image is known by its id; where no column has one, by the name of its file, where each
        name is of one image only, else by its content.

        Raises:
            DataError: a table is damaged, a row lacks something, an image is in two splits or has
                too few captions, two images would have one name, or a split has none.
            SpecError: a column is not there.
        """
        rows = [replace(row, content=b"") for row in self._rows()]
        by_name = _names_tell(rows)
        found: dict[str, dict[str, Image]] = {stem: {} for stem in entry.outputs}
        split_of: dict[str, str] = {}
        name_of: dict[tuple[str, str], str] = {}
        for row in rows:
            stem, name = _stem(row, entry), row.name(by_name=by_name)
            if split_of.setdefault(name, stem) != stem:
                raise DataError(
                    f"{row.where} has image {name} in {stem}, and it is in {split_of[name]} too: "
                    "expected every image in one split; name a column of unique ids with --column "
                    "id=NAME"
                )
            image = Image(_plain(name), file_name(name, row.suffix), ())
            for called in (("id", image.id), ("file", image.path)):
                if (other := name_of.setdefault(called, name)) != name:
                    raise DataError(
                        f"{row.where}: images '{other}' and '{name}' would both be called "
                        f"{called[1]}: name a column of other ids with --column id=NAME"
                    )
            captions = found[stem].get(name, image).captions + row.captions
            found[stem][name] = replace(image, captions=captions)
        return [_split(stem, found[stem], entry) for stem in entry.outputs], by_name

    def pictures(self, *, by_name: bool) -> Iterator[tuple[str, bytes]]:
        """The file name and the content of each image, once."""
        seen: set[str] = set()
        for row in self._rows():
            name = file_name(row.name(by_name=by_name), row.suffix)
            if name not in seen:
                seen.add(name)
                yield name, row.content

    def _rows(self) -> Iterator[_Row]:
        for path in self.files:
            place = path.relative_to(self.root).as_posix() if path != self.root else path.name
            for number, values in enumerate(_values(path, self.columns)):
                yield _row(f"{path}, row {number}", place, values)


@dataclass(frozen=True)
class _Row:
    """A row: `id` and `file` are what its image is called, empty where unknown; `place` is where
    the table lies.
    """

    where: str
    place: str
    split: str | None
    id: str
    file: str
    digest: str
    suffix: str
    captions: tuple[str, ...]
    content: bytes

    def name(self, *, by_name: bool) -> str:
        return (self.id or self.file) if by_name else self.digest


def _values(path: Path, given: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    """The values of each row, by what they are; those of several columns of captions are a list."""
    import pyarrow as pa

    try:
        for names, batch in _batches(path, given):
            # damaged offsets would be read from beyond the file, which ends the process
            batch.validate(full=True)
            for values in batch.to_pylist():
                row = {what: values[columns[0]] for what, columns in names.items()}
                if len(names["captions"]) > 1:
                    texts = (values[column] for column in names["captions"])
                    row["captions"] = [text for text in texts if text is not None]
                yield row
    except VsebenchError:
        raise
    except (OSError, ValueError, pa.ArrowException) as error:
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        raise DataError(f"{path} is damaged, or no table ({reason}): get it again") from None


def _batches(path: Path, given: Mapping[str, str]) -> Iterator[tuple[dict[str, list[str]], Any]]:
    """What the columns are called, and batches of rows that have these columns."""
    import pyarrow as pa
    from pyarrow import parquet

    if path.suffix == ".parquet":
        with parquet.ParquetFile(path) as file:
            names = _columns(path, file.schema_arrow.names, given)
            wanted = [*chain.from_iterable(names.values())]
            for batch in file.iter_batches(_BATCH, columns=wanted):
                yield names, batch
        return
    with pa.memory_map(str(path)) as source:
        stream = pa.ipc.open_stream(source)
        names = _columns(path, stream.schema.names, given)
        for batch in stream:
            rows = batch.select([*chain.from_iterable(names.values())])
            for start in range(0, len(rows), _BATCH):
                yield names, rows.slice(start, _BATCH)


def _columns(path: Path, there: Sequence[str], given: Mapping[str, str]) -> dict[str, list[str]]:
    """What the wanted columns of a table are called; several may hold captions."""
    names: dict[str, list[str]] = {}
    for what, usual in COLUMNS.items():
        if (asked := given.get(what)) is not None:
            found = [asked] if asked in there else []
            if what == "captions":
                found = found or [name for name in there if fnmatchcase(name, asked)]
            if not found:
                raise SpecError(f"{path} has no column '{asked}': {did_you_mean(asked, there)}")
        else:
            found = [name for name in usual if name in there][:1]
            if what == "captions":
                found = found or [name for name in there if _NUMBERED.fullmatch(name)]
        if found:
            names[what] = found
    for what in ("image", "captions"):
        if what not in names:
            raise DataError(
                f"{path} has columns {', '.join(there)}: say which has the {what} with --column "
                f"{what}=NAME"
            )
    return names


def _row(where: str, place: str, values: Mapping[str, Any]) -> _Row:
    captions = tuple(_captions(values["captions"], where))
    content, file = _image(values["image"], where)
    known = "" if values.get("id") is None else str(values["id"]).strip()
    if "id" in values and not known:
        raise DataError(f"{where} has no id of its image")
    split = values.get("split")
    return _Row(
        where,
        place,
        None if split is None else str(split),
        known,
        file,
        hashlib.sha256(content).hexdigest()[:16],
        next((end for start, end in _SUFFIXES.items() if content.startswith(start)), ".jpg"),
        captions,
        content,
    )


def _image(value: Any, where: str) -> tuple[bytes, str]:
    """Content and file name of an image."""
    content = value.get("bytes") if isinstance(value, dict) else value
    name = str(value.get("path") or "") if isinstance(value, dict) else ""
    if not isinstance(content, bytes) or not content:
        raise DataError(
            f"{where} does not hold its image{f' but names {name}' if name else ''}: expected the "
            "content of the image's file in the table"
        )
    return content, re.split(r"[/\\]", name)[-1]


def _captions(value: Any, where: str) -> Iterator[str]:
    for each in value if isinstance(value, list) else [value]:
        found = each
        if isinstance(each, dict):
            found = next((each[name] for name in _TEXTS if name in each), None)
            if not set(each).intersection(_TEXTS):
                raise DataError(
                    f"{where} has captions with the fields {', '.join(map(str, each))}: expected "
                    f"the text in one of {', '.join(_TEXTS)}"
                )
        text = as_line(found) if isinstance(found, str) else ""
        if not has_word(text):
            raise DataError(f"{where} has the caption {found!r}, expected a text with a word in it")
        yield text


def _stem(row: _Row, entry: Published) -> str:
    """The split that a row belongs to: its own, else that after which its table or a folder of it
    is called.
    """
    if row.split is not None:
        named = [row.split]
    else:
        parts = row.place.split("/")
        named = [re.split(r"[-._]", parts[-1])[0], *reversed(parts[:-1])]
    for name in named:
        if name in entry.stems:
            return entry.stems[name]
    raise DataError(
        f"{row.where} is of split '{named[0]}', expected one of {', '.join(entry.stems)}, as a "
        "column 'split' or the name of the table or its folder"
    )


def _names_tell(rows: Sequence[_Row]) -> bool:
    """Whether every image has a name, and no name is of two images.

    Raises:
        DataError: an id is of two images.
    """
    digest_of: dict[str, str] = {}
    for row in rows:
        name = row.id or row.file
        if not name:
            return False
        if digest_of.setdefault(name, row.digest) != row.digest:
            if row.id:
                raise DataError(
                    f"{row.where} has another image of the id {name} than a row before: expected "
                    "one image for each id; name a column of unique ids with --column id=NAME"
                )
            return False
    return True


def _split(stem: str, found: Mapping[str, Image], entry: Published) -> Split:
    if not found:
        raise DataError(
            f"the tables have no image of {stem}: expected splits {', '.join(entry.outputs)}"
        )
    for name, image in found.items():
        if len(image.captions) < (entry.captions or 1):
            raise DataError(
                f"image {name} of {stem} has {len(image.captions)} captions, expected "
                f"{entry.captions or 1} or more"
            )
    kept = [replace(image, captions=image.captions[: entry.captions]) for image in found.values()]
    return Split(stem, kept)


def _plain(name: str) -> str:
    return re.sub(r"[\s/\\]", "_", name)


def file_name(name: str, suffix: str) -> str:
    """What the file of an image is called: its id or name, with the ending of its format."""
    same = (suffix, ".jpeg") if suffix == ".jpg" else (suffix,)
    plain = _plain(name)
    return plain if plain.lower().endswith(same) else f"{plain}{suffix}"
