"""Generated sets that were damaged in the cache: made again, to the bit."""

from __future__ import annotations

import random
import shutil
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from vsebench.data.annotation.tags import Tags
from vsebench.data.clips import Clips
from vsebench.data.generated import SUMS, ensure_generated
from vsebench.data.scenes import Scenes

if TYPE_CHECKING:
    from pathlib import Path

SETS = {
    "scenes": Scenes(images=4, regions=5, dim=6),
    "clips": Clips(videos=3, frames=4, dim=5),
    "tags": Tags(60, 50, 0.06),
}


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("name", SETS)
def test_one_bit_anywhere_has_the_set_generated_again(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VSEBENCH_CACHE", str(tmp_path / "cache"))
    folder, dataset, rng = tmp_path / name, SETS[name], random.Random(name)
    dataset.load(folder)
    whole = content(folder)
    for file in whole:
        path = folder / file
        position = rng.randrange(8 * len(whole[file]))
        flipped = bytearray(whole[file])
        flipped[position // 8] ^= 1 << position % 8
        path.write_bytes(flipped)
        dataset.load(folder)
        assert content(folder) == whole
        assert content(tmp_path / f"{name}.damaged")[file] == bytes(flipped)


def test_lines_in_another_order_have_the_set_generated_again(tmp_path: Path) -> None:
    found = SETS["scenes"].load(tmp_path / "set").splits["test"].captions
    path = tmp_path / "set" / "test_caps.txt"
    path.write_text("".join(f"{line}\n" for line in found[::-1]))
    assert SETS["scenes"].load(tmp_path / "set").splits["test"].captions == found


def test_a_set_without_checksums_is_generated_again(tmp_path: Path) -> None:
    SETS["scenes"].load(tmp_path / "set")
    before = content(tmp_path / "set")
    (tmp_path / "set" / SUMS).unlink()
    (tmp_path / "set" / "dev_caps.txt").unlink()
    SETS["scenes"].load(tmp_path / "set")
    assert content(tmp_path / "set") == before


def test_processes_that_find_the_same_damage_end_with_one_whole_set(tmp_path: Path) -> None:
    folder = tmp_path / "set"

    def fill(unfinished: Path) -> None:
        (unfinished / "file").write_bytes(b"whole")

    ensure_generated(folder, 1, fill)
    whole = content(folder)
    for _ in range(20):
        (folder / "file").write_bytes(b"other")
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda _: ensure_generated(folder, 1, fill), range(4)))
        assert content(folder) == whole
        shutil.rmtree(tmp_path / "set.damaged")
    assert [path.name for path in tmp_path.iterdir()] == ["set"]
