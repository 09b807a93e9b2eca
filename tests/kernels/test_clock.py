from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

from vsebench.kernels import clock as module
from vsebench.kernels.clock import Clock, on_cpu


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time, for a test to set."""
    moment = [100.0]
    clocks = SimpleNamespace(
        perf_counter=lambda: moment[0],
        process_time=lambda: moment[0] / 2,  # half of the time another process has the core
    )
    monkeypatch.setattr(module, "time", clocks)
    return moment


def both(**seconds: float) -> dict[str, float]:
    """Wall seconds with the CPU seconds that go with them."""
    return seconds | {on_cpu(phase): value / 2 for phase, value in seconds.items()}


def test_each_phase_has_its_seconds_and_those_of_phases_within_it(now: list[float]) -> None:
    clock = Clock(torch.device("cpu"), ("train", "refresh", "mining"))
    with clock.measure("train"):
        now[0] += 2
        with clock.measure("refresh"):
            now[0] += 3
    now[0] += 1000
    with clock.measure("train"):
        now[0] += 5
    assert clock.read() == both(train=10, refresh=3, mining=0)
    assert clock.read() == clock.seconds == both(train=10, refresh=3, mining=0)


def test_what_raises_has_taken_its_time(now: list[float]) -> None:
    clock = Clock(torch.device("cpu"), ("train",))

    def failing() -> None:
        with clock.measure("train"):
            now[0] += 2
            raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        failing()
    assert clock.read() == both(train=2)


def test_seconds_move_at_most_all_of_them(now: list[float]) -> None:
    clock = Clock(torch.device("cpu"), ("update", "sampling"))
    with clock.measure("update"):
        now[0] += 4
    clock.move(1, "update", "sampling")
    assert clock.seconds == {"update": 3, "sampling": 1, "update cpu": 1, "sampling cpu": 1}
    clock.move(9, "update", "sampling")
    assert clock.seconds == {"update": 0, "sampling": 4, "update cpu": 0, "sampling cpu": 2}


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_on_cuda_the_time_is_the_streams() -> None:
    device = torch.device("cuda")
    clock = Clock(device, ("outer", "inner"))
    matrix = torch.randn(2048, 2048, device=device)
    with clock.measure("outer"), clock.measure("inner"):
        for _ in range(20):
            matrix = (matrix @ matrix).tanh()
    found = clock.read()
    assert 0 < found["inner"] <= found["outer"]
