"""Reading a pack: as the folder is read, or one line about what is wrong with it."""

from __future__ import annotations

import gzip
import random
import shutil
from typing import TYPE_CHECKING

import numpy as np
import pytest

from tests.factories import make_curve, make_record, make_spec, save
from tests.results.packed import read_all, refusal, rewrite
from tests.results.studies import FAILED, SPECS, path_of, tree, whole_tree
from vsebench.plugin.errors import VsebenchError
from vsebench.results.folder.directory import RunDirectory
from vsebench.results.folder.find import find_runs
from vsebench.results.folder.store import Store
from vsebench.results.packs.format import ARRAYS, RUNS
from vsebench.results.packs.pack import Pack, PackedRun, unpack
from vsebench.results.packs.packing import pack, remove_packed

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.results.packed import Lines


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


def test_a_file_that_is_no_gzip(packed: Path) -> None:
    (packed / RUNS).write_text("{}\n")
    assert f"{packed / RUNS} is damaged" in refusal(lambda: Pack(packed))
    (packed / RUNS).write_bytes(gzip.compress(b""))
    assert f"{packed / RUNS} is damaged" in refusal(lambda: Pack(packed))
