"""Seeded damage: what disks, transfers, editors and attackers do to bytes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

_TOKENS = (
    b"NaN",
    b"Infinity",
    b"-5",
    b"1e308",
    b"-1e-320",
    b"9" * 40,
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
)


def mutated(content: bytes, rng: random.Random) -> bytes:
    """The content with one to three kinds of damage."""
    damaged = bytearray(content)
    for _ in range(rng.choice((1, 1, 2, 3))):
        if damaged:
            rng.choice(_DEEDS)(damaged, rng)
    return bytes(damaged)
