"""One pass that decodes every image before anything is trained on them, and identifies their
content; remembered in the user's cache.
"""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import TYPE_CHECKING

from vsebench.data.cache import cache_dir, read_note, write_note
from vsebench.data.images.decode import decode_rgb, usable_cores

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from vsebench.plugin import ImageSource

_BLOCK = 256
"""Images handed to the threads at a time: what is decoded but not yet looked at stays bounded."""


def verify_images(source: ImageSource, report: Callable[[int, int], None] | None = None) -> str:
    """Decodes every image, and returns the SHA-256 of their contents in order.

    Args:
        source: the images.
        report: callback that is told how many of how many are done.

    Raises:
        DataError: the first image that cannot be read or decoded, by name.
    """
    stamp = source.stamp()
    note_path = cache_dir() / "images" / f"{stamp[:16]}.json"
    note = read_note(note_path) if stamp else None
    if note is not None and note.get("stamp") == stamp:
        return str(note["sha256"])
    digest = hashlib.sha256()
    for done, content in enumerate(_decoded(source), start=1):
        digest.update(content)
        if report is not None:
            report(done, len(source))
    if stamp and source.stamp() == stamp:
        write_note(note_path, {"stamp": stamp, "sha256": digest.hexdigest()})
    return digest.hexdigest()


def _decoded(source: ImageSource) -> Iterator[bytes]:
    """The SHA-256 of each image's file, in order, once it has been decoded."""

    def check(index: int) -> bytes:
        content = source.read(index)
        decode_rgb(content, source.where(index))
        return hashlib.sha256(content).digest()

    indices = iter(range(len(source)))
    with ThreadPoolExecutor(usable_cores(), thread_name_prefix="verify") as pool:
        while block := list(islice(indices, _BLOCK)):
            yield from pool.map(check, block)
