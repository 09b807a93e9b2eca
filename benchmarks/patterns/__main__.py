"""`python -m benchmarks.patterns`: trains every pooling on every pattern, and prints the tables."""

from __future__ import annotations

import itertools
import sys
from pathlib import Path  # noqa: TC003  # typer reads the annotations
from typing import Annotated

import torch
import typer

from benchmarks.patterns.report import load, tables, to_json
from benchmarks.patterns.task import PATTERNS
from benchmarks.patterns.trial import CONSTANT, Recipe, Trial, attempt
from vsebench.files import write_text
from vsebench.grid.suite_fields import parse_seeds
from vsebench.plugin import VsebenchError
from vsebench.plugin.specs import create, split_list

LINE_UP = (
    "mean,max,kmax:k=10,softmax,gem,combo:k=10,fspool,esa,selfattn,seq2seq,adaptive,"
    "gpo:generator=interpolation,gpo:generator=mlp,gpo:generator=transformer,gpo:encoding=learned,gpo"
)

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


@app.command()
def main(
    pooling: Annotated[str, typer.Option(help="comma-separated specs")] = LINE_UP,
    seeds: Annotated[str, typer.Option(help="a list or a range")] = "0-2",
    steps: Annotated[
        int, typer.Option(min=1, help="optimiser steps of every trial")
    ] = Recipe.steps,
    lr: Annotated[float, typer.Option(min=0, help="first learning rate")] = Recipe.lr,
    out: Annotated[
        Path | None,
        typer.Option(help="file for the trials, as JSON; trials that it has are not made again"),
    ] = None,
) -> None:
    """Trains every pooling on every pattern with every seed. Tables go to stdout, progress to
    stderr.
    """
    torch.set_num_threads(1)
    recipe = Recipe(steps=steps, lr=lr)
    try:
        trials = run([CONSTANT, *split_list(pooling)], parse_seeds(seeds), recipe, out)
    except VsebenchError as error:
        print(f"benchmarks.patterns: error: {error}", file=sys.stderr)
        raise typer.Exit(2) from None
    print(tables(trials))


def run(
    poolings: list[str], seeds: tuple[int, ...], recipe: Recipe, out: Path | None = None
) -> list[Trial]:
    """All trials, by pooling, pattern and seed; those that the file `out` has are taken from there,
    and it gets each new one at once.

    Raises:
        SpecError: before any training, a spec is not valid, or `out` holds trials of another
            recipe; later, a pooling returns no vectors.
    """
    for spec in poolings:
        if spec != CONSTANT:
            create("pooling", spec, dim=recipe.dim)
    done = {
        (t.pooling, t.pattern, t.seed): t
        for t in (load(out, recipe) if out and out.exists() else [])
    }
    points = list(itertools.product(poolings, PATTERNS, seeds))
    for point in points:
        if point not in done:
            done[point] = attempt(*point, recipe)
            print(f"{' · '.join(map(str, point))}: {done[point].seen:.4f}", file=sys.stderr)
            if out is not None:
                write_text(out, to_json(recipe, done.values()))
    return [done[point] for point in points]


if __name__ == "__main__":
    app(prog_name="python -m benchmarks.patterns")
