"""Where figures were measured, and with what."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import Any

import torch

from vsebench.kernels.gemm import onednn_keeps_float32
from vsebench.results.provenance import provenance


def machine(device: torch.device) -> dict[str, Any]:
    """The machine, its load and the versions, for the head of a table."""
    origin = provenance(device, "onednn-fp32" if onednn_keeps_float32() else "default")
    return {
        "measured": datetime.now(UTC).strftime("%Y-%m-%d"),
        "device": origin.device_name,
        "cpu": provenance(torch.device("cpu"), origin.matmul).device_name,
        "cores": os.cpu_count(),
        "load": round(os.getloadavg()[0], 1) if hasattr(os, "getloadavg") else None,
        "matmul": origin.matmul,
        "commit": origin.git_commit,
        "libraries": origin.libraries,
    }
