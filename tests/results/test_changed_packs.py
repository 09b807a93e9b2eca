"""Packs that somebody changed, by accident or on purpose: read right, or refused in one line."""

from __future__ import annotations

import gzip
import json
import re
import tracemalloc
from typing import TYPE_CHECKING

import numpy as np
import pytest

from tests.results.packed import read_all, refusal, rewrite, stand, summed_again
from tests.results.studies import FAILED
from vsebench.results.checks.audit import Finding, audit
from vsebench.results.folder.store import Store
from vsebench.results.packs.format import ARRAYS, RUNS
from vsebench.results.packs.pack import Pack, unpack
from vsebench.results.reader import RECORD

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.results.packed import Lines


def test_the_run_whose_checksum_differs_is_named(packed: Path) -> None:
    rewrite(packed, lambda lines: lines[2]["files"]["record.json"]["test"].update({"rsum": 400.0}))
    with gzip.open(packed / RUNS, "rt") as file:
        name = json.loads(file.readlines()[2])["run"]
    assert refusal(lambda: read_all(packed)) == (
        f"{packed / RUNS}: record.json of run {name} is damaged (checksum mismatch): take it again "
        "from where it came, or pack the runs again"
    )


def test_text_that_is_not_as_its_line_says_is_not_used(packed: Path) -> None:
    """Nor where somebody wrote the checksum of the text anew, or moved where its files begin."""
    stand(packed, lambda line: line.replace(b'"host":"', b'"host":"another '))
    assert "checksum mismatch" in refusal(lambda: read_all(packed))
    stand(packed, summed_again)
    found = Finding(Pack(packed).lines[1].run, RECORD, "checksum mismatch")
    assert found in audit(packed).findings
    assert "checksum mismatch" in refusal(lambda: unpack(packed, packed / "back"))


def test_text_of_another_checksum_is_not_used(packed: Path) -> None:
    """Of the same length, so that every size is right: the bytes must tell."""
    stand(packed, lambda line: line.replace(b'"host":"', b'"hosp":"'))
    assert Pack(packed).lines[1].text is None
    assert "checksum mismatch" in refusal(lambda: read_all(packed))


def test_a_run_is_the_one_that_its_line_names(packed: Path) -> None:
    """With all of its checksums: packs are looked up by that id."""
    own = Pack(packed).lines[0].run_id
    rewrite(packed, lambda lines: lines[1].update({"run_id": own[::-1]}))
    assert f"is damaged (it is of run {own})" in refusal(lambda: Store(packed).records())


def of_failed(packed: Path) -> int:
    return 1 + [line.run_id for line in Pack(packed).lines].index(FAILED.run_id)


def test_a_run_without_a_marker_is_told_by_its_files_own_checksums(packed: Path) -> None:
    """Whatever the checksum of its text says: nothing else knows what it left."""
    at = of_failed(packed)
    stand(packed, lambda line: summed_again(line.replace(b"ValueError", b"ValueErrer")), at)
    assert Pack(packed).lines[at - 1].text is not None
    assert "record.json of run" in refusal(lambda: Store(packed).records())
    assert [each.why for each in audit(packed).findings if each.file == RECORD] == [
        "checksum mismatch"
    ]


def test_files_of_another_run_are_not_this_ones(packed: Path) -> None:
    """With the text and its checksum, as somebody pastes them."""
    lines = gzip.decompress((packed / RUNS).read_bytes()).split(b"\n")
    texts = b',"text":' + lines[1].partition(b',"text":')[2]
    for at in (2, of_failed(packed)):
        whole = (packed / RUNS).read_bytes()
        stand(packed, lambda line: line.partition(b',"text":')[0] + texts, at)
        assert "(checksum mismatch)" in refusal(lambda: Store(packed).records())
        (packed / RUNS).write_bytes(whole)


def test_a_file_of_text_is_no_file_of_arrays(packed: Path) -> None:
    rewrite(packed, lambda lines: lines[1]["arrays"].update({"record.json": {}}))
    assert "'record.json' has no arrays" in refusal(lambda: Store(packed).records())


@pytest.mark.parametrize("place", ["", "\0", "a" * 5000, "a/" * 1500, 3])
def test_a_place_that_no_folder_has(packed: Path, place: object) -> None:
    rewrite(packed, lambda lines: lines[1].update({"held_in": place}))
    assert f"{packed / RUNS} is damaged" in refusal(lambda: Store(packed).records())


@pytest.mark.parametrize("version", ["2", 2.0, True, None])
def test_a_version_is_a_whole_number(packed: Path, version: object) -> None:
    rewrite(packed, lambda lines: lines[0].update({"vsebench_pack": version}))
    assert f"{packed / RUNS} is damaged" in refusal(lambda: Store(packed).records())


def test_sizes_that_overlap_take_no_memory(packed: Path) -> None:
    """Of 400 slices of the same megabyte, which together are what stands there."""
    long, least = 1_000_000, len(b'"a000":') + 1
    sizes = {f"a{i:03}": long if i % 2 == 0 else -long - least for i in range(400)}

    def overlapping(line: bytes) -> bytes:
        line = re.sub(rb'"sizes":\{[^}]*\}', b'"sizes":' + json.dumps(sizes).encode(), line)
        files = b',"files":{"a000":"' + b"x" * (long - 2) + b'",'
        return summed_again(line.replace(b',"files":{', files))

    stand(packed, overlapping)
    tracemalloc.start()
    assert Pack(packed).lines[1].text is None
    assert tracemalloc.get_traced_memory()[1] < 30 * long
    tracemalloc.stop()


