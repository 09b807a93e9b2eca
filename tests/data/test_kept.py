from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import tracemalloc
from typing import TYPE_CHECKING

import numpy as np
import pytest

from vsebench.data import cache, kept
from vsebench.data.kept import keep
from vsebench.plugin import DataError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

VALUES = np.random.default_rng(0).normal(size=(50, 3, 4)).astype(np.float16)


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VSEBENCH_CACHE", str(tmp_path))


class Work:
    """Gives `VALUES` in blocks, and counts how often it is asked to."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self) -> Iterator[np.ndarray]:
        self.calls += 1
        yield from np.split(VALUES, [7, 20])


def ask(compute: Callable[[], Iterator[np.ndarray]], key: object = 1) -> np.ndarray:
    return keep("arrays", {"key": key}, VALUES.shape, compute, lambda: None)


def folder(root: Path) -> Path:
    (found,) = (root / "arrays").iterdir()
    return found


def test_what_is_found_is_what_was_computed_once() -> None:
    work = Work()
    for _ in range(3):
        values = ask(work)
        assert np.array_equal(values, VALUES)
        assert values.dtype == np.float16
        assert isinstance(values, np.memmap)
        assert not values.flags.writeable
    assert work.calls == 1
    ask(work, key=2)
    ask(work, key=1)
    assert work.calls == 2


def truncate(root: Path) -> None:
    path = root / "values.npy"
    path.write_bytes(path.read_bytes()[:-1])


def change(root: Path) -> None:
    path = root / "values.npy"
    content = bytearray(path.read_bytes())
    content[-5] ^= 1
    path.write_bytes(content)


def lose_values(root: Path) -> None:
    (root / "values.npy").unlink()


def lose_note(root: Path) -> None:
    (root / "about.json").unlink()


def spoil_note(root: Path) -> None:
    (root / "about.json").write_text("{")


def other_key(root: Path) -> None:
    note = json.loads((root / "about.json").read_text())
    (root / "about.json").write_text(json.dumps(note | {"key": {"key": 7}}))


@pytest.mark.parametrize(
    "damage", [truncate, change, lose_values, lose_note, spoil_note, other_key]
)
def test_what_is_damaged_is_computed_again(
    tmp_path: Path, damage: Callable[[Path], None], caplog: pytest.LogCaptureFixture
) -> None:
    work = Work()
    ask(work)
    damage(folder(tmp_path))
    assert np.array_equal(ask(work), VALUES)
    assert work.calls == 2
    said = damage in (truncate, change, lose_values, other_key)
    assert ("computed again" in caplog.text) == said
    ask(work)
    assert work.calls == 2


ASKING = textwrap.dedent("""
    import sys, time
    from pathlib import Path
    import numpy as np
    from vsebench.data.kept import keep

    def compute():
        print("computing", flush=True)
        for block in range(10):
            time.sleep(float(sys.argv[1]))
            yield np.full((2, 3), block, np.float16)

    waited = []
    values = keep("arrays", {}, (20, 3), compute, lambda: waited.append(1))
    assert values[:, 0].tolist() == [block // 2 for block in range(20)]
    print("waited" if waited else "did not wait", flush=True)
""")


def asking(pause: float) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", ASKING, str(pause)], stdout=subprocess.PIPE, text=True
    )


def test_of_processes_that_ask_at_once_one_computes() -> None:
    first = asking(0.1)
    assert first.stdout is not None
    assert first.stdout.readline() == "computing\n"
    others = [asking(0.1) for _ in range(2)]
    said = [process.communicate()[0] for process in (first, *others)]
    assert [process.returncode for process in (first, *others)] == [0, 0, 0]
    assert said[0] == "did not wait\n"
    assert all("computing" not in each for each in said[1:])


def test_a_killed_writer_leaves_nothing_that_is_taken_for_whole(tmp_path: Path) -> None:
    writer = asking(60)
    assert writer.stdout is not None
    assert writer.stdout.readline() == "computing\n"
    os.kill(writer.pid, signal.SIGKILL)
    writer.communicate()
    left = {path.name for path in folder(tmp_path).iterdir()}
    assert not left & {"values.npy", "about.json"}
    assert any(name.endswith(".tmp") for name in left)
    again = asking(0)
    assert again.communicate()[0] == "computing\ndid not wait\n"
    assert {path.name for path in folder(tmp_path).iterdir()} == {"values.npy", "about.json"}


def test_an_error_while_computing_leaves_nothing(tmp_path: Path) -> None:
    def fail() -> Iterator[np.ndarray]:
        yield VALUES[:7]
        raise DataError("no more")

    with pytest.raises(DataError, match="no more"):
        ask(fail)
    assert list(folder(tmp_path).iterdir()) == []


@pytest.mark.parametrize(
    "blocks", [[VALUES[:49]], [VALUES.astype(np.float32)], [VALUES[:, :2]], [VALUES, VALUES[:1]]]
)
def test_blocks_that_are_not_the_array_are_refused(blocks: list[np.ndarray]) -> None:
    with pytest.raises(ValueError, match=r"float16 array|rows were computed"):
        ask(lambda: iter(blocks))


def test_a_disk_that_is_too_small_is_said_before_anything_is_computed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    usage = type("Usage", (), {"free": 100})
    monkeypatch.setattr(cache.shutil, "disk_usage", lambda folder: usage)
    work = Work()
    with pytest.raises(DataError, match=r"needs 0\.0 GB in .* set VSEBENCH_CACHE to a folder"):
        ask(work)
    assert work.calls == 0


FILLING = textwrap.dedent("""
    import resource
    import numpy as np
    from vsebench.data.kept import keep
    from vsebench.plugin import WriteError

    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
    try:
        keep("arrays", {}, (1000, 100), lambda: iter([np.zeros((1000, 100), np.float16)]), int)
    except WriteError as error:
        print(error)
""")


def test_a_disk_that_fills_up_is_one_line(tmp_path: Path) -> None:
    said = subprocess.run(
        [sys.executable, "-c", FILLING], capture_output=True, text=True, check=True
    )
    assert said.stdout.count("\n") == 1
    assert said.stdout.startswith(f"cannot write {tmp_path}")
    assert "free space or choose another cache folder with VSEBENCH_CACHE" in said.stdout
    assert list(folder(tmp_path).iterdir()) == []


def test_one_block_is_in_memory_at_a_time() -> None:
    block = 1 << 18  # 512 kB

    def blocks() -> Iterator[np.ndarray]:
        for value in range(32):
            yield np.full(block, value, np.float16)

    keep("arrays", {}, (4,), lambda: iter([np.zeros(4, np.float16)]), int)  # what is loaded once
    tracemalloc.start()
    keep("arrays", {"large": True}, (32 * block,), blocks, int)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 6 * block * 2


def test_the_wait_ends_with_an_error_of_who_waits() -> None:
    holder = asking(60)
    assert holder.stdout is not None
    holder.stdout.readline()

    def give_up() -> None:
        raise DataError("enough")

    try:
        with pytest.raises(DataError, match="enough"):
            keep("arrays", {}, (20, 3), lambda: iter(()), give_up)
    finally:
        holder.kill()
        holder.communicate()


def test_a_note_is_written_after_the_values(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(path: Path, content: str) -> None:
        assert (path.parent / "values.npy").is_file()
        raise KeyboardInterrupt

    work = Work()
    with monkeypatch.context() as patched:
        patched.setattr(kept, "write_text", die)
        with pytest.raises(KeyboardInterrupt):
            ask(work)
    assert np.array_equal(ask(work), VALUES)
    assert work.calls == 2
