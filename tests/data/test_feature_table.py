from __future__ import annotations

import hashlib

import numpy as np
import pytest

from vsebench.data.feature_table import open_table, read_about, writing
from vsebench.files import locked
from vsebench.plugin import DataError, VsebenchError, WriteError

NAMES = [f"{i}.jpg" for i in range(10)]
SHAPE = (10, 3, 4)
VALUES = np.random.default_rng(0).standard_normal(SHAPE).astype(np.float16)
ABOUT = {"model": "m", "size": 64}
BATCH = 4


def write(path, about=ABOUT, stop_after=99):
    """Writes what is missing, batch by batch; the starts of the batches."""
    starts = []
    with writing(path, NAMES, SHAPE, about, BATCH) as table:
        for start in range(table.done, 10, BATCH):
            if len(starts) == stop_after:
                raise KeyboardInterrupt
            table.append(VALUES[start : start + BATCH])
            starts.append(start)
    return starts


def contents(path):
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in path.iterdir()}


@pytest.fixture
def whole(tmp_path):
    write(tmp_path / "whole")
    return contents(tmp_path / "whole")


def test_a_table_opens_as_it_was_written(tmp_path, whole):
    table = open_table(tmp_path / "whole")
    assert table.names == tuple(NAMES)
    np.testing.assert_array_equal(table.features, VALUES)
    assert table.features.dtype == np.float16
    assert read_about(tmp_path / "whole") == ABOUT
    assert [path.name for path in tmp_path.iterdir()] == ["whole"]


def test_temporary_files_of_a_killed_writer_are_no_part_of_the_table(tmp_path, whole):
    with pytest.raises(KeyboardInterrupt):
        write(tmp_path / "table", stop_after=1)
    (tmp_path / ".table.unfinished" / ".table.json.0123abcd.tmp").write_text("half")
    (tmp_path / ".table.lock").touch()
    write(tmp_path / "table")
    assert contents(tmp_path / "table") == whole
    assert not (tmp_path / ".table.lock").exists()


@pytest.mark.parametrize("stop_after", [0, 1, 2])
def test_a_killed_writer_goes_on_to_the_same_bytes(tmp_path, whole, stop_after):
    path = tmp_path / "table"
    with pytest.raises(KeyboardInterrupt):
        write(path, stop_after=stop_after)
    assert not path.exists()
    # the last batch is written again: it may be on disk in part only
    assert write(path) == list(range(max(0, stop_after - 1) * BATCH, 10, BATCH))
    assert contents(path) == whole


@pytest.mark.parametrize("cut", [0, 1, 60, 128, 200, 320, 321, 367, 400])
def test_whatever_a_torn_write_leaves(tmp_path, whole, cut):
    path = tmp_path / "table"
    with pytest.raises(KeyboardInterrupt):
        write(path, stop_after=2)
    features = tmp_path / ".table.unfinished" / "features.npy"
    content = features.read_bytes()
    assert len(content) == 128 + 8 * 24
    features.write_bytes(content[:cut] if cut <= 320 else content + b"\xff" * (cut - 320))
    write(path)
    assert contents(path) == whole


def test_unfinished_work_on_something_else_is_not_gone_on_with(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        write(tmp_path / "table", stop_after=1)
    with pytest.raises(DataError, match=r"\.table\.unfinished .*differs in size\b"):
        write(tmp_path / "table", {**ABOUT, "size": 65})
    write(tmp_path / "table")


def test_only_one_process_writes(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        write(tmp_path / "table", stop_after=1)
    with (
        locked(tmp_path / ".table.lock", "busy"),
        pytest.raises(VsebenchError, match="table is being written by another process"),
    ):
        write(tmp_path / "table")


def test_a_place_that_cannot_be_written_is_said_in_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(WriteError, match=r"table: .*/file is a file; .*--out"):
        write(tmp_path / "file" / "table")


def test_rows_of_another_shape_are_a_bug(tmp_path):
    with (
        pytest.raises(ValueError, match="the table is float16"),
        writing(tmp_path / "table", NAMES, SHAPE, ABOUT, BATCH) as table,
    ):
        table.append(VALUES.astype(np.float32)[:4])
    with (
        pytest.raises(ValueError, match="4 of 10 rows"),
        writing(tmp_path / "table", NAMES, SHAPE, ABOUT, BATCH) as table,
    ):
        table.append(VALUES[:4])
    assert not (tmp_path / "table").exists()
