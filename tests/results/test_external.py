"""External rows in packs: given back to the byte, and read as those of a folder are."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING

import numpy as np
import pytest

from tests.factories import make_curve, make_external, make_record, make_spec, save
from tests.results.studies import whole_tree
from vsebench.plugin.errors import VsebenchError
from vsebench.results.external import read_external, write_external
from vsebench.results.packs.format import ARRAYS, RUNS
from vsebench.results.packs.pack import unpack
from vsebench.results.packs.packing import pack, remove_packed

if TYPE_CHECKING:
    from pathlib import Path

RANKS = (np.arange(20, dtype=np.int32), np.arange(100, dtype=np.int32) % 7)
CLIP, OTHER = make_external("CLIP ± 1_b"), make_external("λ = {", rsum=100.0)


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """A run and two external rows."""
    save(tmp_path / "study", make_record(make_spec()), make_curve([100, 200]))
    for row in (CLIP, OTHER):
        write_external(tmp_path / "study", row, RANKS)
    return tmp_path / "study"


def external_tree(folder: Path) -> dict[str, bytes]:
    found = whole_tree(folder / "external")
    assert len(found) == 4
    return found


def test_they_come_back_to_the_byte(study: Path, tmp_path: Path) -> None:
    assert pack(study, tmp_path / "pack").external == 2
    assert sorted(path.name for path in (tmp_path / "pack").iterdir()) == [RUNS, ARRAYS]
    assert read_external(tmp_path / "pack") == read_external(study) == (CLIP, OTHER)
    assert unpack(tmp_path / "pack", tmp_path / "back") == 1
    assert external_tree(tmp_path / "back") == external_tree(study)


def test_any_tool_reads_them(study: Path) -> None:
    pack(study)
    with gzip.open(study / RUNS, "rt", encoding="utf-8") as file:
        first = json.loads(file.readlines()[0])
    (place,) = [row["run"] for row in first["external"] if row["run_id"] == CLIP.row_id]
    (row,) = [row["files"]["row.json"] for row in first["external"] if row["run"] == place]
    (held,) = [row["arrays"]["ranks.npz"] for row in first["external"] if row["run"] == place]
    assert row["name"] == "CLIP ± 1_b"
    with np.load(study / ARRAYS) as arrays:
        table, at = held["t2i"]
        assert np.array_equal(arrays[table][at], RANKS[1])


def test_what_the_pack_gives_back_is_removed_and_packed_again(study: Path) -> None:
    before = external_tree(study)
    pack(study)
    remove_packed(study, study)
    assert not (study / "external").exists()
    assert [row.name for row in read_external(study)] == [CLIP.name, OTHER.name]
    write_external(study, make_external("third"), RANKS)
    assert pack(study).external == 3
    remove_packed(study, study)
    unpack(study)
    after = whole_tree(study / "external")
    assert {path: after[path] for path in before} == before
    assert len(after) == 6


def test_one_that_is_in_both_counts_once_and_a_changed_one_is_kept(study: Path) -> None:
    pack(study)
    assert len(read_external(study)) == 2
    (path,) = (study / "external").glob("clip*/row.json")
    path.write_text(path.read_text().replace("add-row images", "add-row  images"))
    with pytest.raises(VsebenchError, match=r"row\.json has changed since it was packed"):
        remove_packed(study, study)
    with pytest.raises(VsebenchError, match=r"row\.json is not what the pack holds"):
        unpack(study)


def test_a_pack_never_loses_one(study: Path, tmp_path: Path) -> None:
    pack(study, tmp_path / "pack")
    (folder,) = (study / "external").glob("clip*")
    for path in folder.iterdir():
        path.unlink()
    with pytest.raises(VsebenchError, match=r"would lose 1 run \(clip-1-b-\w+\), not among"):
        pack(study, tmp_path / "pack")


def test_a_name_is_taken_by_a_packed_row_too(study: Path) -> None:
    pack(study)
    remove_packed(study, study)
    with pytest.raises(VsebenchError, match="choose another --name, or unpack and delete"):
        write_external(study, make_external(CLIP.name, scored="cosines"), RANKS)


@pytest.mark.parametrize("place", ["external/../x", "external", "x/y", "external/a/b"])
def test_a_pack_writes_nowhere_else(study: Path, place: str) -> None:
    pack(study)
    lines = gzip.decompress((study / RUNS).read_bytes()).split(b"\n")
    first = json.loads(lines[0])
    first["external"][0]["run"] = place
    changed = b"\n".join([json.dumps(first).encode(), *lines[1:]])
    (study / RUNS).write_bytes(gzip.compress(changed))
    with pytest.raises(VsebenchError, match="is damaged"):
        unpack(study)


def test_a_changed_row_in_a_pack_is_damaged(study: Path) -> None:
    pack(study)
    remove_packed(study, study)
    text = gzip.decompress((study / RUNS).read_bytes())
    (study / RUNS).write_bytes(gzip.compress(text.replace(b"CLIP ", b"CLAP ")))
    with pytest.raises(VsebenchError, match=r"row\.json of run external/clip.* is damaged"):
        read_external(study)
