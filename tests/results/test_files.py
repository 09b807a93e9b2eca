from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import textwrap
import time

import pytest

from vsebench.plugin.errors import VsebenchError
from vsebench.results import files


def names(folder):
    return sorted(p.name for p in folder.iterdir())


def test_write_text_replaces_and_leaves_nothing_else(tmp_path):
    path = tmp_path / "a.json"
    files.write_text(path, "old")
    files.write_text(path, "ünïcode\n")
    assert path.read_bytes() == "ünïcode\n".encode()
    assert names(tmp_path) == ["a.json"]


def test_old_content_stands_until_the_block_ends(tmp_path):
    path = tmp_path / "checkpoint.pt"
    files.write_bytes(path, b"old")
    with files.replacing(path) as file:
        file.write(b"new")
        file.flush()
        assert path.read_bytes() == b"old"
    assert path.read_bytes() == b"new"


def test_a_link_stays_and_what_it_names_is_replaced(tmp_path):
    (tmp_path / "far").mkdir()
    (tmp_path / "far" / "page.html").write_text("old")
    (tmp_path / "middle.html").symlink_to("far/page.html")
    (tmp_path / "link.html").symlink_to("middle.html")
    files.write_text(tmp_path / "link.html", "new")
    assert (tmp_path / "link.html").is_symlink()
    assert (tmp_path / "middle.html").is_symlink()
    assert (tmp_path / "far" / "page.html").read_text() == "new"
    (tmp_path / "far" / "page.html").unlink()
    files.write_text(tmp_path / "link.html", "again")
    assert (tmp_path / "far" / "page.html").read_text() == "again"
    assert names(tmp_path / "far") == ["page.html"]


def test_a_pipe_stays_and_is_written_to(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        files.write_text(pipe, "page")
        assert os.read(reader, 100) == b"page"
    finally:
        os.close(reader)
    assert pipe.is_fifo()
    assert names(tmp_path) == ["pipe"]


def write_half(path):
    with files.replacing(path) as file:
        file.write(b"half")
        raise ZeroDivisionError


def test_an_error_in_the_block_keeps_the_old_file_and_passes_through(tmp_path):
    path = tmp_path / "checkpoint.pt"
    files.write_bytes(path, b"old")
    with pytest.raises(ZeroDivisionError):
        write_half(path)
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["checkpoint.pt"]


def test_full_disk_is_one_line_and_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "record.json"
    files.write_text(path, "old")

    def full(_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(
        VsebenchError, match=r"cannot write .*record\.json: No space left on device"
    ) as caught:
        files.write_text(path, "new")
    assert "\n" not in str(caught.value)
    assert path.read_text() == "old"
    assert names(tmp_path) == ["record.json"]


def test_a_file_size_limit_of_the_system_leaves_nothing_half_written(tmp_path):
    script = textwrap.dedent("""
        import resource, sys
        from pathlib import Path
        from vsebench.plugin.errors import VsebenchError
        from vsebench.results import files
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
        try:
            files.write_bytes(Path(sys.argv[1]), bytes(100_000))
        except VsebenchError as error:
            sys.exit(str(error))
    """)
    path = tmp_path / "big"
    ran = subprocess.run([sys.executable, "-c", script, str(path)], capture_output=True, text=True)
    assert f"cannot write {path}: File too large" in ran.stderr
    assert names(tmp_path) == []


def test_missing_folder(tmp_path):
    with pytest.raises(
        VsebenchError, match=r"cannot write .*: there is no folder .*absent; make it"
    ):
        files.write_text(tmp_path / "absent" / "a", "x")


def test_killed_writers_leave_old_or_new_and_sweep_removes_the_rest(tmp_path):
    script = textwrap.dedent("""
        import sys
        from pathlib import Path
        from vsebench.results import files
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
    assert names(tmp_path) == ["content"]
