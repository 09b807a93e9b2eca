"""What stands when a writer is killed or its disk ends."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from vsebench import files

HERE = Path(__file__).parent


def test_killed_before_any_step_the_old_stands_or_the_new(tmp_path):
    ran = subprocess.run(
        [sys.executable, HERE / "kills.py", tmp_path / "place"], capture_output=True, text=True
    )
    assert ran.returncode == 0, ran.stderr
    done = {name: steps for name, *steps in map(str.split, ran.stdout.splitlines())}
    assert done.keys() == {"replace", "appear"}
    for steps in done.values():  # first not, then there, and there for good
        assert steps == sorted(steps)
        assert {"0", "1"} == set(steps)
        assert steps.count("0") >= 2


def test_killed_writers_leave_old_or_new_and_sweep_removes_the_rest(tmp_path):
    script = textwrap.dedent("""
        import sys
        from pathlib import Path
        from vsebench import files
        print("ready", flush=True)
        while True:
            for letter in b"ab":
                files.write_bytes(Path(sys.argv[1]), bytes([letter]) * 300_000)
    """)
    path = tmp_path / "content"
    for delay in (0.05, 0.061, 0.073):
        writer = subprocess.Popen([sys.executable, "-c", script, str(path)], stdout=subprocess.PIPE)
        writer.stdout.readline()
        while not path.exists():
            time.sleep(0.001)
        time.sleep(delay)
        os.kill(writer.pid, signal.SIGKILL)
        writer.communicate()
        assert path.read_bytes() in (b"a" * 300_000, b"b" * 300_000)
    (tmp_path / ".content.0.tmp").write_bytes(b"half")
    files.sweep(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["content"]


def test_a_disk_that_is_full_and_one_that_is_read_only(tmp_path):
    """A real one, of 64 kB, in a mount namespace of its own."""

    def mounted(command: str, *more: object) -> subprocess.CompletedProcess[str]:
        mount = f'mount -t tmpfs -o size=64k tmpfs "$0" && exec {command}'
        return subprocess.run(
            ["unshare", "-Urm", "sh", "-c", mount, tmp_path, *more], capture_output=True, text=True
        )

    if shutil.which("unshare") is None or mounted("true").returncode:
        pytest.skip("this system lets nobody mount a file system of their own")
    ran = mounted('"$1" "$2" "$0"', sys.executable, HERE / "small_disk.py")
    full = "No space left on device; free space or choose another folder"
    closed = "Read-only file system; fix its permissions or choose another folder"
    assert ran.stdout.splitlines() == [
        f"cannot write {tmp_path}/file: {full}",
        f"cannot write {tmp_path}/log: {full}",
        f"cannot write {tmp_path}/set: {full}",
        "file True",
        f"cannot write {tmp_path}/file: {closed}",
        f"cannot write {tmp_path}/set: {closed}",
        "file True",
    ], ran.stderr
