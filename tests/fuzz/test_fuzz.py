"""Damaged files end in one line of ours: no traceback, no hang, no memory without bounds, and of
what is sealed no other number.
"""

from __future__ import annotations

import random
import resource
import signal
import sys
import threading
import warnings
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.fuzz.excused import EXCUSED
from tests.fuzz.mutations import mutated
from tests.fuzz.opening import openings
from tests.fuzz.table import readers
from vsebench.grid.suite import load_suite
from vsebench.plugin import SpecError, VsebenchError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

    from tests.fuzz.reader import Reader

FEW, MANY = 300, 10_000
SECONDS = 60
"""For one file, on a busy machine; a hang has no end."""
BYTES = 3 << 30
"""What one file may take beside what the process has; one may ask for 1 GiB of unpacked values."""


class Hang(BaseException):
    """It took too long."""


@pytest.fixture(scope="module")
def subjects(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Reader]:
    return readers(tmp_path_factory.mktemp("fuzz"))


@contextmanager
def limited() -> Iterator[None]:
    def end(*_: object) -> None:
        raise Hang

    memory = resource.getrlimit(resource.RLIMIT_AS)
    before = signal.signal(signal.SIGALRM, end)
    resource.setrlimit(resource.RLIMIT_AS, (_address_space() + BYTES, memory[1]))
    signal.alarm(SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)
        resource.setrlimit(resource.RLIMIT_AS, memory)
        signal.signal(signal.SIGALRM, before)


def _address_space() -> int:
    pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[0]
    return int(pages) * resource.getpagesize()


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


def reached(subjects: dict[str, Reader]) -> set[str]:
    """Functions of the package that run while sound files are read."""
    found = set()

    def note(frame: FrameType, event: str, _: object) -> None:
        if event == "call":
            found.add(f"{frame.f_globals.get('__name__')}:{frame.f_code.co_qualname}")

    for reader in subjects.values():
        threading.setprofile(note)
        sys.setprofile(note)
        try:
            reader.read()
        finally:
            sys.setprofile(None)
            threading.setprofile(None)
    return found


@pytest.mark.timeout(900)
def test_damage_ends_in_one_line(subjects: dict[str, Reader]) -> None:
    assert faults(subjects, FEW, 0) == {}


@pytest.mark.slow
@pytest.mark.timeout(7200)
def test_very_much_damage_ends_in_one_line(subjects: dict[str, Reader]) -> None:
    assert faults(subjects, MANY, 1) == {}


@pytest.mark.timeout(900)
def test_whatever_opens_a_file_to_read_it_is_in_the_table(subjects: dict[str, Reader]) -> None:
    """A new reader needs an entry in a module of `tests/fuzz/subjects`, or a reason why not."""
    found = {each: _part(each) for each in openings() - reached(subjects)}
    excused = {function for functions in EXCUSED.values() for function in functions}
    assert sorted(each for each, part in found.items() if part not in excused) == []
    assert sorted(excused - set(map(_part, openings()))) == []


def _part(function: str) -> str:
    """A function by the part of the package that it is in."""
    module, _, name = function.partition(":")
    return f"{'.'.join(module.split('.')[:2])}:{name}"


def test_a_key_of_very_many_parts_is_refused_at_once(tmp_path: Path) -> None:
    path = tmp_path / "suite.toml"
    path.write_text(".".join(["a"] * 100_000) + " = 1")
    with limited(), pytest.raises(SpecError, match="a key has more than 32 parts"):
        load_suite(path, {})
