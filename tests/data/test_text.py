from __future__ import annotations

import pytest

from vsebench.data.text import read_captions, read_lines
from vsebench.plugin import DataError


@pytest.mark.parametrize(
    ("content", "lines"),
    [
        (b"", []),
        (b"one\ntwo\n", ["one", "two"]),
        (b"one\r\ntwo", ["one", "two"]),
        ("\ufeffone\u2028still one\x0b\x85\n\n".encode(), ["one\u2028still one\x0b\x85", ""]),
    ],
)
def test_lines(tmp_path, content, lines):
    (tmp_path / "caps.txt").write_bytes(content)
    assert read_lines(tmp_path / "caps.txt") == lines


def test_what_is_not_utf8_is_named_by_line(tmp_path):
    (tmp_path / "caps.txt").write_bytes("un café\n".encode() + "un autre café\n".encode("latin-1"))
    with pytest.raises(DataError, match=r"caps\.txt, line 2, is not UTF-8 \(byte 0xe9\)"):
        read_lines(tmp_path / "caps.txt")


def test_missing_and_unreadable(tmp_path):
    with pytest.raises(DataError, match=r"caps\.txt is missing"):
        read_lines(tmp_path / "caps.txt")
    with pytest.raises(DataError, match="cannot be read: Is a directory"):
        read_lines(tmp_path)


@pytest.mark.parametrize("empty", ["", "   ", " . !", "\t"])
def test_empty_captions_are_named_by_line(tmp_path, empty):
    (tmp_path / "caps.txt").write_text(f"a dog\na cat\n{empty}\na cow\n")
    with pytest.raises(DataError, match=r"caps\.txt, line 3, is an empty caption"):
        read_captions(tmp_path / "caps.txt")
