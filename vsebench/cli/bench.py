"""`vsebench bench`: what the package costs on this machine, figure by figure."""

from __future__ import annotations

import json
import os
from pathlib import Path  # noqa: TC003  # typer reads annotations at run time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vsebench.cli.shared.options import TableOrJson  # noqa: TC001  # typer reads annotations at run time
from vsebench.plugin.errors import SpecError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from vsebench.bench.figure import Figure, Size
    from vsebench.bench.run import Row

GATE_FAILED = 3

THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")
"""Environment variables that bound the threads of libraries; read when these load."""


def bench_command(
    quick: Annotated[
        bool, typer.Option("--quick", help="Short for --size quick: a minute on one core.")
    ] = False,
    size: Annotated[
        str,
        typer.Option(
            metavar="full|quick|tiny",
            help="full: as published; tiny: only tests the command.",
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
        asked = {"--quick": quick, "--size": size != "full", "--device": device != "cpu"}
        _only_shows(source, [*(name for name in asked if asked[name]), *(["--out"] if out else [])])
        found = _kept(source, only)
    else:
        found = _measured(_size("quick" if quick else size), only, device, out, against)
    from vsebench.bench.kept import read
    from vsebench.bench.table import fallen, table

    typer.echo(json.dumps(found, indent=1) if form == "json" else table(found))
    if against is not None and (lines := fallen(found, read(against), keep)):
        for line in lines:
            typer.echo(f"slower than {against}: {line}", err=True)
        raise typer.Exit(GATE_FAILED)
    if source is None and any(row["status"] == "failed" for row in found["rows"]):
        raise typer.Exit(1)


def _only_shows(source: Path, others: Sequence[str]) -> None:
    if others:
        raise SpecError(f"take out {others[0]}: --from {source} measures nothing")


def _kept(source: Path, only: str | None) -> dict[str, Any]:
    """What a file of figures holds of those asked for."""
    from vsebench.bench.kept import read

    found = read(source)
    names = [row["figure"] for row in found["rows"]]
    areas = _areas(only, names)
    rows = [row for row, name in zip(found["rows"], names, strict=True) if _is_of(name, areas)]
    return {**found, "rows": rows}


def _measured(
    size: Size, only: str | None, device: str, out: Path | None, against: Path | None
) -> dict[str, Any]:
    """Measures the figures asked for; `against` is read before, so that it need not be waited for
    in vain.
    """
    for name in THREADS:
        os.environ[name] = "1"
    from vsebench.bench.figures import FIGURES
    from vsebench.bench.kept import read
    from vsebench.bench.run import selected
    from vsebench.bench.table import document
    from vsebench.kernels.devices import resolve_device
    from vsebench.plugin.routes import asked

    asked()
    where = resolve_device(device)
    areas = _areas(only, [figure.name for figure in FIGURES])
    if against is not None:
        read(against)
    rows: list[Row] = []
    about = _machine(where)
    found = document(rows, about, size=size, device=where)
    figures = selected(FIGURES, size, where, areas)
    measure = _measure(where, size)
    for number, figure in enumerate(figures, start=1):
        typer.echo(f"{number} of {len(figures)}: {figure.name}", err=True)
        rows.append(measure(figure))
        found = document(rows, about, size=size, device=where)
        if out is not None:
            _write(out, found)
    return found


def _size(text: str) -> Size:
    from vsebench.bench.figure import SIZES

    for size in SIZES:
        if text == size:
            return size
    raise SpecError(f"unknown size '{text}': {did_you_mean(text, SIZES)}")


def _areas(text: str | None, names: Sequence[str]) -> tuple[str, ...]:
    """The areas and figures that are asked for, of those with these names."""
    from vsebench.plugin.specs import split_list

    known = {name.partition("/")[0] for name in names} | set(names)
    asked = () if text is None else tuple(split_list(text))
    for each in asked:
        if each not in known:
            raise SpecError(f"no figure is called '{each}': {did_you_mean(each, known)}")
    return asked


def _is_of(name: str, areas: Sequence[str]) -> bool:
    return not areas or name in areas or name.partition("/")[0] in areas


def _machine(device: str) -> dict[str, Any]:
    import torch

    from vsebench.bench.table import machine

    return machine(torch.device(device))


def _measure(device: str, size: Size) -> Callable[[Figure], Row]:
    """What measures a figure: here on the CPU, in a process of its own on CUDA."""
    import torch

    from vsebench.bench.run import measured, measured_apart
    from vsebench.bench.timing import one_thread

    where = torch.device(device)
    if device == "cuda":
        return lambda figure: measured_apart(figure, size, where)

    def here(figure: Figure) -> Row:
        with one_thread():
            return measured(figure, size, where)

    return here


def _write(path: Path, found: dict[str, Any]) -> None:
    from vsebench.files import write_text

    write_text(path, json.dumps(found, indent=1) + "\n")
