"""What only a CUDA device can show."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch

from vsebench.plugin import Key, Progress
from vsebench.plugin.host.loader import load_plugins
from vsebench.results.folder.store import Store
from vsebench.results.observers import Observers
from vsebench.retrieval.training import loop
from vsebench.retrieval.training.session import prepare
from vsebench.retrieval.training.state import Start
from vsebench.retrieval.training.step import Streams, Totals
from vsebench.retrieval.training.train import train

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from vsebench.results.spec import RunSpec

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
]


def test_a_step_never_makes_the_host_wait(
    plan_runs: Callable[..., tuple[RunSpec, ...]], tmp_path: Path
) -> None:
    (spec,) = plan_runs(device="cuda", pooling="gpo")
    directory = Store(tmp_path).directory_for(spec)
    directory.write_spec(spec)
    observers = Observers.of(spec, directory.path)
    session = prepare(Start(spec, directory, load_plugins().registry, observers))
    order = loop._order(session, 0, Key(0))
    streams = Streams(Key(0, "a").generator(), Key(0, "b").generator())

    def step(number: int) -> None:
        batch = loop._batch(
            session,
            order[number * 32 : (number + 1) * 32],
            Progress(0, number, 54),
            streams,
            Key(0, "c").generator(),
        )
        session.stepper.step(batch, Totals())

    step(0)  # allocations and cuDNN's choice of algorithms wait
    torch.cuda.set_sync_debug_mode("error")
    try:
        for number in (1, 2):
            step(number)
    finally:
        torch.cuda.set_sync_debug_mode("default")


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_cuda_learns_what_the_cpu_learns(
    plan_runs: Callable[..., tuple[RunSpec, ...]], tmp_path: Path, precision: str
) -> None:
    results = {}
    for device in ("cpu", "cuda"):
        (spec,) = plan_runs(
            device=device,
            pooling="gpo",
            set={"precision": precision if device == "cuda" else "fp32"},
        )
        directory = Store(tmp_path).directory_for(spec)
        directory.write_spec(spec)
        results[device] = train(spec, directory, lambda event: None).test["rsum"]
    assert results["cuda"] == pytest.approx(results["cpu"], rel=0.1)
