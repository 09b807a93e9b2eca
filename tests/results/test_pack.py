"""Reading a pack: as the folder is read, or one line about what is wrong with it."""

from __future__ import annotations

import gzip
import hashlib
import json
import random
import re
import shutil
import tracemalloc
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from tests.factories import make_curve, make_record, make_spec, save
from tests.results.studies import FAILED, SPECS, path_of, tree, whole_tree
from vsebench.plugin.errors import VsebenchError
from vsebench.results.checks.audit import Finding, audit
from vsebench.results.folder.directory import RunDirectory
from vsebench.results.folder.find import find_runs
from vsebench.results.folder.store import Store
from vsebench.results.packs.format import ARRAYS, RUNS
from vsebench.results.packs.pack import Pack, PackedRun, unpack
from vsebench.results.packs.packing import pack, remove_packed
from vsebench.results.reader import RECORD

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Lines = list[dict[str, Any]]


@pytest.fixture
def packed(study: Path, tmp_path: Path) -> Path:
    """The study's pack, alone in a folder."""
    pack(study, tmp_path / "pack")
    return tmp_path / "pack"


def rewrite(folder: Path, change: Callable[[Lines], Lines | None]) -> None:
    """Changes the lines of a pack, whose gzip file is whole afterwards."""
    text = gzip.decompress((folder / RUNS).read_bytes())
    lines = [json.loads(line) for line in text.split(b"\n")[:-1]]
    lines = change(lines) or lines
    changed = "".join(json.dumps(line) + "\n" for line in lines)
    (folder / RUNS).write_bytes(gzip.compress(changed.encode()))


def refusal(act: Callable[[], object]) -> str:
    with pytest.raises(VsebenchError) as caught:
        act()
    assert "\n" not in str(caught.value)
    return str(caught.value)


def read_all(folder: Path) -> None:
    """Reads everything that reports and people read."""
    for run in Store(folder).runs():
        record = run.read_record()
        assert record is not None
        run.read_whole_curve(record)
        if record.status == "done":
            run.read_ranks()


def test_a_packed_run_is_read_as_one_in_a_folder(study: Path, packed: Path) -> None:
    store, folder = Store(packed), Store(study)
    assert [run.path.name for run in store.runs()] == [run.path.name for run in folder.runs()]
    assert store.records() == folder.records()
    assert store.noted() == folder.noted()
    for spec in (*SPECS, FAILED):
        run, own = store.find(spec.run_id), folder.find(spec.run_id)
        assert isinstance(run, PackedRun)
        assert isinstance(own, RunDirectory)
        assert (run.is_done, run.holds_run) == (own.is_done, own.holds_run)
        assert run.read_curve() == own.read_curve()
        assert run.read_spec() == own.read_spec()
        if run.is_done:
            for found, expected in zip(run.read_ranks(), own.read_ranks(), strict=True):
                np.testing.assert_array_equal(found, expected)
    assert store.find(make_spec("max").run_id) is None
    assert not list(packed.glob("scenes*"))


def test_runs_are_found_by_what_a_person_writes(study: Path, packed: Path) -> None:
    spec = SPECS[1]
    name = path_of(study, spec).name
    for text in (name, str(packed / name), spec.run_id, spec.run_id[:6], f"*{name[8:]}"):
        (found,) = find_runs([text], packed)
        assert found.read_record().run_id == spec.run_id
    assert len(find_runs(["*triplet*", name], packed)) == 4
    assert "did you mean" in refusal(lambda: find_runs([name[:-1] + "z"], packed))
    assert "no run" in refusal(lambda: find_runs([str(packed / "absent")], packed))


def test_a_run_that_lies_beside_its_pack_is_read_once_where_it_got_further(study: Path) -> None:
    pack(study)
    assert len(Store(study).runs()) == 5
    assert all(isinstance(run, RunDirectory) for run in Store(study).runs())
    record = path_of(study, SPECS[0]) / "record.json"
    record.unlink()
    assert isinstance(Store(study).find(SPECS[0].run_id), PackedRun)
    again = save(study, make_record(FAILED), make_curve([100]))
    assert Store(study).find(FAILED.run_id).read_record() == again
    assert len(Store(study).runs()) == 5
    assert sum(record.status == "done" for record in Store(study).records()) == 5


