"""`vsebench export`: a finished run's best model as a folder that stands alone."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vsebench.cli.shared.options import RUNS, SearchedRuns, VocabularyRoots


def export_command(
    run: Annotated[
        str, typer.Argument(metavar="RUN", help="The run's directory, its id or a prefix of it.")
    ],
    target: Annotated[
        Path, typer.Option("--to", metavar="DIR", help="Folder to write the model to.")
    ],
    results: SearchedRuns = RUNS,
    data_root: VocabularyRoots = None,
) -> None:
    """Export a run's best model as a self-contained folder: weights, vocabulary, settings, metrics
    and a card.
    """
    from vsebench.results.folder.find import find_run
    from vsebench.retrieval.exported.write import export
    from vsebench.retrieval.stored import open_stored

    stored = open_stored(find_run(run, results))
    about = export(stored, target, data_root or ())
    reads = "raw images" if about.raw_images else f"features of width {about.in_dim:,}"
    typer.echo(
        f"{target}: the best model of {stored.directory.path.name} (step {about.step:,}, test RSUM "
        f"{stored.record.test['rsum']:.1f}); it reads {reads} and captions, and gives vectors of "
        f"{about.dim:,}"
    )
    if about.plugins:
        typer.echo(
            f"its components come from {', '.join(about.plugins)}, which {target}/plugins holds: "
            "whoever uses the model names it with --plugin"
        )
    given = "--images DIR" if about.raw_images else "--features TABLE"
    typer.echo(f"next: vsebench embed {target} {given} --out images.npy")
