from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys

import pytest

from vsebench import files
from vsebench.plugin import VsebenchError

HOLDING = """
import sys, time
from pathlib import Path
from vsebench import files
with files.locked(Path(sys.argv[1]), "busy"):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_lock_keeps_others_out_until_its_holder_is_killed(tmp_path):
    lock = tmp_path / ".lock"
    holder = subprocess.Popen([sys.executable, "-c", HOLDING, lock], stdout=subprocess.PIPE)
    holder.stdout.readline()
    with pytest.raises(VsebenchError, match="it is busy"), files.locked(lock, "it is busy"):
        pytest.fail("two hold it")
    os.kill(holder.pid, signal.SIGKILL)
    holder.communicate()
    assert lock.exists()
    with files.locked(lock, "it is busy"):
        assert lock.exists()
    assert list(tmp_path.iterdir()) == []


def test_who_queues_for_a_lock_gets_it_when_its_holder_is_killed(tmp_path):
    lock = tmp_path / ".lock"
    holder = subprocess.Popen([sys.executable, "-c", HOLDING, lock], stdout=subprocess.PIPE)
    holder.stdout.readline()
    looks = []

    def waiting():
        looks.append(holder.poll())
        if len(looks) == 2:
            os.kill(holder.pid, signal.SIGKILL)
            holder.communicate()

    with (
        files.queued(lock, waiting),
        pytest.raises(VsebenchError, match="busy"),
        files.locked(lock, "busy"),
    ):
        pytest.fail("two hold it")
    assert looks == [None, None]
    assert list(tmp_path.iterdir()) == []


def test_a_lock_whose_file_its_last_holder_took_away_is_taken_anew(tmp_path, monkeypatch):
    """The holder ends between our opening the file and our locking it."""
    lock, flock, calls = tmp_path / ".lock", fcntl.flock, []

    def ending(file, how):
        calls.append(how)
        if len(calls) == 1:
            lock.unlink()
        flock(file, how)

    monkeypatch.setattr(fcntl, "flock", ending)
    with files.locked(lock, "busy"), lock.open("ab") as other:
        assert len(calls) == 2
        with pytest.raises(BlockingIOError):
            flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)


COUNTING = """
import sys
from pathlib import Path
from vsebench import files
folder = Path(sys.argv[1])
done = 0
while done < 40:
    try:
        with files.locked(folder / ".lock", "busy"):
            count = int((folder / "count").read_text())
            (folder / "count").write_text(str(count + 1))
            done += 1
    except files.VsebenchError:
        pass
"""


def test_of_many_processes_one_at_a_time_holds_a_lock(tmp_path):
    (tmp_path / "count").write_text("0")
    processes = [subprocess.Popen([sys.executable, "-c", COUNTING, tmp_path]) for _ in range(3)]
    assert [process.wait() for process in processes] == [0, 0, 0]
    assert (tmp_path / "count").read_text() == "120"
    assert [path.name for path in tmp_path.iterdir()] == ["count"]
