"""One bit that is not what was written, anywhere in a run's files: refused, or harmless."""

from __future__ import annotations

import random
import shutil
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from tests.factories import make_curve, make_record, make_spec, save
from vsebench.plugin import OfflineLists, VsebenchError
from vsebench.results.folder.directory import RunDirectory
from vsebench.results.folder.noted import Noted
from vsebench.results.folder.store import Store
from vsebench.results.reader import DamagedError
from vsebench.retrieval.training.first_round import StoredLists

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

FLIPS = 250
SPEC = make_spec("gpo", "aoq:h=5", 2)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run, with everything that there is while it trains."""
    out, rng = tmp_path_factory.mktemp("made"), np.random.default_rng(0)
    directory = Store(out).directory_for(SPEC)
    directory.write_spec(SPEC)
    for point in make_curve([100, 200]):
        directory.append_evaluation(point)
    directory.write_checkpoint({"state": {"step": 7}, "model": {"weight": torch.rand(4, 3)}})
    lists = OfflineLists(*(rng.integers(99, size=(6, 4), dtype=np.int32) for _ in "ab"))
    StoredLists(lists, 1.5).save(directory.offline_path)
    directory.write_ranks(rng.integers(0, 9, 20), rng.integers(0, 9, 100), np.arange(100) // 5)
    directory.write_per_image({"image": np.arange(9), "map": rng.random(9)})
    directory.write_best({"weight": torch.rand(4, 3)})
    save(out, make_record(SPEC), make_curve([100, 200])[:0])
    directory.write_record(make_record(SPEC, steps=20))
    return directory.path


@pytest.fixture
def run(made: Path, tmp_path: Path) -> RunDirectory:
    return RunDirectory(shutil.copytree(made, tmp_path / made.name))


def record(run: RunDirectory) -> object:
    return run.read_record()


def curve(run: RunDirectory) -> object:
    found = run.read_record()
    assert found is not None
    return run.read_whole_curve(found)


def everything(run: RunDirectory) -> object:
    return record(run), curve(run)


def arrays(name: str) -> Callable[[RunDirectory], object]:
    return lambda run: plain(run.read_arrays(name))


def best(run: RunDirectory) -> object:
    run.check_best()
    return plain(load_file(run.best_path))


def checkpoint(run: RunDirectory) -> object:
    content = run.read_checkpoint(["state", "model"])
    if content is None:
        raise DamagedError("", "", "")
    return plain(content["state"]), plain(content["model"]), run.read_curve()


def offline(run: RunDirectory) -> object:
    try:
        found = StoredLists.load(run.offline_path)
    except (ValueError, KeyError) as error:
        raise DamagedError("", "", "") from error
    return plain({"texts": found.lists.texts, "images": found.lists.images}), found.seconds


def plain(tensors: dict[str, Any]) -> dict[str, object]:
    return {name: np.asarray(value).tolist() for name, value in tensors.items()}


@pytest.mark.parametrize(
    ("name", "read"),
    [
        ("record.json", record),
        ("curve.jsonl", curve),
        ("done", everything),
        ("ranks.npz", arrays("ranks.npz")),
        ("per_image.npz", arrays("per_image.npz")),
        ("best.safetensors", best),
        ("checkpoint.pt", checkpoint),
        ("offline.npz", offline),
    ],
)
def test_one_bit_is_refused_or_changes_nothing(
    run: RunDirectory, name: str, read: Callable[[RunDirectory], object]
) -> None:
    if name == "checkpoint.pt":
        (run.path / "done").unlink()
    path, rng = run.path / name, random.Random(name)
    whole, expected = path.read_bytes(), read(run)
    refused = 0
    for position in rng.choices(range(8 * len(whole)), k=FLIPS):
        flipped = bytearray(whole)
        flipped[position // 8] ^= 1 << position % 8
        path.write_bytes(flipped)
        try:
            found = read(run)
        except VsebenchError:
            refused += 1
        else:
            assert found == expected, f"bit {position}"
    assert refused > FLIPS / 3


def test_one_bit_of_the_curve_of_a_run_that_is_resumed_changes_nothing(run: RunDirectory) -> None:
    """It is put back from the checkpoint."""
    (run.path / "done").unlink()
    path, rng, expected = run.path / "curve.jsonl", random.Random(0), run.read_curve()
    whole = path.read_bytes()
    for position in rng.choices(range(8 * len(whole)), k=FLIPS):
        flipped = bytearray(whole)
        flipped[position // 8] ^= 1 << position % 8
        path.write_bytes(flipped)
        assert run.read_checkpoint([]) is not None
        assert run.read_curve() == expected
        assert path.read_bytes() == whole


def test_one_bit_of_the_plan_hides_no_row(tmp_path: Path) -> None:
    rows, support = ["aa11", "bb22", "cc33"], ["dd44"]
    text = Noted().after([*rows, *support], support).text().encode()
    for position in range(8 * len(text)):
        flipped = bytearray(text)
        flipped[position // 8] ^= 1 << position % 8
        (tmp_path / "plan.json").write_bytes(flipped)
        try:
            noted = Store(tmp_path).noted()
        except VsebenchError:
            continue
        assert noted.rows([*rows, *support]) >= set(rows)


@pytest.mark.parametrize("cut", range(1, 20))
def test_a_curve_that_was_cut_off_is_refused(run: RunDirectory, cut: int) -> None:
    """Also where the run does not say what its curve was."""
    path = run.path / "curve.jsonl"
    path.write_bytes(path.read_bytes()[: -20 * cut])
    with pytest.raises(DamagedError, match=r"curve\.jsonl is damaged \(it is not what the run "):
        curve(run)
    (run.path / "done").write_bytes(b"")
    with pytest.raises(DamagedError, match=r"curve\.jsonl is damaged \((it ends at|a finished)"):
        curve(run)


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-5.0", "1e308"])
@pytest.mark.parametrize("key", ["rsum", "i2t_r1"])
def test_a_figure_that_cannot_be_is_refused(run: RunDirectory, key: str, value: str) -> None:
    """Also where the run does not say what its record was."""
    (run.path / "done").write_bytes(b"")
    for name, read in (("record.json", record), ("curve.jsonl", curve)):
        path = run.path / name
        before = path.read_text()
        head, _, tail = before.partition(f'"{key}":')
        number = tail.lstrip().partition(",")[0]
        path.write_text(f'{head}"{key}":{tail.replace(number, value, 1)}')
        with pytest.raises(DamagedError, match=rf"{name} is damaged \(.*{key} is "):
            read(run)
        path.write_text(before)


def test_a_copy_with_another_seed_is_named_as_one(run: RunDirectory) -> None:
    (run.path / "done").write_bytes(b"")
    path = run.path / "record.json"
    path.write_text(path.read_text().replace('"seed": 2', '"seed": 3'))
    with pytest.raises(DamagedError, match=rf"it is a changed copy: its id {SPEC.run_id} is not"):
        run.read_record()


@pytest.mark.parametrize("killed", ["before the record", "after it"])
def test_a_record_that_takes_the_place_of_another_is_never_without_its_marker(
    run: RunDirectory, monkeypatch: pytest.MonkeyPatch, killed: str
) -> None:
    from vsebench import files

    before = run.read_record()
    assert before is not None
    after = before.model_copy(update={"plugin_failures": ("a plugin",)})
    last = {"before the record": "done", "after it": "record.json"}[killed]
    write = files.write_bytes

    def killing(path: Path, content: bytes) -> None:
        write(path, content)
        if path.name == last:
            raise KeyboardInterrupt

    monkeypatch.setattr(files, "write_bytes", killing)
    with pytest.raises(KeyboardInterrupt):
        run.write_record(after)
    assert run.is_done
    assert run.read_record() == (before if killed == "before the record" else after)
    monkeypatch.undo()
    run.write_record(after)
    assert run.read_record() == after


def test_a_run_of_an_older_release_is_read_as_it_was(run: RunDirectory) -> None:
    expected = everything(run)
    (run.path / "done").write_bytes(b"")
    assert run.sums == {}
    assert everything(run) == expected
    run.check_best()


def test_any_tool_checks_the_marker(run: RunDirectory) -> None:
    """`sha256sum --check done`."""
    import hashlib

    lines = (run.path / "done").read_text().splitlines()
    assert sorted(line.partition("  ")[2] for line in lines) == [
        "best.safetensors",
        "curve.jsonl",
        "record.json",
    ]
    for line in lines:
        sum_, _, name = line.partition("  ")
        assert hashlib.sha256((run.path / name).read_bytes()).hexdigest() == sum_


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def test_what_is_flipped_while_a_run_writes_is_not_vouched_for(tmp_path: Path) -> None:
    """Whoever writes the curve knows it, and reads nothing else."""
    directory, points = RunDirectory(tmp_path), make_curve([100, 200, 300])
    assert directory.read_checkpoint(["state"]) is None
    for point in points[:2]:
        directory.append_evaluation(point)
        flip(directory.path / "curve.jsonl")
    directory.write_checkpoint({"state": 1})
    resumed = RunDirectory(tmp_path)
    resumed.read_checkpoint(["state"])
    assert resumed.read_curve() == points[:2]
    resumed.append_evaluation(points[2])
    flip(directory.path / "curve.jsonl")
    assert resumed.read_curve() == points
    resumed.write_best({"weight": torch.rand(3)})
    flip(resumed.best_path)
    resumed.write_record(make_record(steps=30))
    reader = RunDirectory(tmp_path)
    assert reader.read_curve() == points
    with pytest.raises(DamagedError, match=r"best\.safetensors is damaged"):
        reader.check_best()
