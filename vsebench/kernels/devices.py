"""Where runs are computed, how many of them at a time, and with how many threads."""

from __future__ import annotations

import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from vsebench.plugin.errors import SpecError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterator

RUNS_ON_DEVICE = "VSEBENCH_RUNS_ON_DEVICE"
"""The environment variable with the largest number of runs that share a run's CUDA device."""

_DEVICES = ("auto", "cpu", "cuda")
_CPUS = Path("/sys/devices/system/cpu")
_QUOTA = Path("/sys/fs/cgroup/cpu.max")


def resolve_device(asked: str) -> Literal["cpu", "cuda"]:
    """The device that runs use: `auto` is CUDA where there is a device, else the CPU.

    Raises:
        SpecError: there is no such device, or CUDA is asked for and PyTorch finds none.
    """
    if asked not in _DEVICES:
        near = "cuda" if asked.lower() == "gpu" else asked
        raise SpecError(f"unknown device '{asked}': {did_you_mean(near, _DEVICES)}")
    if asked == "cpu":
        return "cpu"
    import torch

    if torch.cuda.is_available():
        return "cuda"
    if asked == "cuda":
        raise SpecError(
            "device 'cuda' was asked for and PyTorch finds none: use --device cpu, or install a "
            "PyTorch build that matches the driver"
        )
    return "cpu"


def default_workers(device: Literal["cpu", "cuda"]) -> int:
    """Runs at a time when the suite does not say: one per CUDA device, or one per physical core."""
    return len(cuda_devices()) if device == "cuda" else physical_cores()


def cuda_devices() -> list[str]:
    """The devices that runs may use, as `CUDA_VISIBLE_DEVICES` names them."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible:
        return visible.split(",")
    import torch

    return [str(index) for index in range(torch.cuda.device_count())]


def runs_on_device() -> int:
    """Runs that share this one's CUDA device, at most, itself included."""
    return max(1, int(os.environ.get(RUNS_ON_DEVICE, "1")))


def physical_cores() -> int:
    """Cores that this process may use, hyper-threads counted once and a container's quota
    respected.
    """
    cpus = (
        sorted(os.sched_getaffinity(0))
        if hasattr(os, "sched_getaffinity")
        else list(range(os.cpu_count() or 1))
    )
    siblings = [_CPUS / f"cpu{cpu}" / "topology" / "thread_siblings_list" for cpu in cpus]
    cores = len({path.read_text() if path.exists() else str(path) for path in siblings})
    return max(1, min(cores, _quota(cores)))


def _quota(cores: int) -> int:
    """CPUs' worth of time that the control group grants; `cores` when it sets no limit."""
    quota, _, period = (
        _QUOTA.read_text().strip().partition(" ") if _QUOTA.exists() else ("max", "", "")
    )
    return cores if quota == "max" else int(quota) // int(period)


@contextmanager
def cpu_threads(count: int) -> Iterator[None]:
    """Uses `count` CPU threads of torch inside."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
