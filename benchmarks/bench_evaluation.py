"""`vsebench.retrieval.evaluate` against the published procedure: a float64 product and one argsort
per query.
"""

from __future__ import annotations

import subprocess
import sys
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

from tests.oracles.ranking import published_ranks
from vsebench.kernels.gemm import true_float32
from vsebench.retrieval import evaluate

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.conftest import Compare

WIDTH = 1024
SIZES = [pytest.param(1000, id="1k"), pytest.param(5000, id="5k", marks=pytest.mark.slow)]


def embeddings(images: int, signal: float = 0.5) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Unit rows, five captions per image; `signal` 0.5 gives the recalls of a good model, 0 those
    of an untrained one.
    """
    rng = np.random.default_rng(0)
    owner = np.repeat(np.arange(images), 5)
    image = _unit(rng.standard_normal((images, WIDTH), dtype=np.float32))
    text = rng.standard_normal((len(owner), WIDTH), dtype=np.float32)
    text *= 2.5 / WIDTH**0.5
    for start in range(0, len(owner), 1000):
        text[start : start + 1000] += signal * image[owner[start : start + 1000]]
    return image, _unit(text), owner


def _unit(rows: np.ndarray) -> np.ndarray:
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return rows


@pytest.mark.parametrize("images", SIZES)
@pytest.mark.parametrize("signal", [0.5, 0.0], ids=["trained", "untrained"])
def test_evaluate(images: int, signal: float, benchmark: Any, compare: Compare) -> None:
    image, text, owner = embeddings(images, signal)
    metrics = evaluate(image, text, owner)
    i2t, t2i = published_ranks(image, text)
    assert metrics.i2t_ranks.tolist() == i2t.tolist()
    assert metrics.t2i_ranks.tolist() == t2i.tolist()
    with true_float32() as route:
        benchmark.extra_info["matmul"] = route
    compare(
        benchmark,
        partial(evaluate, image, text, owner),
        partial(published_ranks, image, text),
        rounds=5 if images == 1000 else 3,
    )


@pytest.mark.parametrize("images", SIZES)
def test_product_alone(images: int, benchmark: Any, compare: Compare) -> None:
    """The floor: fp32 products of the same tiles, against the whole evaluation."""
    image, text, owner = embeddings(images)
    rows, columns = torch.from_numpy(image), torch.from_numpy(text)
    tile = torch.empty(512, 4096)

    def product() -> None:
        with true_float32():
            for right in columns.split(4096):
                for left in rows.split(512):
                    torch.mm(
                        left,
                        right.T,
                        out=tile.view(-1)[: len(left) * len(right)].view(len(left), len(right)),
                    )

    compare(
        benchmark, product, partial(evaluate, image, text, owner), rounds=5 if images == 1000 else 3
    )


_MEASURE = """
import ctypes, pathlib, sys
import numpy as np, torch
from vsebench.retrieval import evaluate, ranks

def resident(name):  # ru_maxrss would begin with the memory of the parent process
    status = pathlib.Path("/proc/self/status").read_text()
    (line,) = (line for line in status.splitlines() if line.startswith(name))
    return int(line.split()[1]) / 1024

torch.set_num_threads(1)
image, text, owner = (np.load(f"{sys.argv[1]}/{name}.npy") for name in ("image", "text", "owner"))
# loads the libraries that the large call uses, which are not part of its memory
ranks._COMPILE_FROM = 0
evaluate(image[:100], text[:500], owner[:500])
# memory that the allocator keeps would hide what is allocated from it
ctypes.CDLL(None).malloc_trim(0)
pathlib.Path("/proc/self/clear_refs").write_text("5")  # the peak begins here
before = resident("VmRSS")
evaluate(image, text, owner)
print(resident("VmHWM") - before)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("kind", ["trained", "untrained", "collapsed", "nearly collapsed"])
def test_peak_memory(kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """MiB of resident memory beyond inputs and libraries, in a process of its own."""
    image, text, owner = embeddings(5000, 0.5 if kind == "trained" else 0.0)
    if "collapsed" in kind:
        noise = np.float32(1e-8 if kind == "nearly collapsed" else 0)
        same = image[:1].copy()
        image, text = same + noise * image, same + noise * text
    for name, array in (("image", image), ("text", text), ("owner", owner)):
        np.save(tmp_path / f"{name}.npy", array)
    measured = subprocess.run(
        [sys.executable, "-c", _MEASURE, str(tmp_path)], check=True, capture_output=True, text=True
    ).stdout
    with capsys.disabled():
        print(
            f"\npeak memory of evaluate on 5,000 x 25,000 x {WIDTH}, {kind}: "
            f"{float(measured):.0f} MiB beyond its inputs"
        )
    assert float(measured) < 100