@pytest.mark.parametrize("shift", [-1, 1, 10**9, -(10**9)])
def test_sizes_that_are_not_those_of_the_files(packed: Path, shift: int) -> None:
    records = Store(packed).records()

    def shifted(line: bytes) -> bytes:
        return re.sub(
            rb'"curve.jsonl":(\d+)', lambda m: b'"curve.jsonl":%d' % (int(m[1]) + shift), line
        )

    stand(packed, shifted)
    assert [line.text is None for line in Pack(packed).lines] == [False, True, False, False, False]
    assert Store(packed).records() == records


def test_a_slice_that_is_no_json_is_damage(packed: Path, tmp_path: Path) -> None:
    """Written by hand so that text and sizes agree, and a comma is in the first file."""

    def moved(line: bytes) -> bytes:
        curve, record = (
            int(re.search(rb'"%b":(\d+)' % name, line)[1])  # type: ignore[index]
            for name in (b"curve.jsonl", b"record.json")
        )
        whole = curve + len(b',"record.json":') + record
        sizes = b'"sizes":{"curve.jsonl":%d,"record.json":%d,' % (curve, record)
        assert sizes in line
        return line.replace(sizes, b'"sizes":{"curve.jsonl":%d,' % whole)

    stand(packed, moved)
    assert Pack(packed).lines[1].text is not None
    assert "curve.jsonl of run" in refusal(lambda: unpack(packed, tmp_path / "back"))
    assert "record.json of run" in refusal(lambda: Store(packed).records())


def test_a_file_that_no_checksum_is_of_is_not_read(packed: Path) -> None:
    """Such as one that somebody added to a line, checksum of the text and all."""
    run = Store(packed).runs()[1]
    spec = run.read_spec()

    def grown(line: bytes) -> bytes:
        line = line.replace(b'"sizes":{', b'"sizes":{"spec.json":2,')
        return summed_again(line.replace(b',"files":{', b',"files":{"spec.json":{},'))

    stand(packed, grown)
    assert Pack(packed).lines[1].text is not None
    again = Store(packed).runs()[1]
    assert (again.read_spec(), again.read_curve()) == (spec, run.read_curve())
    assert again.damage(model=False) == {}


def test_a_curve_without_a_checksum_that_the_marker_knows(packed: Path) -> None:
    stand(packed, lambda line: re.sub(rb'"curve.jsonl":"[0-9a-f]{64}",', b"", line, count=1))
    assert Pack(packed).lines[1].text is not None
    assert "curve.jsonl of run" in refusal(lambda: read_all(packed))


def test_arrays_of_another_run_are_noticed(packed: Path) -> None:
    with np.load(packed / ARRAYS) as arrays:
        own = dict(arrays)
    own["ranks/i2t/0"] = own["ranks/i2t/0"][::-1]
    np.savez_compressed(packed / ARRAYS, **own)
    said = refusal(lambda: read_all(packed))
    assert said.startswith(f"{packed / ARRAYS}: ranks.npz of run scenes-")
    assert "is damaged (checksum mismatch): " in said


@pytest.mark.parametrize(
    ("place", "said"),
    [
        (["ranks/i2t/0", 99], "is out of bounds"),
        (["ranks/i2t/7", 0], "it has no array 'ranks/i2t/7'"),
        (["ranks/t2i/0", 0], "checksum mismatch"),
        (["ranks/i2t/0", -1], "checksum mismatch"),
        (["ranks/i2t/0", None], "checksum mismatch"),
        (["ranks/i2t/0", "first"], "valid integer"),
        ("ranks/i2t/0", "valid tuple"),
    ],
)
def test_a_place_that_is_not_the_arrays(packed: Path, place: object, said: str) -> None:
    rewrite(packed, lambda lines: lines[1]["arrays"]["ranks.npz"].update({"i2t": place}))
    assert said in refusal(lambda: read_all(packed))


def drop_a_run(lines: Lines) -> Lines:
    return lines[:-1]


def no_record(lines: Lines) -> None:
    del lines[1]["files"]["record.json"]


def not_a_line(lines: Lines) -> None:
    lines[1]["surprise"] = 1


def no_plan(lines: Lines) -> None:
    lines[0]["files"]["plan.json"] = {"runs": []}


def newer(lines: Lines) -> None:
    lines[0] |= {"vsebench_pack": 3, "surprise": 1}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (drop_a_run, "4 of 5 runs"),
        (no_record, "the pack lacks its content"),
        (not_a_line, "is damaged (Extra inputs"),
        (no_plan, "no plan"),
        (newer, "newer vsebench (pack version 3, this one reads up to 2): upgrade vsebench"),
        (lambda lines: [{"a": 1}], "is damaged (Field required)"),
        (lambda lines: [[]], "is damaged"),  # type: ignore[list-item]
    ],
)
def test_what_is_no_pack_of_ours(
    packed: Path, change: Callable[[Lines], Lines | None], said: str
) -> None:
    rewrite(packed, change)
    message = refusal(lambda: read_all(packed))
    assert str(packed / RUNS) in message
    assert said in message
