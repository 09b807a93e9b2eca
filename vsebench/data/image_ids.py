"""Which file each image of the precomp layout is: `{split}_ids.txt`, and `id_mapping.json` where
its lines are ids and not file names.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from vsebench.data.text import read_lines
from vsebench.plugin import DataError

if TYPE_CHECKING:
    from pathlib import Path

IDS, MAPPING = "ids.txt", "id_mapping.json"


def mapping_path(root: Path) -> Path | None:
    """The file that maps ids to file names, in the set's folder or in the one above it (as VSE∞
    lays it out); None where there is none.
    """
    return next((path for path in (root / MAPPING, root.parent / MAPPING) if path.is_file()), None)


def split_names(root: Path, stem: str, images: int, captions: int) -> list[str]:
    """The file name of each image of a split.

    Args:
        root: the set's folder.
        stem: of the split's files.
        images: that the split has.
        captions: of one image; the ids may be listed once per image or once per caption.

    Raises:
        DataError: a file is missing, lists another number of ids, repeats them wrongly, or an id
            has no file.
    """
    path = root / f"{stem}_{IDS}"
    ids = [line.strip() for line in read_lines(path)]
    if len(ids) == images * captions and captions > 1:
        for start in range(0, len(ids), captions):
            if len(set(ids[start : start + captions])) > 1:
                raise DataError(
                    f"{path}, lines {start + 1} to {start + captions}, are not one id: expected "
                    f"{captions} equal lines for each image, or one"
                )
        ids = ids[::captions]
    if len(ids) != images:
        raise DataError(
            f"{path} has {len(ids)} lines, expected {images} (one for each image) or "
            f"{images * captions} (one for each caption)"
        )
    mapping = _mapping(root)
    if mapping is None:
        return ids
    for number in ids:
        if number not in mapping:
            raise DataError(
                f"{mapping_path(root)} has no entry for id '{number}' of {path.name}: expected "
                "the file name of every image"
            )
    return [mapping[number] for number in ids]


def _mapping(root: Path) -> dict[str, str] | None:
    path = mapping_path(root)
    if path is None:
        return None
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise DataError(
            f"{path} is not JSON ({error}): expected an object that maps ids to file names"
        ) from error
    if not isinstance(content, dict) or not all(isinstance(name, str) for name in content.values()):
        raise DataError(f"{path} is not an object that maps ids to file names")
    return content
