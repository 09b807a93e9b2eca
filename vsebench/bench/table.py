"""Figures as a document: written with where they were measured, read and checked, shown as a table,
and beside those of another time.
"""

from __future__ import annotations

import os
import textwrap
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, Literal

import torch
from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, ValidationError

from vsebench.files import read_json
from vsebench.kernels.gemm import onednn_keeps_float32
from vsebench.plugin.errors import DataError, MissingError
from vsebench.report.listing import tabled
from vsebench.results.provenance import provenance

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from vsebench.bench.run import Row

SCHEMA = 1

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
        "rows": [asdict(row) for row in rows],
    }


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


_Positive = Annotated[FiniteFloat, Field(gt=0)]


class _Part(BaseModel):
    """What later releases add is kept as it is."""

    model_config = ConfigDict(strict=True, extra="allow")


class _Row(_Part):
    figure: str
    status: Literal["done", "failed"] = "done"
    seconds: _Positive | None = None
    ratio: _Positive | None = None
    share: _Positive | None = None
    reference: str = ""
    floor: str = ""
    error: str = ""


class _Machine(_Part):
    measured: str
    device: str
    cpu: str
    cores: int | None
    load: FiniteFloat | None
    matmul: str
    libraries: dict[str, str]


class _Document(_Part):
    size: str
    device: str
    machine: _Machine
    rows: list[_Row]


def read(path: Path) -> dict[str, Any]:
    """A document that `--format json` has printed.

    Raises:
        MissingError: there is no such file.
        DataError: it is something else.
    """
    try:
        found = read_json(path)
    except FileNotFoundError as error:
        raise MissingError(f"{path} does not exist: expected figures to compare with") from error
    except (OSError, ValueError) as error:
        raise DataError(f"{path} cannot be read as JSON ({error})") from error
    wanted = "expected what 'vsebench bench' has written"
    if not isinstance(found, dict) or found.get("schema") != SCHEMA or "rows" not in found:
        raise DataError(f"{path} holds no figures: {wanted}")
    try:
        return _Document.model_validate(found).model_dump()
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise DataError(f"{path} holds no figures ({where}: {first['msg']}): {wanted}") from None


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
    text = tabled(headers, lines, "lrrlrl", "github")
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
