"""Finished runs that may be read and not written, and files that may not be read: as another user,
or as root without the right to pass over permissions.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from tests.factories import make_curve, make_record, make_spec, metrics, save
from vsebench.results.folder.store import Store
from vsebench.results.packs.packing import pack

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MAIN = """
import shlex, sys
from vsebench.cli.app import main
for line in sys.argv[1:]:
    try:
        main(shlex.split(line))
    except SystemExit as end:
        print("exit code", end.code, file=sys.stderr, flush=True)
"""
PLAIN = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"]

pytestmark = pytest.mark.skipif(
    os.geteuid() == 0 and shutil.which("setpriv") is None, reason="needs setpriv, as root"
)


def said(*lines: str) -> list[str]:
    """What each command ends with on standard error, its exit code last."""
    done = subprocess.run(
        [*(PLAIN if os.geteuid() == 0 else []), sys.executable, "-c", MAIN, *lines],
        capture_output=True,
        text=True,
    )
    assert "Traceback" not in done.stderr
    *found, rest = done.stderr.split("exit code ")
    codes = [*(text.split("\n", 1)[0] for text in found[1:]), rest.strip()]
    texts = [found[0], *(text.split("\n", 1)[1] for text in found[1:])]
    return [f"{text}{code}" for text, code in zip(texts, codes, strict=True)]


@pytest.fixture
def runs(tmp_path: Path) -> Iterator[Path]:
    """Two finished runs that may not be written."""
    out = tmp_path / "runs"
    for pooling, value in (("mean", 200.0), ("max", 230.0)):
        spec = make_spec(pooling)
        run = Store(out).directory_for(spec)
        run.path.mkdir(parents=True)
        run.write_ranks(np.zeros(20), np.zeros(100), np.arange(100) // 5)
        run.write_best({"weight": torch.rand(3)})
        save(out, make_record(spec, test=metrics(value)), make_curve([90.0, 100.0]))
    Store(out).note_plan([])
    for path in (*out.rglob("*"), out):
        path.chmod(0o555 if path.is_dir() else 0o444)
    yield out
    for path in (out, *out.rglob("*")):
        path.chmod(0o755)


def test_a_finished_read_only_folder_is_read(runs: Path, tmp_path: Path) -> None:
    texts = said(
        f"report {runs}",
        f"compare {runs} --to mean,triplet",
        f"runs {runs}",
        f"leaderboard {runs}",
        f"pack {runs} --out {tmp_path / 'packed'}",
        f"pack {runs}",
    )
    assert [text[-1] for text in texts] == ["0", "0", "0", "0", "0", "2"]
    assert f"cannot write {runs}/runs." in texts[-1]
    assert "Permission denied; fix its permissions or choose another folder" in texts[-1]


@pytest.mark.parametrize("name", ["record.json", "curve.jsonl", "ranks.npz", "done"])
def test_a_file_that_may_not_be_read_is_named_as_that(
    runs: Path, tmp_path: Path, name: str
) -> None:
    path = next(runs.glob(f"*mean*/{name}"))
    path.chmod(0o000)
    (text,) = said(f"pack {runs} --out {tmp_path / 'packed'}")
    assert text == f"vsebench: error: {path} may not be read: fix its permissions\n2"


def test_weights_and_packs_that_may_not_be_read(runs: Path, tmp_path: Path) -> None:
    pack(runs, tmp_path / "packed")
    best, packed = next(runs.glob("*/best.safetensors")), tmp_path / "packed" / "runs.jsonl.gz"
    best.chmod(0o000)
    packed.chmod(0o000)
    texts = said(f"export {best.parent} --to {tmp_path / 'model'}", f"report {packed.parent}")
    packed.chmod(0o644)
    for text, path in zip(texts, (best, packed), strict=True):
        assert text == f"vsebench: error: {path} may not be read: fix its permissions\n2"
