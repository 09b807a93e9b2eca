"""The memory of `vsebench.retrieval.evaluate`; its time is a figure of `vsebench bench`."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest

from vsebench.bench.figures.made import embeddings

if TYPE_CHECKING:
    from pathlib import Path

WIDTH = 1024

_MEASURE = """
import ctypes, pathlib, sys
import numpy as np, torch
from vsebench.retrieval import evaluate
from vsebench.retrieval.ranking.exact import ranks

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
    image, text, owner = embeddings(5000, WIDTH, 0.5 if kind == "trained" else 0.0)
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
