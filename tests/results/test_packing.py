"""Packing and unpacking a folder of runs."""

from __future__ import annotations

import gzip
import json
import random
import shutil
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from tests.factories import make_curve, make_record, make_spec, save
from tests.results.studies import (
    FAILED,
    SPECS,
    make_annotation_study,
    path_of,
    tree,
    whole_tree,
)
from vsebench import files
from vsebench.plugin.errors import VsebenchError
from vsebench.results.folder.lease import Lease
from vsebench.results.folder.store import Store
from vsebench.results.packs import packing
from vsebench.results.packs.format import ARRAYS, RUNS, file_bytes, file_value
from vsebench.results.packs.pack import unpack
from vsebench.results.packs.packing import left_out, pack, remove_packed
from vsebench.results.reader import POSITIONS, RETRIEVED

if TYPE_CHECKING:
    from pathlib import Path


def packed_bytes(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.glob("runs.*")}


def test_unpacking_restores_what_was_packed_to_the_byte(study: Path, tmp_path: Path) -> None:
    before = whole_tree(study)
    packed = pack(study, tmp_path / "pack")
    assert (packed.runs, packed.failed, packed.held_elsewhere, packed.unfinished) == (5, 1, 0, ())
    assert sorted(path.name for path in (tmp_path / "pack").iterdir()) == [RUNS, ARRAYS]
    assert unpack(tmp_path / "pack", tmp_path / "back") == 5
    assert whole_tree(tmp_path / "back") == tree(study)
    assert len(tree(study)) == 4 * 5 + 1 + 1
    assert whole_tree(study) == before


def test_what_pages_show_of_a_model_is_packed(study: Path, tmp_path: Path) -> None:
    shown = Store(study).directory_for(SPECS[0])
    positions = {"image": np.array([[1.0, np.nan], [0.75, 0.25]], np.float32)}
    shown.write_shown(POSITIONS, positions)
    retrieved = {"i2t": np.array([3], np.int32), "i2t_top": np.array([[2, -1]], np.int32)}
    shown.write_shown(RETRIEVED, retrieved)
    shown.write_shown(RETRIEVED, {})  # nothing to show leaves what is there
    pack(study, tmp_path / "pack")
    (run,) = [run for run in Store(tmp_path / "pack").runs() if run.holds(POSITIONS)]
    np.testing.assert_array_equal(run.read_arrays(POSITIONS)["image"], positions["image"])
    assert run.read_arrays(RETRIEVED)["i2t"].tolist() == [3]
    unpack(tmp_path / "pack", tmp_path / "back")
    assert whole_tree(tmp_path / "back") == tree(study)


def test_a_study_without_arrays_and_plan_is_one_file(tmp_path: Path) -> None:
    study = make_annotation_study(tmp_path / "study")
    pack(study, tmp_path / "pack")
    assert [path.name for path in (tmp_path / "pack").iterdir()] == [RUNS]
    unpack(tmp_path / "pack", tmp_path / "back")
    assert whole_tree(tmp_path / "back") == tree(study)


def test_any_tool_reads_a_pack(study: Path) -> None:
    """Read with gzip, json and numpy alone."""
    pack(study)
    with gzip.open(study / RUNS, "rt", encoding="utf-8") as file:
        opening, *runs = (json.loads(line) for line in file)
    assert opening["files"]["plan.json"] == json.loads((study / "plan.json").read_text())
    assert [run["run_id"] for run in runs] == opening["files"]["plan.json"]["run_ids"]
    with np.load(study / ARRAYS) as arrays:
        for run in runs:
            folder = study / run["run"]
            assert run["files"]["record.json"] == json.loads((folder / "record.json").read_text())
            if run["run_id"] == FAILED.run_id:
                assert "arrays" not in run
                continue
            assert run["files"]["curve.jsonl"] == [
                json.loads(line) for line in (folder / "curve.jsonl").read_text().splitlines()
            ]
            for name in ("ranks", "per_image"):
                with np.load(folder / f"{name}.npz") as own:
                    for key, array in own.items():
                        table, row = run["arrays"][f"{name}.npz"][key]
                        np.testing.assert_array_equal(arrays[table][row], array)
    paths = gzip.decompress((study / RUNS).read_bytes()).decode()
    assert str(study) not in paths


