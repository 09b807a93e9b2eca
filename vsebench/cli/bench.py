"""`vsebench bench`: what the package costs on this machine, figure by figure."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from vsebench.cli.shared.messages import GATE_FAILED, SOME_FAILED, print_json
from vsebench.cli.shared.options import TableOrJson
from vsebench.plugin.errors import SpecError

if TYPE_CHECKING:
    from vsebench.bench.figure import Size

THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")
"""Environment variables that bound the threads of libraries; read when these load."""


def bench_command(
    quick: Annotated[
        bool, typer.Option("--quick", help="Short for --size quick: a minute on one core.")
    ] = False,
    size: Annotated[
        Literal["full", "quick", "tiny"],
        typer.Option(
            metavar="full|quick|tiny", help="full: as published; tiny: only tests the command."
        ),
    ] = "full",
    only: Annotated[
        str | None,
        typer.Option(
            metavar="LIST", help="Areas or figures, such as pooling,step/small. [default: all]"
        ),
    ] = None,
    device: Annotated[
        str, typer.Option(metavar="cpu|cuda|auto", help="Device to measure.")
    ] = "cpu",
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write JSON to this file, updated after each figure."),
    ] = None,
    against: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Exit with 3 if a ratio is far below this file's."),
    ] = None,
    keep: Annotated[
        float,
        typer.Option(
            help="With --against: share of each ratio that must be kept, since CPUs differ.",
            min=0.0,
            max=1.0,
        ),
    ] = 0.4,
    source: Annotated[
        Path | None,
        typer.Option(
            "--from",
            metavar="FILE",
            help="Show the figures of this file, written by --out, and measure nothing.",
        ),
    ] = None,
    form: TableOrJson = "table",
) -> None:
    """Time operations beside plain versions and lower bounds, in one process and alternating
    rounds.

    On CUDA each figure has a process of its own. A figure that fails is named, and the others are
    measured.
    """
    if source is not None:
        asked = {
            "--quick": quick,
            "--size": size != "full",
            "--device": device != "cpu",
            "--out": out,
        }
        for option, given in asked.items():
            if given:
                raise SpecError(f"take out {option}: --from {source} measures nothing")
        found = _kept(source, only)
    else:
        found = _measured("quick" if quick else size, only, device, out, against)
    from vsebench.bench.table import fallen, read, table

    if form == "json":
        print_json(found)
    else:
        typer.echo(table(found))
    if against is not None and (lines := fallen(found, read(against), keep)):
        for line in lines:
            typer.echo(f"slower than {against}: {line}", err=True)
        raise typer.Exit(GATE_FAILED)
    if source is None and any(row["status"] == "failed" for row in found["rows"]):
        raise typer.Exit(SOME_FAILED)


def _kept(source: Path, only: str | None) -> dict[str, Any]:
    """What a file of figures holds of those asked for."""
    from vsebench.bench.figure import areas_of, is_of
    from vsebench.bench.table import read

    found = read(source)
    areas = areas_of(only, [row["figure"] for row in found["rows"]])
    return {**found, "rows": [row for row in found["rows"] if is_of(row["figure"], areas)]}


def _measured(
    size: Size, only: str | None, device: str, out: Path | None, against: Path | None
) -> dict[str, Any]:
    """Measures the figures asked for; `against` is read before, so that it need not be waited for
    in vain.
    """
    for name in THREADS:
        os.environ[name] = "1"
    import torch

    from vsebench.bench.figure import areas_of
    from vsebench.bench.figures import FIGURES
    from vsebench.bench.run import Row, measured_on, selected
    from vsebench.bench.table import document, machine, read
    from vsebench.files import write_text
    from vsebench.kernels.devices import resolve_device
    from vsebench.plugin.routes import asked

    asked()
    where = resolve_device(device)
    figures = selected(FIGURES, size, where, areas_of(only, [figure.name for figure in FIGURES]))
    if against is not None:
        read(against)
    rows: list[Row] = []
    about = machine(torch.device(where))
    found = document(rows, about, size=size, device=where)
    for number, figure in enumerate(figures, start=1):
        typer.echo(f"{number} of {len(figures)}: {figure.name}", err=True)
        rows.append(measured_on(where, figure, size))
        found = document(rows, about, size=size, device=where)
        if out is not None:
            write_text(out, json.dumps(found, indent=1) + "\n")
    return found
