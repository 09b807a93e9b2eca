"""Seeded damage: what disks, transfers, editors and attackers do to bytes."""

from __future__ import annotations

import gzip
import io
import json
import re
import zipfile
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Iterator

_TOKENS = (
    b"NaN",
    b"Infinity",
    b"-5",
    b"1e308",
    b"-1e-320",
    b"9" * 40,
    b"9" * 400,
    b"1e999",
    b"null",
    b"true",
    b'""',
    b"[]",
    b"{}",
    b"[" * 5000,
    b"\x00",
    b"\xff\xfe",
    b"\x1b]0;x\x07",
    b"\xff" * 8,
    b"\x7f" + b"\xff" * 7,
    b"../../x",
    "é\u202e".encode(),
    rb"\ud800",
)
_VALUES: tuple[Any, ...] = (
    *(None, True, -5, 0, 10**400, 1e308, float("nan"), float("inf"), "", "x", "0", "\ud800"),
    *("\x1b]0;x\x07", "../../x", [], {}, [[]], {"": {}}, [None], ["x", 1], {"x": None}),
)
_NUMBER = re.compile(rb"-?\d+(?:\.\d+)?")


def _bit(content: bytearray, rng: random.Random) -> None:
    content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)


def _byte(content: bytearray, rng: random.Random) -> None:
    content[rng.randrange(len(content))] = rng.choice((0, 10, 34, 44, 92, 127, 255))


def _cut(content: bytearray, rng: random.Random) -> None:
    del content[rng.randrange(len(content)) :]


def _removed(content: bytearray, rng: random.Random) -> None:
    start = rng.randrange(len(content))
    del content[start : start + rng.randint(1, 40)]


def _repeated(content: bytearray, rng: random.Random) -> None:
    start = rng.randrange(len(content))
    part = content[start : start + rng.randint(1, 200)]
    content[start:start] = part * rng.choice((1, 1, 3))


def _inserted(content: bytearray, rng: random.Random) -> None:
    start = rng.randrange(len(content) + 1)
    content[start:start] = rng.choice(_TOKENS)


def _number(content: bytearray, rng: random.Random) -> None:
    """Another number, or something else, where text has one."""
    found = list(_NUMBER.finditer(content[:20_000]))
    if found:
        start, end = rng.choice(found).span()
        content[start:end] = rng.choice(_TOKENS)


def _swapped(content: bytearray, rng: random.Random) -> None:
    first, second = sorted(rng.randrange(len(content)) for _ in "ab")
    size = min(rng.randint(1, 60), second - first)
    one, other = content[first : first + size], content[second : second + size]
    content[second : second + size] = one
    content[first : first + size] = other


def _value(content: bytearray, rng: random.Random) -> None:
    """Another value somewhere in JSON, or in a line of it, or one fewer."""
    lines = content.split(b"\n")
    one = len(content) < 2 or rng.random() < 0.5
    number = 0 if one else rng.randrange(len(lines))
    try:
        tree = [json.loads(content if one else lines[number])]
    except (ValueError, RecursionError):
        return
    place = rng.choice(list(_places(tree)))
    if rng.random() < 0.2 and place[0] is not tree:
        del place[0][place[1]]
    else:
        place[0][place[1]] = rng.choice(_VALUES)
    said = json.dumps(tree[0]).encode()
    content[:] = said if one else b"\n".join([*lines[:number], said, *lines[number + 1 :]])


def _places(tree: Any) -> Iterator[tuple[Any, Any]]:
    """Where a value stands: what holds it, and its key or index there."""
    keys = tree if isinstance(tree, dict) else range(len(tree)) if isinstance(tree, list) else ()
    for key in keys:
        yield tree, key
        yield from _places(tree[key])


_DEEDS: tuple[Callable[[bytearray, random.Random], None], ...] = (
    _bit,
    _bit,
    _byte,
    _cut,
    _removed,
    _repeated,
    _inserted,
    _number,
    _swapped,
    _value,
)


def mutated(content: bytes, rng: random.Random) -> bytes:
    """The content with one to three kinds of damage. Of what is packed every other time a part is
    damaged and packed again, as who packs damaged files does: checksums are then of no help.
    """
    if rng.random() < 0.5:
        if content.startswith(b"PK"):
            return _packed_again(content, rng)
        if content.startswith(b"\x1f\x8b"):
            return gzip.compress(_damaged(gzip.decompress(content), rng), mtime=0)
    return _damaged(content, rng)


def _damaged(content: bytes, rng: random.Random) -> bytes:
    damaged = bytearray(content)
    for _ in range(rng.choice((1, 1, 2, 3))):
        if damaged:
            rng.choice(_DEEDS)(damaged, rng)
    return bytes(damaged)


def _packed_again(content: bytes, rng: random.Random) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as found, zipfile.ZipFile(packed, "w") as made:
        members = found.infolist()
        chosen = rng.choice(members)
        for member in members:
            part = found.read(member)
            made.writestr(
                member.filename,
                _damaged(part, rng) if member is chosen else part,
                member.compress_type,
            )
    return packed.getvalue()