def test_what_is_not_packed_is_found_in_the_folder(study: Path) -> None:
    spec = SPECS[0].model_copy(
        update={"environment": SPECS[0].environment.model_copy(update={"data_path": "/data"})}
    )
    Store(study).directory_for(spec).write_spec(spec)
    pack(study)
    remove_packed(study, study)
    run = Store(study).find(spec.run_id)
    assert isinstance(run, PackedRun)
    assert run.read_spec() == spec
    assert Store(study).find_model(spec.run_id) is not None
    run.best_path.unlink()
    model = Store(study).find_model(spec.run_id)
    assert isinstance(model, RunDirectory)
    assert not model.is_done


def test_a_pack_that_changes_is_read_again(study: Path, packed: Path) -> None:
    store = Store(packed)
    assert len(store.runs()) == 5
    late = make_spec("max")
    save(study, make_record(late), make_curve([100]))
    pack(study, packed)
    assert len(store.runs()) == 6


def test_another_pack_holds_runs_that_two_studies_share(study: Path, tmp_path: Path) -> None:
    other = tmp_path / "deep" / "other"
    shutil.copytree(study, other)
    shutil.rmtree(path_of(other, FAILED))
    own = make_spec("max")
    save(other, make_record(own), make_curve([100]))
    again = make_record(SPECS[0], rsum=280, steps=20)
    Store(other).directory_for(SPECS[0]).write_record(again)
    pack(study)
    found = pack(other, held_in=[study])
    assert (found.runs, found.held_elsewhere) == (5, 3)
    expected = tree(other)
    remove_packed(other, other)
    remove_packed(study, study)
    assert len(Store(other).records()) == 5
    assert again in Store(other).records()
    with gzip.open(other / RUNS, "rt") as file:
        assert file.read().count('"held_in":"../../study"') == 3
    assert pack(other).held_elsewhere == 3
    unpack(other, tmp_path / "back")
    assert whole_tree(tmp_path / "back") == expected
    assert pack(other, tmp_path / "copy").held_elsewhere == 3
    unpack(tmp_path / "copy", tmp_path / "back2")
    assert whole_tree(tmp_path / "back2") == expected
    (tmp_path / "link").symlink_to(other)
    assert Store(tmp_path / "link").records() == Store(other).records()
    arrays = (study / ARRAYS).read_bytes()
    (study / ARRAYS).write_bytes(arrays[:200])
    assert refusal(lambda: read_all(other)).startswith(f"{study / ARRAYS}: ranks.npz of run ")
    moved = study.rename(tmp_path / "moved")
    message = refusal(lambda: Store(other).runs())
    assert f"{other / RUNS} names run " in message
    assert f" of {study / RUNS}, which does not hold it: keep both folders side by" in message
    rewrite(moved, lambda lines: lines[1]["sha256"].update({"done": "0"}))
    moved.rename(study)
    assert refusal(lambda: Store(other).runs()) == message


def test_a_pack_held_in_that_is_none(study: Path, tmp_path: Path) -> None:
    assert "pack its runs first" in refusal(lambda: pack(study, held_in=[tmp_path]))
    pack(study)
    assert "is the folder to pack into" in refusal(lambda: pack(study, held_in=[study]))


def test_every_flipped_bit_is_noticed(packed: Path) -> None:
    """A pack is read right or refused in one line that names it, wherever it is damaged."""
    whole = {name: (packed / name).read_bytes() for name in (RUNS, ARRAYS)}
    before = [run.read_record() for run in Store(packed).runs()]
    rng = random.Random(0)
    for name, content in whole.items():
        for at in [*range(20), *(rng.randrange(len(content)) for _ in range(100))]:
            damaged = bytearray(content)
            damaged[at] ^= 1 << rng.randrange(8)
            (packed / name).write_bytes(damaged)
            said = ""
            try:
                read_all(packed)
                assert [run.read_record() for run in Store(packed).runs()] == before
            except VsebenchError as error:
                said = str(error)
            assert said == "" or (str(packed / name) in said and "\n" not in said)
        (packed / name).write_bytes(content)


