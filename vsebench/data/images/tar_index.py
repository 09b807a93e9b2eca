"""Where the members of an uncompressed tar file lie; remembered in the user's cache, since finding
out reads every header.
"""

from __future__ import annotations

import hashlib
import tarfile
from typing import TYPE_CHECKING, NamedTuple

from vsebench.data.cache import cache_dir, read_note, settled, write_note
from vsebench.plugin import DataError

if TYPE_CHECKING:
    from pathlib import Path


class Member(NamedTuple):
    """A regular file inside a tar: its content is `size` bytes from `offset`."""

    name: str
    offset: int
    size: int


def index_tar(path: Path) -> list[Member]:
    """The regular files of a tar in their order.

    Raises:
        DataError: it is compressed, damaged or truncated, or names a file twice.
    """
    stat = path.stat()
    identity = {"path": str(path.absolute()), "size": stat.st_size, "mtime_ns": stat.st_mtime_ns}
    note_path = (
        cache_dir() / "tars" / f"{hashlib.sha256(repr(identity).encode()).hexdigest()[:16]}.json"
    )
    note = read_note(note_path)
    if note is not None and identity.items() <= note.items():
        return [Member(*member) for member in note["members"]]
    members = _read_headers(path, stat.st_size)
    if settled(stat.st_mtime):
        write_note(note_path, {**identity, "members": members})
    return members


def _read_headers(path: Path, size: int) -> list[Member]:
    try:
        with tarfile.open(path, "r:") as tar:
            members = [
                Member(info.name.removeprefix("./"), info.offset_data, info.size)
                for info in tar
                if info.isfile()
            ]
            end = tar.offset
    except tarfile.TarError as error:
        raise DataError(
            f"{path} is not an uncompressed tar file ({error}): unpack it, or pack the images "
            "with 'tar cf'"
        ) from error
    with path.open("rb") as file:
        file.seek(end)
        # tarfile itself stops without a word at a header that it cannot read
        if file.read(tarfile.BLOCKSIZE) != bytes(tarfile.BLOCKSIZE):
            raise DataError(
                f"{path} is truncated or damaged at byte {end} of {size}, after {len(members)} "
                "files; get it again"
            )
    seen: set[str] = set()
    for member in members:
        if member.name in seen:
            raise DataError(
                f"{path} holds {member.name} twice: every image needs a name of its own"
            )
        seen.add(member.name)
    return members
