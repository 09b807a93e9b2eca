"""Peak memory: this process's own, whoever started it."""

from __future__ import annotations

import mmap
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
import torch

from vsebench.results import memory

if TYPE_CHECKING:
    from pathlib import Path

MB = 1 << 20
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")


def told_by(program: str) -> list[float]:
    """What a new process prints."""
    lines = ("import os, mmap", "from vsebench.results import memory", program)
    found = subprocess.run(
        [sys.executable, "-c", "\n".join(lines)], capture_output=True, text=True, check=True
    )
    return [float(word) for word in found.stdout.split()]


def test_the_peak_outlasts_what_was_freed() -> None:
    before, peak = told_by(
        f"print(memory.peak_mb()); block = bytearray({300 * MB}); del block\n"
        "print(memory.peak_mb())"
    )
    assert 290 < peak - before < 330


def test_a_large_parent_does_not_count() -> None:
    held = bytearray(os.urandom(1) * (400 * MB))
    (peak,) = told_by("print(memory.peak_mb())")
    assert len(held) > 300 * MB
    assert peak < 200


def test_what_is_mapped_is_told_by_file(tmp_path: Path) -> None:
    path = tmp_path / "a file"
    path.write_bytes(bytes(8 * MB))
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        assert mapped.read(8 * MB).count(0) == 8 * MB
        assert memory.mapped_files()[str(path)] == 8 * 1024
    assert str(path) not in memory.mapped_files()


def test_pages_that_only_loading_read_count_once(tmp_path: Path) -> None:
    """The half of the file that this process reads is in its own figure."""
    path = tmp_path / "library"
    path.write_bytes(bytes(200 * MB))
    before, unread, half = told_by(
        f"path = {str(path)!r}\n"
        "print(memory.peak_mb())\n"
        f"memory.forked_with({{path: {200 * 1024}}})\n"
        "print(memory.peak_mb())\n"
        "mapped = mmap.mmap(os.open(path, os.O_RDONLY), 0, access=mmap.ACCESS_READ)\n"
        f"sum(mapped[at] for at in range(0, {100 * MB}, 4096))\n"
        "print(memory.peak_mb())"
    )
    assert unread - before == pytest.approx(200, abs=10)
    assert half - before == pytest.approx(200, abs=10)


def test_without_a_peak_in_proc_the_system_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    peak = memory.peak_mb()
    monkeypatch.setattr(memory, "_STATUS", tmp_path / "missing")
    monkeypatch.setattr(memory, "_MAPS", tmp_path / "missing")
    assert memory.mapped_files() == {}
    assert memory.peak_mb() >= peak - 5
    (tmp_path / "missing").write_text("Name:\tpython\n")
    assert memory.peak_mb() >= peak - 5


def test_a_run_on_the_cpu_has_the_peak_of_its_process() -> None:
    assert memory.peak_memory_mb(torch.device("cpu")) == pytest.approx(memory.peak_mb(), abs=5)