def test_the_same_runs_give_the_same_bytes(study: Path, tmp_path: Path) -> None:
    pack(study)
    first = packed_bytes(study)
    other = tmp_path / "elsewhere" / "under another name"
    for path in sorted(study.iterdir(), reverse=True):
        if path.is_dir():
            shutil.copytree(path, other / path.name)
    shutil.copy(study / "plan.json", other)
    pack(other)
    assert packed_bytes(other) == first
    pack(other)
    assert packed_bytes(other) == first
    assert first[RUNS][4:8] == bytes(4)  # of the gzip header: no time
    assert not first[RUNS][3]  # nor a file name


TEXTS = [
    b"",
    b"\n",
    b"{}",
    b"{}\n",
    b'{"a":1}\n',
    b'{\n "a": 1\n}\n',
    b'{\n  "a": 1\n}\n',
    b'{\r\n "a": 1\r\n}\r\n',
    b'{\n "a": 1,\n "a": 2\n}\n',
    b'{\n "a": 1e-07,\n "b": 1E-7,\n "c": 1.0,\n "d": 1.50\n}\n',
    b'{\n "a": NaN,\n "b": -Infinity,\n "c": null,\n "d": 1e999\n}\n',
    b'{\n "a": 123456789012345678901234567890,\n "b": -0.0,\n "c": 0.1000000000000000055\n}\n',
    '{\n "a": "é \u2028 \\u00e9 \\/ \U0001f600"\n}\n'.encode(),
    b"[\n 1\n]\n",
    b'"text"\n',
    b"1\n",
    b'{"step":1}\n{"step":2}\n',
    b'{"step":1}\n{"step": 2}\n',
    b'{"step":1}\n{"step":2',
    b'{"step":1}\n\n',
    "{'a': 1}\n\u2028{}\n".encode(),
    b"torn \x00\x1f",
]


def random_json(rng: random.Random, depth: int = 3) -> Any:
    kinds = ["number", "text", "none"] + ["list", "dict"] * (depth > 0)
    match rng.choice(kinds):
        case "number":
            return rng.choice(
                [rng.random() * 10 ** rng.randint(-30, 30), rng.randint(-(2**70), 2**70), True]
            )
        case "text":
            return "".join(chr(rng.choice([9, 34, 65, 92, 127, 233, 0x2028])) for _ in range(4))
        case "list":
            return [random_json(rng, depth - 1) for _ in range(rng.randint(0, 3))]
        case "dict":
            return {str(n): random_json(rng, depth - 1) for n in range(rng.randint(0, 3))}
    return None


@pytest.mark.parametrize("name", ["record.json", "curve.jsonl", "done"])
def test_a_file_comes_back_to_the_byte_whatever_it_holds(name: str) -> None:
    rng = random.Random(0)
    dumps = [
        json.dumps(random_json(rng), indent=indent, ensure_ascii=ascii_only).encode() + end
        for indent in (None, 0, 1, 2)
        for ascii_only in (True, False)
        for end in (b"", b"\n", b"\n\n")
        for _ in range(20)
    ]
    for content in [*TEXTS, *dumps]:
        value = json.loads(json.dumps(file_value(name, content)))
        assert file_bytes(value) == content


def test_records_and_curves_are_kept_as_json(study: Path) -> None:
    folder = path_of(study, SPECS[0])
    assert isinstance(file_value("record.json", (folder / "record.json").read_bytes()), dict)
    assert isinstance(file_value("curve.jsonl", (folder / "curve.jsonl").read_bytes()), list)


