from __future__ import annotations

import gzip
import io
import os
import shlex
import subprocess

import numpy as np
import pytest

from vsebench.plugin import DataError
from vsebench.text import lines_of, no_formula, read_text, stream_lines

CAPTIONS = ["Zwei Hunde im Café", "两只狗", "", "a dog\u2028runs"]


def write(tmp_path, content: bytes):
    path = tmp_path / "my caps.txt"
    path.write_bytes(content)
    return path


def said(path) -> str:
    """The one line that both readers refuse a file with."""
    lines = []
    for read in (read_text, lambda path: list(stream_lines(path))):
        with pytest.raises(DataError) as error:
            read(path)
        lines.append(str(error.value))
    assert lines[0] == lines[1]
    assert "\n" not in lines[0]
    return lines[0]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("last", [True, False])
def test_text_of_any_editor_is_read(tmp_path, encoding, end, last):
    lines = [*CAPTIONS, "end"]
    path = write(tmp_path, (end.join(lines) + end * last).encode(encoding))
    assert lines_of(read_text(path)) == lines
    assert [line.decode() for line in stream_lines(path)] == lines


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
def test_a_byte_order_mark_says_the_order(tmp_path, encoding):
    path = write(tmp_path, "\ufeff一\n二\n".encode(encoding))
    assert lines_of(read_text(path)) == ["一", "二"]


def test_files_that_were_joined_have_marks_within():
    assert lines_of("\ufeffa.jpg\n\ufeffb.jpg\n") == ["a.jpg", "b.jpg"]


def test_streamed_lines_are_the_lines(tmp_path):
    rng = np.random.default_rng(0)
    alphabet = [*"ab é一\u2028\x0b\x85\ufeff", "\n", "\n", "\r\n", "\r"]
    for _ in range(300):
        text = "".join(rng.choice(alphabet, rng.integers(0, 20)))
        path = write(tmp_path, text.encode())
        assert [line.decode() for line in stream_lines(path)] == lines_of(read_text(path)), text


def test_a_line_of_a_long_file_is_named(tmp_path):
    path = write(tmp_path, b"a dog\n" * 100_000 + "un café\n".encode("latin-1"))
    assert said(path) == (
        f"{path}, line 100001, is not UTF-8 (byte 0xe9 at offset 600006, 'é' in ISO-8859-1): "
        f"convert it, iconv -f ISO-8859-1 -t UTF-8 '{path}' > '{path}.utf8'"
    )


@pytest.mark.parametrize(
    ("encoding", "name"),
    [
        ("latin-1", "ISO-8859-1"),
        ("cp1252", "WINDOWS-1252"),
        ("utf-16-le", "UTF-16LE"),
        ("utf-16-be", "UTF-16BE"),
    ],
)
def test_the_command_that_is_named_converts(tmp_path, encoding, name):
    text = "deux cafés\nl’été\n" if encoding == "cp1252" else "deux cafés\nété\n"
    path = write(tmp_path, text.encode(encoding))
    line = said(path)
    assert f"convert it, iconv -f {name} -t UTF-8 " in line
    subprocess.run(line.partition("convert it, ")[2], shell=True, check=True)
    assert (tmp_path / "my caps.txt.utf8").read_text(encoding="utf-8") == text


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("两只狗在草地上奔跑\n一个人\n", "GB18030"),
        ("兩隻狗在草地上奔跑\n", "BIG5"),
        ("二匹の犬が走っている\n", "SHIFT_JIS"),
        ("二匹の犬が走っている\n", "EUC-JP"),
        ("개 두 마리가 달린다\n", "EUC-KR"),
        ("Две собаки бегут\n", "WINDOWS-1251"),
    ],
)
def test_how_a_line_would_read_in_each_encoding(tmp_path, text, encoding):
    path = write(tmp_path, text.encode(encoding))
    line = said(path)
    assert f"{text.splitlines()[0][:12]!r} in {encoding}" in line
    command = line.partition("it is in, ")[2].replace("ENCODING", encoding)
    assert shlex.split(command)[:3] == ["iconv", "-f", encoding]
    subprocess.run(command, shell=True, check=True)
    assert (tmp_path / "my caps.txt.utf8").read_text(encoding="utf-8") == text


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("un café, deux cafés, trois\n".encode() + b"\xe9\n", "line 2, .*retype that line"),
        ("两只狗".encode()[:-1], "line 1, is not UTF-8: the file ends within a character"),
        ("一二".encode("utf-16")[:-1], "begins as UTF-16 does, but byte 4 ends no character"),
        (gzip.compress(b"a dog\n", mtime=0), "is packed with gzip: expected text in UTF-8"),
        (b"PK\x03\x04\x14\x00\x00\x00", r"is a zip archive, .*\(byte 5 is zero\)"),
        (b"a dog\n\x00\x00\n", r"is no text \(byte 6 is zero\)"),
        (b"\xff\x98\xff\xff\n", "the line begins as in no encoding known here"),
    ],
)
def test_what_is_no_text_is_named(tmp_path, content, message):
    with pytest.raises(DataError, match=message):
        read_text(path := write(tmp_path, content))
    said(path)


def test_an_array_is_no_text(tmp_path):
    buffer = io.BytesIO()
    np.save(buffer, np.full(3, 0x7F7F7F7F))
    assert "is an array of NumPy" in said(write(tmp_path, buffer.getvalue()))


def test_missing_and_unreadable(tmp_path):
    assert said(tmp_path / "caps.txt").endswith("caps.txt is missing")
    assert said(tmp_path).endswith("cannot be read: Is a directory")


@pytest.mark.parametrize(
    "cell",
    ["=1+1", '=HYPERLINK("http://x")', "+1+1", "-1+1", "-a", "@SUM(A1)", "\t=1", "\r=1", "\n=1"],
)
def test_what_a_spreadsheet_would_run_has_a_quote_before_it(cell):
    assert no_formula(cell) == f"'{cell}"


@pytest.mark.parametrize("cell", ["", "a=b", "-1", "+1.5", "-1.", "-1.5e-07", -1.5, 3, None, True])
def test_numbers_and_other_texts_stay(cell):
    assert no_formula(cell) is cell


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for read in (read_text, lambda path: list(stream_lines(path))):
        with pytest.raises(DataError, match="no regular file"):
            read(tmp_path / "pipe")
