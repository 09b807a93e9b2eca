"""Whatever happens while something is written, what was there before stands, or what was to be
there does: kills at every step, full disks, folders that cannot be written.
"""

from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys

import pytest

from vsebench import files
from vsebench.plugin import DataError, MissingError, VsebenchError, WriteError


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


def refuse(code):
    def refused(*_):
        raise OSError(code, os.strerror(code))

    return refused


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_full_disk_is_one_line_and_leaves_the_old_file(tmp_path, monkeypatch, call):
    path = tmp_path / "record.json"
    files.write_text(path, "old")
    monkeypatch.setattr(os, call, refuse(errno.ENOSPC))
    with pytest.raises(WriteError) as caught:
        files.write_text(path, "new")
    assert str(caught.value) == (
        f"cannot write {path}: No space left on device; free space or choose another folder"
    )
    assert caught.value.errno == errno.ENOSPC
    assert path.read_text() == "old"
    assert names(tmp_path) == ["record.json"]


def test_a_missing_folder_is_named_and_python_users_catch_an_oserror(tmp_path):
    path = tmp_path / "absent" / "a"
    with pytest.raises(OSError, match="there is no folder") as caught:
        files.write_text(path, "x")
    assert isinstance(caught.value, VsebenchError)
    assert str(caught.value) == (
        f"cannot write {path}: there is no folder {path.parent}; make it or choose another folder"
    )


LIMITED = """
import resource, sys
from pathlib import Path
from vsebench import files
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
try:
    files.write_bytes(Path(sys.argv[1]), bytes(100_000))
except files.WriteError as error:
    sys.exit(str(error))
"""


def test_a_file_size_limit_of_the_system_leaves_nothing_half_written(tmp_path):
    path = tmp_path / "big"
    ran = subprocess.run([sys.executable, "-c", LIMITED, path], capture_output=True, text=True)
    assert f"cannot write {path}: File too large; free space" in ran.stderr
    assert names(tmp_path) == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write to any folder")
def test_a_folder_that_may_not_be_written(tmp_path):
    files.write_text(tmp_path / "a", "old")
    tmp_path.chmod(0o555)
    with pytest.raises(WriteError, match="Permission denied; fix its permissions or choose"):
        files.write_text(tmp_path / "a", "new")
    tmp_path.chmod(0o755)
    assert (tmp_path / "a").read_text() == "old"


def test_of_nested_writers_the_outer_one_speaks(tmp_path):
    with (
        pytest.raises(WriteError) as caught,
        files.guarded(tmp_path, choose="another --out", resumes=True),
        files.replacing(tmp_path / "inner"),
    ):
        refuse(errno.ENOSPC)()
    assert str(caught.value) == (
        f"cannot write {tmp_path}: No space left on device; free space and run the same command, "
        "which resumes, or choose another --out"
    )


@pytest.mark.parametrize("error", [DataError("damaged"), MissingError("a is missing")])
def test_refusals_of_what_is_read_pass_through(tmp_path, error):
    with pytest.raises(type(error), match=f"^{error}$"), files.replacing(tmp_path / "a"):
        raise error
    assert names(tmp_path) == []


def test_content_is_on_disk_before_its_name_and_the_name_after(tmp_path, monkeypatch):
    """A crash of the machine leaves no name of a file that is not there yet."""
    done = []
    fsync, replace = os.fsync, os.replace

    def settled(descriptor):
        done.append("folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file")
        fsync(descriptor)

    def renamed(source, target):
        done.append("rename")
        replace(source, target)

    monkeypatch.setattr(os, "fsync", settled)
    monkeypatch.setattr(os, "replace", renamed)
    files.write_text(tmp_path / "a", "x")
    assert done == ["file", "rename", "folder"]
    done.clear()
    with files.appearing(tmp_path / "set") as unfinished:
        (unfinished / "below").mkdir()
        (unfinished / "below" / "b").write_text("x")
    assert sorted(done[:-2]) == ["file", "folder", "folder"]
    assert done[-2:] == ["rename", "folder"]
    done.clear()
    for _ in range(2):
        files.append_text(tmp_path / "log", "line\n")
    assert done == ["file", "folder", "file"]


def test_a_file_system_that_cannot_settle_folders_is_done_without(tmp_path, monkeypatch):
    fsync = os.fsync
    monkeypatch.setattr(
        os,
        "fsync",
        lambda descriptor: (
            refuse(errno.EINVAL)()
            if stat.S_ISDIR(os.fstat(descriptor).st_mode)
            else fsync(descriptor)
        ),
    )
    files.write_text(tmp_path / "a", "x")
    assert (tmp_path / "a").read_text() == "x"


def test_sweeping_leaves_what_others_called_temporary(tmp_path):
    (tmp_path / ".notes.tmp").write_text("mine")
    files.sweep(tmp_path)
    assert names(tmp_path) == [".notes.tmp"]


def test_json_is_read_of_files_of_bounded_size(tmp_path):
    path, pipe = tmp_path / "a.json", tmp_path / "pipe"
    path.write_text('{"a": 1}')
    assert files.read_json(path) == {"a": 1}
    with pytest.raises(ValueError, match="it has 8 bytes, and at most 7 are read"):
        files.read_json(path, most=7)
    os.mkfifo(pipe)
    with pytest.raises(ValueError, match="no regular file"):
        files.read_json(pipe)
    path.write_text("[" * 200_000)
    with pytest.raises(ValueError, match="nested too deeply"):
        files.read_json(path)
