"""The files of a data set that may be downloaded, brought to its folder and unpacked."""

from __future__ import annotations

import hashlib
import shutil
import zipfile
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from vsebench.data.cache import file_digest
from vsebench.data.fetch import fetch
from vsebench.data.images.store import is_image
from vsebench.data.reading import ZIP_DAMAGE
from vsebench.files import appearing, write_bytes
from vsebench.plugin import DataError, MissingError, WriteError
from vsebench.text import read_toml
from vsebench.unpacked import TooLargeError, check_members

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from vsebench.data.fetch import Report
    from vsebench.plugin.cards import Download

Mirrors = dict[str, list[str]]
"""Beginnings of addresses, and what may stand in their place."""


def read_mirrors(path: Path) -> Mirrors:
    """A TOML file of lines `"BEGINNING" = ["OTHER BEGINNING", …]`.

    Raises:
        DataError: it is missing, or something else.
    """
    try:
        content = read_toml(path)
    except MissingError:
        raise MissingError(f"{path} is missing: it was to name mirrors") from None
    for start, others in content.items():
        if not isinstance(others, list) or not all(isinstance(other, str) for other in others):
            raise DataError(
                f"{path}: '{start}' must be a list of addresses, such as "
                '"https://github.com/" = ["https://mirror.example/github/"]'
            )
    return content


def addresses(url: str, mirrors: Mapping[str, Sequence[str]]) -> list[str]:
    """Where a file is looked for: its mirrors first, then its own address."""
    others = [
        other + url.removeprefix(start)
        for start, found in mirrors.items()
        if url.startswith(start)
        for other in found
    ]
    return [*others, url]


def get(download: Download, target: Path, mirrors: Mirrors, report: Report) -> Iterator[str]:
    """Brings one download of a set; a line for each file of it.

    Args:
        download: what to bring.
        target: the set's folder.
        mirrors: other addresses.
        report: callback that is told the progress.

    Raises:
        DataError: it cannot be had, or is not what was expected; nothing is left but what a later
            command resumes.
        WriteError: the folder cannot be written.
    """
    left = {
        name: digest
        for name, digest in download.members.items()
        if not _there(target / name, digest)
    }
    yield from (f"{target / name}: there" for name in download.members if name not in left)
    if download.folder and (target / download.folder).is_dir():
        yield f"{target / download.folder}: there"
        return
    if download.members and not left:
        return
    packed = bool(download.members or download.folder)
    archive = target / (f".{download.name}" if packed else download.name)
    urls = [address for url in download.urls for address in addresses(url, mirrors)]
    found = fetch(urls, archive, download.sha256, report)
    if not packed:
        yield f"{archive}: {'got' if found.url else 'there'}, {_sum(found.sha256, download.sha256)}"
        return
    try:
        with zipfile.ZipFile(archive) as members:
            if download.folder:
                yield _unpack_images(members, target / download.folder, report)
            else:
                for name, digest in left.items():
                    yield _unpack(members, target / name, digest)
    except DataError:
        archive.unlink()
        raise
    except WriteError:  # an OSError too, and the archive is whole
        raise
    except ZIP_DAMAGE as error:
        archive.unlink()
        raise DataError(
            f"{download.name} is no whole zip file ({error}); it was not kept: run the same "
            "command again, or name another mirror"
        ) from error
    archive.unlink()


def _there(path: Path, digest: str) -> bool:
    """Whether a file is there.

    Raises:
        DataError: another one is.
    """
    if not path.is_file():
        return False
    found = file_digest(path)
    if digest and found != digest:
        raise DataError(f"{path} has SHA-256 {found}, expected {digest}: move it away")
    return True


def _unpack(members: zipfile.ZipFile, path: Path, digest: str) -> str:
    """Unpacks one file, whichever folder of the archive it is in."""
    named = [
        info
        for info in members.infolist()
        if PurePosixPath(info.filename).name == path.name and "__MACOSX" not in info.filename
    ]
    if len(named) != 1:
        raise DataError(f"{members.filename} has {len(named)} files {path.name}, expected one")
    try:
        check_members(named)
    except TooLargeError as error:
        raise DataError(f"{path.name} in {members.filename}: {error}; it was not kept") from error
    content = members.read(named[0])
    found = hashlib.sha256(content).hexdigest()
    if digest and found != digest:
        raise DataError(
            f"{path.name} in the archive has SHA-256 {found}, expected {digest}; it was not kept"
        )
    write_bytes(path, content)
    return f"{path}: got, {_sum(found, digest)}"


def _sum(found: str, expected: str) -> str:
    known = "as expected" if expected else "nobody published one to compare with"
    return f"SHA-256 {found}, {known}"


def _unpack_images(members: zipfile.ZipFile, folder: Path, report: Report) -> str:
    """Unpacks all images of an archive side by side."""
    images = [info for info in members.infolist() if is_image(info.filename)]
    names = [PurePosixPath(info.filename).name for info in images]
    if not images or len(set(names)) < len(names):
        raise DataError(
            f"{members.filename} has {len(images)} images with {len(set(names))} names, expected "
            "images, each with a name of its own"
        )
    with appearing(folder) as unfinished:
        for done, (info, name) in enumerate(zip(images, names, strict=True), start=1):
            with members.open(info) as source, (unfinished / name).open("wb") as file:
                shutil.copyfileobj(source, file)
            report("unpacked", done, len(images))
    return f"{folder}: got, {len(images):,} images"
