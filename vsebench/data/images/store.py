"""Where raw images lie: a folder of files, or an uncompressed tar read by offsets. Nothing is
decoded here.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from vsebench.data.cache import settled
from vsebench.data.images.tar_index import Member, index_tar
from vsebench.plugin import DataError, MissingError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".ppm", ".pgm"}
)
"""Files of a folder or a tar that are taken for images."""


@dataclass(frozen=True, eq=False)
class ImageFolder:
    """Images that are files of their own.

    Attributes:
        root: the folder.
        names: of the images in order, relative to the folder, with `/`.
    """

    root: Path
    names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.names)

    def read(self, index: int) -> bytes:
        path = self.root / self.names[index]
        try:
            return path.read_bytes()
        except OSError as error:
            raise DataError(f"{path} cannot be read: {error.strerror}") from error

    def where(self, index: int) -> str:
        return str(self.root / self.names[index])

    def stamp(self) -> str:
        digest, latest = hashlib.sha256(str(self.root.absolute()).encode()), 0.0
        for name in self.names:
            path = self.root / name
            try:
                stat = path.stat()
            except OSError as error:
                raise DataError(f"{path} cannot be read: {error.strerror}") from error
            digest.update(f"{name}\0{stat.st_size}\0{stat.st_mtime_ns}\n".encode())
            latest = max(latest, stat.st_mtime)
        return digest.hexdigest() if settled(latest) else ""

    def subset(self, rows: Sequence[int]) -> ImageFolder:
        """Some of the images, in any order."""
        return replace(self, names=tuple(self.names[row] for row in rows))


class _OpenFile:
    """A file that is closed when nothing reads from it any more."""

    def __init__(self, path: Path) -> None:
        self.descriptor = os.open(path, os.O_RDONLY)

    def __del__(self) -> None:
        os.close(self.descriptor)


@dataclass(frozen=True, eq=False)
class ImageTar:
    """Images in an uncompressed tar file: one open file, each image read at its offset.

    Attributes:
        path: the tar file.
        members: where each image lies in it, in order.
    """

    path: Path
    members: tuple[Member, ...]
    _file: _OpenFile = field(repr=False)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(member.name for member in self.members)

    def __len__(self) -> int:
        return len(self.members)

    def read(self, index: int) -> bytes:
        member = self.members[index]
        try:
            content = os.pread(self._file.descriptor, member.size, member.offset)
        except OSError as error:
            raise DataError(f"{self.where(index)} cannot be read: {error.strerror}") from error
        if len(content) != member.size:
            raise DataError(
                f"{self.path} is truncated: {member.name} has {len(content)} of its {member.size} "
                "bytes; get the file again"
            )
        return content

    def where(self, index: int) -> str:
        return f"{self.path}:{self.members[index].name}"

    def stamp(self) -> str:
        stat = self.path.stat()
        identity = (str(self.path.absolute()), stat.st_size, stat.st_mtime_ns, self.members)
        return hashlib.sha256(repr(identity).encode()).hexdigest() if settled(stat.st_mtime) else ""

    def subset(self, rows: Sequence[int]) -> ImageTar:
        """Some of the images, in any order."""
        return replace(self, members=tuple(self.members[row] for row in rows))


def open_images(path: Path) -> ImageFolder | ImageTar:
    """The images in a folder, those of its sub-folders included, in the order of their names; or in
    a tar file, in its order.

    Raises:
        DataError: there is no such folder or file, it is no plain tar, or it holds no image.
    """
    if path.is_dir():
        files = sorted(
            file.relative_to(path).as_posix()
            for file in path.rglob("*")
            if file.suffix.lower() in SUFFIXES and file.is_file()
        )
        store: ImageFolder | ImageTar = ImageFolder(path, tuple(files))
    elif path.is_file():
        members = tuple(
            member
            for member in index_tar(path)
            if os.path.splitext(member.name)[1].lower() in SUFFIXES  # noqa: PTH122  # a name, no path
        )
        store = ImageTar(path, members, _OpenFile(path))
    else:
        raise MissingError(
            f"{path} does not exist: images are taken from a folder or an uncompressed tar file"
        )
    if len(store) == 0:
        raise DataError(
            f"{path} holds no image: expected files that end in {', '.join(sorted(SUFFIXES))}"
        )
    return store
