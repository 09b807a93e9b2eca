from __future__ import annotations

import numpy as np
import pytest

from vsebench.data.reading import open_npy, read_captions, read_header, read_lines
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
    (tmp_path / "caps.txt").write_bytes("un chat\nun café\n".encode("latin-1"))
    with pytest.raises(DataError, match=r"caps\.txt, line 2, is not UTF-8 \(byte 0xe9 at .*iconv"):
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


@pytest.mark.parametrize("version", [(1, 0), (2, 0)])
def test_header_and_values(tmp_path, version):
    values = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
    with (tmp_path / "a.npy").open("wb") as file:
        np.lib.format.write_array(file, values, version)
    header = read_header(tmp_path / "a.npy")
    assert (header.shape, header.dtype) == ((2, 3, 4), np.float32)
    opened = open_npy(tmp_path / "a.npy", ndim=3)
    assert isinstance(opened, np.memmap)
    np.testing.assert_array_equal(opened, values)
    with pytest.raises(ValueError, match="read-only"):
        opened[0] = 0


def test_missing(tmp_path):
    with pytest.raises(DataError, match=r"a\.npy is missing"):
        open_npy(tmp_path / "a.npy", ndim=3)


def test_a_folder_in_its_place(tmp_path):
    (tmp_path / "a.npy").mkdir()
    with pytest.raises(DataError, match=r"a\.npy cannot be read: Is a directory"):
        open_npy(tmp_path / "a.npy", ndim=3)


@pytest.mark.parametrize("cut", [1, 47, 96])
def test_truncated_values(tmp_path, cut):
    path = tmp_path / "a.npy"
    np.save(path, np.zeros((2, 3, 4), np.float32))
    path.write_bytes(path.read_bytes()[:-cut])
    with pytest.raises(
        DataError,
        match=r"a\.npy is truncated: its header announces shape \(2, 3, 4\) of float32 \(224 "
        rf"bytes\), it has {224 - cut} bytes",
    ):
        open_npy(path, ndim=3)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x93NUMPY",
        b"\x93NUMPY\x01\x00\x76\x00{'descr': '<f4'",
        b"PK\x03\x04 a zip file, really",
        b"\x93NUMPY\x03\x00\x04\x00\x00\x00{}  ",
    ],
)
def test_not_an_npy_file(tmp_path, content):
    (tmp_path / "a.npy").write_bytes(content)
    with pytest.raises(DataError, match=r"a\.npy is not a \.npy file"):
        open_npy(tmp_path / "a.npy", ndim=3)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            np.zeros((2, 3), np.float32),
            r"shape \(2, 3\) of float32",
        ),
        (np.zeros((2, 3, 4), np.int64), r"of int64, expected 3 dimensions of float"),
        (np.zeros((0, 3, 4), np.float32), "holds no values"),
        (np.zeros((2, 3, 4), ">f4"), "save it as native numbers"),
        (np.asfortranarray(np.zeros((2, 3, 4), np.float32)), "in Fortran order"),
        (np.full((2, 3, 4), None), "save it as native numbers"),
    ],
)
def test_values_that_cannot_be_features(tmp_path, values, message):
    np.save(tmp_path / "a.npy", values)
    with pytest.raises(DataError, match=message) as error:
        open_npy(tmp_path / "a.npy", ndim=3)
    assert "\n" not in str(error.value)
