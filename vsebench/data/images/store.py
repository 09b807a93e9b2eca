"""Where raw images come from: a folder of files; an uncompressed tar read by offsets, which are
remembered in the user's cache, since finding them reads every header; or a program that has them at
hand. Nothing is decoded here.
"""

from __future__ import annotations

import hashlib
import io
import os
import tarfile
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from PIL import Image

from vsebench.data.cache import known_of, settled
from vsebench.files import read_bytes
from vsebench.plugin import DataError, MissingError
from vsebench.text import readable

if TYPE_CHECKING:
    from collections.abc import Sequence

    GivenImage: TypeAlias = str | os.PathLike[str] | Image.Image


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
    found = known_of(path, "tars", lambda: {"members": _read_headers(path)})
    return [Member(*member) for member in found["members"]]


def _read_headers(path: Path) -> list[Member]:
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
                f"{path} is truncated or damaged at byte {end} of {path.stat().st_size}, after "
                f"{len(members)} files; get it again"
            )
    seen: set[str] = set()
    for member in members:
        if member.name in seen:
            raise DataError(
                f"{path} holds {member.name} twice: every image needs a name of its own"
            )
        seen.add(member.name)
    return members


SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".ppm", ".pgm"}
)
"""Files of a folder or a tar that are taken for images."""


@dataclass(frozen=True, eq=False)
class ImageFolder:
    """Images that are files of their own.

    Attributes:
        root: the folder.
        names: names of the images in order, relative to the folder, with `/`.
    """

    root: Path
    names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.names)

    def read(self, index: int) -> bytes:
        path = self.root / self.names[index]
        with readable(path):
            return read_bytes(path)

    def where(self, index: int) -> str:
        return str(self.root / self.names[index])

    def stamp(self) -> str:
        digest, latest = hashlib.sha256(str(self.root.absolute()).encode()), 0.0
        for name in self.names:
            path = self.root / name
            with readable(path):
                stat = path.stat()
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
        with readable(self.where(index)):
            content = os.pread(self._file.descriptor, member.size, member.offset)
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


def is_image(name: str) -> bool:
    """Whether a file is taken for an image. macOS puts a companion `._NAME` beside a file that it
    packs, or under `__MACOSX`, which has its name and is none.
    """
    path = PurePosixPath(name)
    companion = path.name.startswith("._") or "__MACOSX" in path.parts
    return path.suffix.lower() in SUFFIXES and not companion


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
            if file.is_file() and is_image(file.relative_to(path).as_posix())
        )
        store: ImageFolder | ImageTar = ImageFolder(path, tuple(files))
    elif path.is_file():
        members = tuple(member for member in index_tar(path) if is_image(member.name))
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


@dataclass(frozen=True, eq=False)
class GivenImages:
    """Images that a program has at hand.

    Attributes:
        images: each a path or a Pillow image.
    """

    images: tuple[GivenImage, ...]

    def __post_init__(self) -> None:
        for index, image in enumerate(self.images):
            if not isinstance(image, str | os.PathLike | Image.Image):
                raise DataError(
                    f"image {index} is a {type(image).__name__}: expected a path or a Pillow image"
                )

    def __len__(self) -> int:
        return len(self.images)

    def read(self, index: int) -> bytes:
        image = self.images[index]
        if isinstance(image, Image.Image):
            return _encoded(image)
        with readable(f"image {image}"):
            return read_bytes(Path(image))

    def where(self, index: int) -> str:
        image = self.images[index]
        return f"{index}" if isinstance(image, Image.Image) else str(image)

    def stamp(self) -> str:
        return ""


def _encoded(image: Image.Image) -> bytes:
    """A file without loss, as every image is decoded from one."""
    buffer = io.BytesIO()
    try:
        image.save(buffer, "PNG", compress_level=0, exif=image.getexif())
    except OSError:  # a mode that PNG does not have, such as CMYK
        image.convert("RGB").save(buffer, "PNG", compress_level=0, exif=image.getexif())
    return buffer.getvalue()