def test_files_that_somebody_laid_out_otherwise_come_back_too(study: Path, tmp_path: Path) -> None:
    folder = path_of(study, SPECS[0])
    record = json.loads((folder / "record.json").read_text())
    (folder / "record.json").write_text(json.dumps(record, indent=4))
    (folder / "done").write_bytes(b"")
    with (folder / "curve.jsonl").open("a") as file:
        file.write('{"step": 40, "epo')
    pack(study)
    unpack(study, tmp_path / "back")
    assert whole_tree(tmp_path / "back") == tree(study)


def test_an_unfinished_run_is_refused_or_left_out(study: Path) -> None:
    started = make_spec("max")
    Store(study).directory_for(started).write_spec(started)
    name = path_of(study, started).name
    with pytest.raises(VsebenchError, match=rf"1 run \({name}\) has not ended: .*--leave-unf"):
        pack(study)
    assert not (study / RUNS).exists()
    packed = pack(study, leave_unfinished=True)
    assert (packed.runs, packed.unfinished) == (5, (name,))
    remove_packed(study, study)
    assert {run.path.name: run.is_done for run in Store(study).runs()}[name] is False
    assert (study / "plan.json").exists()


def test_a_run_that_is_being_made_again_is_not_packed(study: Path) -> None:
    lease = Lease.claim(path_of(study, FAILED))
    assert lease is not None
    with pytest.raises(VsebenchError, match=r"1 run \(scenes-gpo-aoq.* has not ended"):
        pack(study)
    lease.release()
    assert pack(study).runs == 5


@pytest.mark.parametrize("name", ["record.json", "curve.jsonl", "ranks.npz"])
def test_a_damaged_run_is_named_and_nothing_is_packed(study: Path, name: str) -> None:
    path = path_of(study, SPECS[0]) / name
    path.write_bytes(path.read_bytes()[:40] + b"\n")
    with pytest.raises(VsebenchError, match=rf"{path} is damaged") as caught:
        pack(study)
    assert "\n" not in str(caught.value)
    assert not (study / RUNS).exists()


def test_a_run_whose_record_was_lost_is_damaged(study: Path) -> None:
    (path_of(study, SPECS[0]) / "record.json").unlink()
    with pytest.raises(VsebenchError, match=r"record\.json is missing"):
        pack(study, leave_unfinished=True)


@pytest.mark.parametrize("content", [None, "figures"])
def test_a_folder_without_runs(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / content).mkdir()
    with pytest.raises(VsebenchError, match="holds no run that has ended"):
        pack(tmp_path)
    with pytest.raises(VsebenchError, match=r"has no runs\.jsonl\.gz"):
        unpack(tmp_path)


def test_a_pack_that_cannot_be_written_leaves_the_one_before(
    study: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path, content: bytes) -> None:
        raise VsebenchError(f"cannot write {path}")

    with monkeypatch.context() as patched:
        patched.setattr(packing.files, "write_bytes", refuse)
        with pytest.raises(VsebenchError, match="cannot write"):
            pack(study)
    assert not (study / RUNS).exists()
    assert len(Store(study).runs()) == 5
    pack(study)
    remove_packed(study, study)
    save(study, make_record(make_spec("max")), make_curve([100]))
    Store(study).directory_for(make_spec("max")).write_ranks(np.ones(2), np.ones(2), np.arange(2))
    with monkeypatch.context() as patched:
        write = files.write_bytes
        patched.setattr(
            packing.files,
            "write_bytes",
            lambda path, content: (refuse if path.name == RUNS else write)(path, content),
        )
        with pytest.raises(VsebenchError, match="cannot write"):
            pack(study)
    assert len(Store(study).runs()) == 6
    for run in Store(study).runs():
        assert run.read_record() is not None
        assert run.path == path_of(study, FAILED) or len(run.read_ranks()) == 2


def test_packing_again_takes_up_what_lies_beside(study: Path, tmp_path: Path) -> None:
    late = make_spec("max")
    save(study, make_record(late), make_curve([100]))
    Store(study).note_plan([late.run_id])
    expected = tree(study)
    aside = tmp_path / "aside"
    shutil.move(path_of(study, late), aside)
    pack(study)
    remove_packed(study, study)
    assert [path.name for path in study.iterdir() if path.suffix] == [RUNS, ARRAYS]
    shutil.move(aside, path_of(study, late))
    assert pack(study).runs == 6
    unpack(study, tmp_path / "back")
    assert whole_tree(tmp_path / "back") == expected


