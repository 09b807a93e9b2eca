from __future__ import annotations

import json
import os
import subprocess
import sys
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import torch

from benchmarks.soak import compare
from benchmarks.soak.blows import KINDS, blows
from benchmarks.soak.flips import files_of_runs, flip
from benchmarks.soak.grid import Driver
from benchmarks.soak.processes import MARK, own, send
from benchmarks.soak.report import to_markdown
from tests.factories import make_curve, make_record, make_spec, metrics, save
from vsebench.results.folder.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "results" / "reliability"

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs Linux")


def made(out: Path, value: float = 300.0, seeds: tuple[int, ...] = (0, 1)) -> Path:
    for seed in seeds:
        spec = make_spec(seed=seed)
        run = Store(out).directory_for(spec)
        run.path.mkdir(parents=True)
        run.write_best({"weight": torch.full((3,), float(seed))})
        run.write_vocabulary("dog\n")
        record = make_record(spec, test=metrics(value + seed))
        save(out, record, make_curve([100.0, 200.0]))
    return out


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    """A process that carries a mark."""
    with subprocess.Popen(["sleep", "60"], env={**os.environ, MARK: "mine"}) as process:
        yield process
        process.kill()


def test_the_same_seed_deals_the_same_blows() -> None:
    first, again, other = (list(islice(blows(seed), 400)) for seed in (3, 3, 4))
    assert first == again != other
    assert {blow.kind for blow in first} == set(KINDS)


def test_only_what_carries_the_mark_is_signalled(sleeper: subprocess.Popen[bytes]) -> None:
    assert [process.pid for process in own("mine")] == [sleeper.pid]
    (process,) = own("mine")
    assert not own("another")
    assert not send(process, "another", 9)
    assert sleeper.poll() is None
    assert send(process, "mine", 9)
    assert sleeper.wait() == -9


def test_a_run_counts_as_sealed_while_its_seal_and_record_are_whole(tmp_path: Path) -> None:
    out = made(tmp_path, seeds=(0, 1, 2))
    paths = sorted(run.parent for run in out.glob("*/done"))
    assert sorted(name for name, _ in compare.sealed(out)) == [path.name for path in paths]
    marker = (paths[0] / "done").read_bytes()
    (paths[0] / "done").write_bytes(b"\xf4" + marker)
    record = (paths[1] / "record.json").read_bytes()
    (paths[1] / "record.json").write_bytes(record.replace(b"300", b"301"))
    (paths[2] / "record.json").unlink()
    assert [name for name, _ in compare.sealed(out)] == [paths[0].name]


def test_what_is_lost_doubled_or_wrong_is_found(tmp_path: Path) -> None:
    reference, same = made(tmp_path / "reference"), made(tmp_path / "same")
    for look in (compare.lost, compare.doubled, compare.wrong):
        assert look(same, reference) == []
    assert compare.refused(same) == []
    fewer = made(tmp_path / "fewer", seeds=(0,))
    assert [line.split(": ")[1] for line in compare.lost(fewer, reference)] == [
        "there is no such run"
    ]
    assert len(compare.doubled(reference, fewer)) == 1
    assert len(compare.wrong(made(tmp_path / "other", 301.0), reference)) == 2


def test_a_flipped_bit_is_refused_and_not_wrong(tmp_path: Path) -> None:
    reference, out = made(tmp_path / "reference"), made(tmp_path / "out")
    (path,) = [path for path in files_of_runs(out) if "seed0" in str(path) and path.stem == "curve"]
    before = path.stat().st_mtime_ns
    assert flip([path], 0.0, 0.5, keep_time=True) == path
    assert path.stat().st_mtime_ns == before
    assert not compare.wrong(out, reference)
    assert [line.split(": ")[1] for line in compare.refused(out)] == ["curve.jsonl"]


GROWS = """
import subprocess, sys
sleep = [sys.executable, "-c", "import time; time.sleep(60)", "vsebench.grid.worker"]
child, kept = subprocess.Popen(sleep), []
print("ready", flush=True)
for line in sys.stdin:
    if line == "grow\\n":
        kept.append(b"1" * (48 << 20))
    elif line == "end\\n":
        child.kill()
        child.wait()
    print("ready", flush=True)
"""


def test_memory_counts_while_a_command_executes_runs(tmp_path: Path) -> None:
    """It imports what makes a table when no process of a run is left."""
    growth = []
    with subprocess.Popen(
        [sys.executable, "-c", GROWS], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        driver = Driver(process, tmp_path / "said", tmp_path, done_before=0)
        for number, order in enumerate((b"wait", b"wait", b"wait", b"grow", b"end", b"grow")):
            assert process.stdout.readline() == b"ready\n"
            (tmp_path / str(number)).mkdir()
            (tmp_path / str(number) / "done").touch()
            driver.look()
            growth.append(driver.growth_mb)
            process.stdin.write(order + b"\n")
            process.stdin.flush()
        process.stdin.close()
    assert growth[:3] == [None] * 3
    assert growth[4] == pytest.approx(48, abs=4)
    assert growth[5] == growth[4]


def test_the_committed_report_is_that_of_the_committed_figures() -> None:
    found = json.loads((RESULTS / "soak.json").read_text(encoding="utf-8"))
    assert (RESULTS / "soak.md").read_text(encoding="utf-8") == to_markdown(found)
    assert not any(found["findings"].values())


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_half_a_minute_of_blows(tmp_path: Path) -> None:
    grid = ("--pooling", "mean,gpo", "--loss", "triplet,aoq", "--seeds", "0-1")
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.soak", "--minutes", "0.5", *grid, "--out", tmp_path],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads((tmp_path / "soak.json").read_text())
    assert found["runs_checked"] >= 8
    assert sum(found["befell"].values()) > 0
