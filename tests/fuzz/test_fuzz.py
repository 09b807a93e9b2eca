"""Damaged files end in one line of ours: no traceback, no hang, and of what is sealed no other
number.
"""

from __future__ import annotations

import random
import signal
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from tests.fuzz.mutations import mutated
from tests.fuzz.readers import Reader, readers
from vsebench.grid.suite import load_suite
from vsebench.plugin import SpecError, VsebenchError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FEW, MANY = 200, 10_000
SECONDS = 10
"""For one file; a hang has no end."""


class Hang(BaseException):
    """It took too long."""


@pytest.fixture(scope="module")
def subjects(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Reader]:
    return readers(tmp_path_factory.mktemp("fuzz"))


@contextmanager
def limited() -> Iterator[None]:
    def end(*_: object) -> None:
        raise Hang

    before = signal.signal(signal.SIGALRM, end)
    signal.alarm(SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def fault(reader: Reader, sound: object) -> str | None:
    """What is wrong with how a reader takes the damaged file; None where nothing is."""
    try:
        with limited(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = reader.read()
    except VsebenchError as error:
        return None if "\n" not in str(error).strip() else f"several lines: {error}"
    except Hang:
        return "it hangs"
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return "another value" if reader.sealed and found not in (sound, None) else None


def faults(subjects: dict[str, Reader], count: int, seed: int) -> dict[tuple[str, str], int]:
    """The faults of so many mutations, spread over the readers, with the case of the first."""
    found: dict[tuple[str, str], int] = {}
    for name, reader in subjects.items():
        content, sound = reader.path.read_bytes(), reader.read()
        try:
            for case in range(-(-count // len(subjects))):
                reader.path.write_bytes(mutated(content, random.Random(f"{seed} {name} {case}")))
                said = fault(reader, sound)
                if said is not None:
                    found.setdefault((name, said[:200]), case)
        finally:
            reader.path.write_bytes(content)
    return found


def test_damage_ends_in_one_line(subjects: dict[str, Reader]) -> None:
    assert faults(subjects, FEW, 0) == {}


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_very_much_damage_ends_in_one_line(subjects: dict[str, Reader]) -> None:
    assert faults(subjects, MANY, 1) == {}


def test_a_key_of_very_many_parts_is_refused_at_once(tmp_path: Path) -> None:
    path = tmp_path / "suite.toml"
    path.write_text(".".join(["a"] * 100_000) + " = 1")
    with limited(), pytest.raises(SpecError, match="a key has more than 32 parts"):
        load_suite(path, {})