def test_a_pack_never_loses_the_runs_of_the_one_before(study: Path, tmp_path: Path) -> None:
    pack(study, tmp_path / "pack")
    other = tmp_path / "other"
    save(other, make_record(make_spec("max")), make_curve([100]))
    before = packed_bytes(tmp_path / "pack")
    with pytest.raises(
        VsebenchError, match=r"would lose 5 runs \(.*, …\), not among those to pack"
    ):
        pack(other, tmp_path / "pack")
    assert packed_bytes(tmp_path / "pack") == before


def test_what_is_not_packed_is_listed_and_stays(study: Path) -> None:
    assert {name: len(sizes) for name, sizes in left_out(study).items()} == {
        "checkpoint.pt": 4,
        "spec.json": 5,
        "best.safetensors": 4,
        "run.log": 4,
    }
    kept = whole_tree(study).keys() - tree(study).keys()
    pack(study)
    assert remove_packed(study, study) == 4 * 5 + 1 + 1
    assert whole_tree(study).keys() == kept | {RUNS, ARRAYS}
    assert remove_packed(study, study) == 0


def test_folders_that_are_empty_go(tmp_path: Path) -> None:
    study = make_annotation_study(tmp_path / "study")
    for path in study.rglob("spec.json"):
        path.unlink()
    pack(study)
    remove_packed(study, study)
    assert [path.name for path in study.iterdir()] == [RUNS]


def test_nothing_is_removed_that_the_pack_does_not_give_back(study: Path) -> None:
    pack(study)
    directory = Store(study).directory_for(SPECS[2])
    directory.write_ranks(np.zeros(20), np.zeros(100), np.zeros(100))
    before = whole_tree(study)
    with pytest.raises(VsebenchError, match=r"ranks\.npz has changed since it was packed"):
        remove_packed(study, study)
    assert whole_tree(study) == before
    pack(study)
    arrays = (study / ARRAYS).read_bytes()
    (study / ARRAYS).write_bytes(arrays[:300] + bytes(40) + arrays[340:])
    with pytest.raises(VsebenchError, match="damaged"):
        remove_packed(study, study)
    assert tree(study).keys() <= whole_tree(study).keys()


def test_unpacking_twice_writes_nothing_and_overwrites_nothing(study: Path) -> None:
    pack(study)
    times = {path: path.stat().st_mtime_ns for path in study.rglob("*")}
    unpack(study)
    assert {path: path.stat().st_mtime_ns for path in study.rglob("*")} == times
    path = path_of(study, SPECS[1]) / "record.json"
    path.write_text("mine")
    path_of(study, SPECS[0]).joinpath("done").unlink()
    with pytest.raises(VsebenchError, match=rf"{path} is not what the pack holds of it"):
        unpack(study)
    assert path.read_text() == "mine"
    assert not path_of(study, SPECS[0]).joinpath("done").exists()


def test_a_plan_that_goes_on_is_kept(study: Path) -> None:
    pack(study)
    Store(study).note_plan(["later"])
    unpack(study)
    assert Store(study).noted().run_ids[-1] == "later"


@pytest.mark.parametrize("name", ["../outside", "..", "a/b", "", "a\\b"])
def test_a_pack_writes_nowhere_else(study: Path, name: str) -> None:
    pack(study)
    lines = gzip.decompress((study / RUNS).read_bytes()).split(b"\n")
    line = json.loads(lines[1]) | {"run": name}
    lines[1] = json.dumps(line).encode()
    (study / RUNS).write_bytes(gzip.compress(b"\n".join(lines)))
    with pytest.raises(VsebenchError, match=r"runs\.jsonl\.gz is damaged"):
        unpack(study, study.parent / "back")
    assert not (study.parent / "back").exists()
