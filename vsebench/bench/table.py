"""Figures as a table, as JSON and against those of another time, with where they were measured."""

from __future__ import annotations

import os
import textwrap
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import torch
from tabulate import tabulate

from vsebench.bench.kept import SCHEMA
from vsebench.kernels.gemm import onednn_keeps_float32
from vsebench.results.provenance import provenance

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from vsebench.bench.run import Row

_WIDTH = 100  # of prose in pages

_NOTE = (
    "ratio: how many times as long the plain version takes; above 1, vsebench is faster. share: "
    "the floor's share of our time; 1 is as fast as can be. Medians of alternating rounds in one "
    "process."
)


def document(
    rows: Sequence[Row], about: Mapping[str, Any], *, size: str, device: str
) -> dict[str, Any]:
    """What `--format json` prints."""
    return {
        "schema": SCHEMA,
        "size": size,
        "device": device,
        "machine": dict(about),
        "rows": [row.as_dict() for row in rows],
    }


def table(found: Mapping[str, Any]) -> str:
    """A document as text, in Markdown's form, with what failed below it."""
    rows: list[dict[str, Any]] = found["rows"]
    lines = [
        [
            row["figure"],
            "failed" if row["status"] == "failed" else _time(row["seconds"]),
            _number(row["ratio"]),
            row["reference"] or "–",
            _number(row["share"]),
            row["floor"] or "–",
        ]
        for row in rows
    ]
    headers = ["figure", "ours", "ratio", "plain version", "share", "floor"]
    text = tabulate(
        lines,
        headers=headers,
        tablefmt="github",
        disable_numparse=True,
        colalign=("left", "right", "right", "left", "right", "left"),
    )
    failures = [f"{row['figure']}: {row['error']}" for row in rows if row["status"] == "failed"]
    said = "\n".join(f"failed: {failure}" for failure in failures)
    notes = (textwrap.fill(note, _WIDTH) for note in (_about(found), _NOTE))
    return "\n\n".join(part for part in (text, said, *notes) if part)


def _about(found: Mapping[str, Any]) -> str:
    about = found["machine"]
    libraries = ", ".join(f"{name} {version}" for name, version in about["libraries"].items())
    where = (
        about["device"] if about["device"] == about["cpu"] else f"{about['device']}, {about['cpu']}"
    )
    return (
        f"{where}, {about['cores']} cores, load {about['load']}, products {about['matmul']}; size "
        f"{found['size']}; {libraries}; {about['measured']}."
    )


def _time(seconds: float | None) -> str:
    if seconds is None:
        return "–"
    for unit, scale in (("s", 1.0), ("ms", 1e3)):
        if seconds * scale >= 1:
            return f"{seconds * scale:.3g} {unit}"
    return f"{seconds * 1e6:.3g} µs"


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}" if value < 10 else f"{value:.0f}"


def fallen(found: Mapping[str, Any], before: Mapping[str, Any], kept: float) -> list[str]:
    """What is wrong with figures beside those of another time, a line for each: it failed or is no
    longer there, or its ratio is below the share `kept` of the one before.
    """
    now = {row["figure"]: row for row in found["rows"]}
    lines = []
    for old in before["rows"]:
        name, ratio = old["figure"], old["ratio"]
        row = now.get(name)
        if row is None:
            lines.append(f"{name}: not measured")
        elif row["status"] == "failed":
            lines.append(f"{name}: {row['error']}")
        elif ratio is not None and (row["ratio"] is None or row["ratio"] < kept * ratio):
            lines.append(
                f"{name}: ratio {_number(row['ratio'])}, expected at least {_number(kept * ratio)} "
                f"({kept:g} of {_number(ratio)})"
            )
    return lines


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
