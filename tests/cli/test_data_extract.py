from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from tests.tiny_vision import write_image_set, write_vision
from vsebench.data.feature_table import open_table

REAL = Path(os.environ.get("VSEBENCH_DATA") or Path(__file__).parents[3] / "shared" / "data")
MOBILENET = REAL.parent / "models" / "mobilenet_v2_1.0_224"


@pytest.fixture
def world(tmp_path, monkeypatch):
    monkeypatch.setenv("VSEBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    write_image_set(tmp_path / "precomp", (20, 4, 4))
    write_vision(tmp_path / "resnet", "resnet")
    return tmp_path


EXTRACT = (
    "data",
    "extract",
    "--images",
    "precomp/images",
    "--model",
    "resnet",
    "--size",
    "32",
    "--batch",
    "8",
    "--device",
    "cpu",
    "--threads",
    "1",
)


def test_from_images_to_a_run_on_the_table(world, answer):
    code, out, err = answer(*EXTRACT, "--out", "table")
    assert (code, out.splitlines()[0]) == (
        0,
        "table: 28 × 4 × 16 features of resnet at 32 pixels, float16",
    )
    assert "verified: 28 of 28 images" in err
    assert "extracted: 28 of 28 images" in err
    assert len(open_table(world / "table").names) == 28
    settings = {
        "embed_dim": 8,
        "word_dim": 6,
        "batch_size": 10,
        "epochs": 1,
        "image_encoder": "grid",
    }
    options = [part for key, value in settings.items() for part in ("--set", f"{key}={value}")]
    dataset = ("--dataset", "precomp:features=table", "--data-root", str(world))
    code, out, err = answer(
        "run",
        *dataset,
        "--pooling",
        "mean",
        "--loss",
        "triplet",
        "--protocol",
        "quick",
        *options,
        "--workers",
        "1",
        "--quiet",
    )
    assert code == 0, err
    assert "precomp:features=table" in out


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            ("--images", "nowhere"),
            "nowhere does not exist: images are taken from a folder or an uncompressed tar file",
        ),
        (("--images", "resnet"), "resnet holds no image"),
        (("--model", "./nowhere"), "there is no folder ./nowhere"),
        (("--out", "precomp"), "precomp exists and is no feature table: choose another --out"),
        (("--size", "-1"), "invalid value for '--size'"),
    ],
)
def test_a_wrong_request_is_refused_in_one_line(world, answer, changes, message):
    code, out, err = answer(*EXTRACT, "--out", "table", *changes, "--quiet")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert err.startswith("vsebench: error: ")
    assert message in err
    assert not (world / "table").exists()


@pytest.mark.slow
def test_killed_by_the_system_it_goes_on_to_the_same_bytes(world, answer):
    answer(*EXTRACT, "--out", "whole", "--batch", "1", "--quiet")
    command = [sys.executable, "-m", "vsebench", *EXTRACT, "--out", "killed", "--batch", "1"]
    features = world / ".killed.unfinished" / "features.npy"
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    while process.poll() is None and not (features.exists() and features.stat().st_size > 600):
        time.sleep(0.001)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert process.returncode == -signal.SIGKILL
    assert not (world / "killed").exists()
    assert subprocess.run(command, stderr=subprocess.DEVNULL).returncode == 0
    for file in ("features.npy", "images.txt", "table.json"):
        assert (world / "killed" / file).read_bytes() == (world / "whole" / file).read_bytes()


@pytest.mark.data
@pytest.mark.slow
@pytest.mark.timeout(600)
def test_real_images_through_a_real_model(world, answer):
    """The given table was made of the same model from the full photographs: like images are alike
    in both, cell by cell.
    """
    sample = REAL / "flickr8k" / "images_sample"
    if not sample.is_dir() or not MOBILENET.is_dir():
        pytest.skip(
            f"needs {sample} and {MOBILENET}: set VSEBENCH_DATA to the folder that holds "
            "flickr8k/, with models/ beside it"
        )
    code, _, err = answer(
        "data",
        "extract",
        "--images",
        str(sample),
        "--model",
        str(MOBILENET),
        "--out",
        "real",
        "--device",
        "cpu",
        "--threads",
        "1",
        "--quiet",
    )
    assert code == 0, err
    ours = open_table(world / "real")
    assert ours.features.shape == (300, 49, 1280)
    rows = {
        name: i
        for i, name in enumerate((REAL / "flickr8k" / "grid7x7_images.txt").read_text().split())
    }
    given = np.load(REAL / "flickr8k" / "grid7x7_pca256_int8.npy", mmap_mode="r")[
        [rows[name] for name in ours.names]
    ].astype(np.float32)
    given *= np.load(REAL / "flickr8k" / "grid7x7_pca256_scale.npy")
    roots = np.sqrt(np.asarray(ours.features, np.float32))
    roots -= roots.mean((0, 1))
    # Gram matrices of one cell agree, those of opposite corners do not
    for cell, place in (
        (0, 0),
        (6, 6),
        (24, 24),
        (6, 42),
    ):
        mine, theirs = roots[:, cell] @ roots[:, cell].T, given[:, place] @ given[:, place].T
        assert (np.corrcoef(mine.ravel(), theirs.ravel())[0, 1] > 0.75) == (cell == place)
