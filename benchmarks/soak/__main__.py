"""`python -m benchmarks.soak`: soaks, and writes the report."""

from __future__ import annotations

import signal
import sys
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from benchmarks.soak.disk import small_disk
from benchmarks.soak.grid import Grid
from benchmarks.soak.report import summary, to_json, to_markdown
from benchmarks.soak.soak import Soak
from vsebench.files import write_text

FOUND = 1

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


@app.command()
def main(
    minutes: Annotated[float, typer.Option(min=0, help="how long it is disturbed")] = 10,
    seed: Annotated[int, typer.Option(help="what befalls it")] = 0,
    pooling: Annotated[str, typer.Option(help="comma-separated specs")] = Grid.pooling,
    loss: Annotated[str, typer.Option(help="comma-separated specs")] = Grid.loss,
    seeds: Annotated[str, typer.Option(help="a list or a range")] = Grid.seeds,
    workers: Annotated[int, typer.Option(min=1, help="runs at a time")] = Grid.workers,
    out: Annotated[Path | None, typer.Option(help="folder for soak.json and soak.md")] = None,
) -> None:
    """Makes a grid in peace, then under blows, and compares. The report goes to stdout, progress to
    stderr; the exit code is 1 where something was lost, doubled or silently wrong.
    """
    if sys.platform != "linux":
        print("benchmarks.soak: error: it needs Linux's /proc and pidfd_open", file=sys.stderr)
        raise typer.Exit(2)
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
    # A shell that starts it in the background has it ignored, and so would every command
    signal.signal(signal.SIGINT, signal.default_int_handler)
    grid = Grid(pooling, loss, seeds, workers)
    with (
        tempfile.TemporaryDirectory(prefix="vsebench-soak-") as folder,
        small_disk(Path(folder)) as disk,
    ):
        soak = Soak(grid, disk, Path(folder), seed)
        soak.run(minutes)
    found = summary(soak.tally, grid, seed=seed, minutes=minutes, disk=disk.kind)
    if out is not None:
        write_text(out / "soak.json", to_json(found))
        write_text(out / "soak.md", to_markdown(found))
    print(to_markdown(found), end="")
    if any(found["findings"].values()):
        raise typer.Exit(FOUND)


if __name__ == "__main__":
    app(prog_name="python -m benchmarks.soak")