def test_every_cut_is_noticed(packed: Path) -> None:
    for name in (RUNS, ARRAYS):
        content = (packed / name).read_bytes()
        for cut in (0, 1, 10, 100, len(content) // 2, len(content) - 1):
            (packed / name).write_bytes(content[:cut])
            assert f"{packed / name}" in refusal(lambda: read_all(packed))
        (packed / name).write_bytes(content)
    (packed / ARRAYS).unlink()
    assert "ranks.npz of run scenes-" in refusal(lambda: read_all(packed))


def test_the_run_whose_checksum_differs_is_named(packed: Path) -> None:
    rewrite(packed, lambda lines: lines[2]["files"]["record.json"]["test"].update({"rsum": 400.0}))
    with gzip.open(packed / RUNS, "rt") as file:
        name = json.loads(file.readlines()[2])["run"]
    assert refusal(lambda: read_all(packed)) == (
        f"{packed / RUNS}: record.json of run {name} is damaged (checksum mismatch): take it again "
        "from where it came, or pack the runs again"
    )


def as_version_1(packed: Path) -> None:
    """As older releases wrote a pack: each array by itself, and no word on the text."""
    with np.load(packed / ARRAYS) as found:
        tables, arrays = dict(found), {}

    def change(lines: Lines) -> None:
        lines[0]["vsebench_pack"] = 1
        for line in lines[1:]:
            line.pop("text", None)
            for file, places in line.get("arrays", {}).items():
                for key, (table, row) in places.items():
                    name = f"{line['run']}/{file.removesuffix('.npz')}/{key}"
                    arrays[name] = tables[table][row]
                line["arrays"][file] = [*places]

    rewrite(packed, change)
    np.savez_compressed(packed / ARRAYS, **arrays)


@pytest.mark.parametrize("change", [as_version_1, lambda packed: rewrite(packed, lambda _: None)])
def test_a_pack_of_version_1_or_laid_out_anew_gives_the_same(
    study: Path, packed: Path, tmp_path: Path, change: Callable[[Path], None]
) -> None:
    """Whose files' own checksums are asked, since their text is not known to be whole."""
    records = Store(packed).records()
    curves = [run.read_curve() for run in Store(packed).runs()]
    assert all(line.text is not None for line in Pack(packed).lines)
    change(packed)
    assert all(line.text is None for line in Pack(packed).lines)
    assert Store(packed).records() == records
    assert [run.read_curve() for run in Store(packed).runs()] == curves
    unpack(packed, tmp_path / "back")
    assert whole_tree(tmp_path / "back") == tree(study)
    whole = [(packed / name).read_bytes() for name in (RUNS, ARRAYS)]
    pack(study, tmp_path / "again")
    assert [(tmp_path / "again" / name).read_bytes() for name in (RUNS, ARRAYS)] != whole
    pack(packed)
    again = [(tmp_path / "again" / name).read_bytes() for name in (RUNS, ARRAYS)]
    assert [(packed / name).read_bytes() for name in (RUNS, ARRAYS)] == again


def stand(packed: Path, change: Callable[[bytes], bytes], line: int = 2) -> None:
    """Changes a line as it stands, that of the second run unless told."""
    lines = gzip.decompress((packed / RUNS).read_bytes()).split(b"\n")
    lines[line] = change(lines[line])
    (packed / RUNS).write_bytes(gzip.compress(b"\n".join(lines)))


def summed_again(line: bytes) -> bytes:
    """With the checksum of the files' text as it is."""
    found = hashlib.sha256(line[line.index(b',"files":') + 9 : -1]).hexdigest()
    return re.sub(rb'("text":\{"sha256":")[0-9a-f]{64}', b"\\g<1>" + found.encode(), line)


def test_text_that_is_not_as_its_line_says_is_not_used(packed: Path) -> None:
    """Nor where somebody wrote the checksum of the text anew, or moved where its files begin."""
    stand(packed, lambda line: line.replace(b'"host":"', b'"host":"another '))
    assert "checksum mismatch" in refusal(lambda: read_all(packed))
    stand(packed, summed_again)
    found = Finding(Pack(packed).lines[1].run, RECORD, "checksum mismatch")
    assert found in audit(packed).findings
    assert "checksum mismatch" in refusal(lambda: unpack(packed, packed / "back"))


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


def test_a_file_that_is_no_gzip(packed: Path) -> None:
    (packed / RUNS).write_text("{}\n")
    assert f"{packed / RUNS} is damaged" in refusal(lambda: Pack(packed))
    (packed / RUNS).write_bytes(gzip.compress(b""))
    assert f"{packed / RUNS} is damaged" in refusal(lambda: Pack(packed))
