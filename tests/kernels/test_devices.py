"""Cores and devices that runs may use."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from vsebench.kernels import devices
from vsebench.kernels.devices import physical_cores

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("quota", "cores"), [("max 100000", 4), ("200000 100000", 2), ("50000 100000", 1), (None, 4)]
)
def test_hyper_threads_count_once_and_quotas_are_respected(
    quota: str | None, cores: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for cpu in range(8):
        topology = tmp_path / f"cpu{cpu}" / "topology"
        topology.mkdir(parents=True)
        (topology / "thread_siblings_list").write_text(f"{cpu % 4},{cpu % 4 + 4}\n")
    if quota is not None:
        (tmp_path / "cpu.max").write_text(quota + "\n")
    monkeypatch.setattr(devices, "_CPUS", tmp_path)
    monkeypatch.setattr(devices, "_QUOTA", tmp_path / "cpu.max")
    monkeypatch.setattr("os.sched_getaffinity", lambda _: set(range(8)), raising=False)
    assert physical_cores() == cores
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0, 4}, raising=False)
    assert physical_cores() == 1
