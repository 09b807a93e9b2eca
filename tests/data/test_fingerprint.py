from __future__ import annotations

import hashlib
import os
import time

import numpy as np
import pytest

from vsebench.data import fingerprint
from vsebench.data.fingerprint import fingerprint_files, fingerprint_options, scan
from vsebench.plugin import DataError

ROWS = fingerprint.BLOCK // 400 * 2
"""More than one block of rows of 100 float32."""


def _aged(path, seconds: float = 100.0):
    """The file, last changed some time ago."""
    then = time.time() - seconds
    os.utime(path, (then, then))
    return path


def _table(path, dtype=np.float32, bad=None, value=np.nan):
    table = np.ones((ROWS, 10, 10), dtype)
    if bad is not None:
        table[bad] = value
    np.save(path, table)
    return path


@pytest.mark.parametrize(
    "size", [0, 1, fingerprint.BLOCK - 1, fingerprint.BLOCK, fingerprint.BLOCK + 1]
)
def test_sha256_of_any_file(tmp_path, size):
    content = np.random.default_rng(size).bytes(size)
    (tmp_path / "f.txt").write_bytes(content)
    found = scan(tmp_path / "f.txt")
    assert (found.sha256, found.bad_row) == (hashlib.sha256(content).hexdigest(), None)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_the_first_row_that_is_not_finite_is_found(tmp_path, dtype, value):
    assert scan(_table(tmp_path / "good.npy", dtype)).bad_row is None
    for row in (0, ROWS // 2, ROWS - 1):
        path = _table(tmp_path / f"{row}.npy", dtype, (row, 9, 9), value)
        found = scan(path)
        assert found.bad_row == row
        assert found.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_the_first_of_several(tmp_path):
    table = np.ones((ROWS, 10, 10), np.float32)
    table[7, 3, 3] = table[ROWS - 2, 0, 0] = np.nan
    np.save(tmp_path / "a.npy", table)
    assert scan(tmp_path / "a.npy").bad_row == 7


def test_an_error_names_file_and_row(tmp_path):
    _table(tmp_path / "train_ims.npy", bad=(5, 0, 0))
    with pytest.raises(DataError, match=r"train_ims\.npy .*not finite .*row 5\b"):
        fingerprint_files(tmp_path, [tmp_path / "train_ims.npy"])


def test_integers_are_only_hashed(tmp_path):
    np.save(tmp_path / "a.npy", np.full((3, 4), -1, np.int8))
    assert scan(tmp_path / "a.npy").bad_row is None


def test_a_file_is_read_once(tmp_path, monkeypatch):
    path = _aged(_table(tmp_path / "a.npy", bad=(3, 0, 0)))
    first = scan(path)
    monkeypatch.setattr(fingerprint, "_scan", lambda *_: pytest.fail("the file was read again"))
    assert scan(path) == first


@pytest.mark.parametrize("change", ["size", "time", "path"])
def test_a_changed_file_is_read_again(tmp_path, change):
    path = tmp_path / "a.txt"
    path.write_text("one")
    first = scan(_aged(path))
    if change == "size":
        path.write_text("three")
        _aged(path)
    elif change == "time":
        path.write_text("two")
        _aged(path, 50)
    else:
        path = tmp_path / "b.txt"
        path.write_text("two")
        _aged(path)
    assert scan(path).sha256 == hashlib.sha256(path.read_bytes()).hexdigest() != first.sha256


def test_a_file_that_changes_within_one_tick_of_its_clock_is_not_remembered(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("one")
    stat = path.stat()
    scan(path)
    path.write_text("two")
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert scan(path).sha256 == hashlib.sha256(b"two").hexdigest()


@pytest.mark.parametrize("content", ["", "not json", "[1]", '{"sha256": "0"}'])
def test_a_damaged_note_is_made_again(tmp_path, cache, content):
    path = tmp_path / "a.txt"
    path.write_text("one")
    expected = scan(_aged(path))
    (note,) = (cache / "scans").iterdir()
    note.write_text(content)
    assert scan(path) == expected


def test_a_cache_that_cannot_be_written_is_done_without(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("VSEBENCH_CACHE", str(tmp_path / "file" / "cache"))
    path = tmp_path / "a.txt"
    path.write_text("one")
    assert scan(_aged(path)).sha256 == hashlib.sha256(b"one").hexdigest()


def test_fingerprint_depends_on_content_and_names_only(tmp_path):
    prints = {}
    for folder, names in {"a": "xy", "b": "xy", "c": "xz", "d": "xy"}.items():
        (tmp_path / folder).mkdir()
        files = [tmp_path / folder / name for name in names]
        for file in files:
            file.write_text("changed" if folder == "d" else "same")
        prints[folder] = fingerprint_files(
            tmp_path / folder, files[::-1] if folder == "b" else files
        )
    assert prints["a"] == prints["b"]
    assert len({prints["a"], prints["c"], prints["d"]}) == 3
    assert all(len(p) == 16 and int(p, 16) >= 0 for p in prints.values())


def test_missing_file(tmp_path):
    with pytest.raises(DataError, match=r"a\.txt is missing"):
        scan(tmp_path / "a.txt")


def test_options_decide_the_fingerprint_of_a_generated_set():
    base = fingerprint_options("scenes", {"images": 10, "seed": 0}, "1")
    assert fingerprint_options("scenes", {"seed": 0, "images": 10}, "1") == base
    others = [
        ("scenes", {"images": 10, "seed": 1}, "1"),
        ("scenes", {"images": 10, "seed": 0}, "2"),
        ("other", {"images": 10, "seed": 0}, "1"),
    ]
    assert len({base, *(fingerprint_options(*other) for other in others)}) == 4
