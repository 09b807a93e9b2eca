"""`vsebench plot`: the figures of the site as files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vsebench.cli.shared.options import RUNS, Level, SeparateBoards, Studies, format_option
from vsebench.plugin.errors import SpecError, did_you_mean
from vsebench.report.statistics.means import LEVEL


def plot_command(
    places: Studies = None,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Output folder.")] = Path(
        "figures"
    ),
    form: Annotated[str, format_option("png", "svg", "pdf")] = "png",
    only: Annotated[
        str,
        typer.Option(
            metavar="NAME,…",
            help="Draw only these: updates, cpu (wall where records have no CPU seconds), "
            "forwards, cost, weights, tuning, differences.",
        ),
    ] = "",
    allow_mixed: SeparateBoards = False,
    level: Level = LEVEL,
) -> None:
    """Draw figures, one file each: convergence over updates, seconds and tower forwards, quality
    against cost, weights of poolings over sorted positions, tuning, and differences between all
    rows.
    """
    from vsebench.files import guarded
    from vsebench.plugin.errors import require
    from vsebench.report.figures.save import KEYS, save_figures
    from vsebench.site.studies import Slugs, read_studies

    wanted = [key.strip() for key in only.split(",") if key.strip()]
    for key in wanted:
        if key not in KEYS:
            raise SpecError(f"unknown figure '{key}': {did_you_mean(key, KEYS)}")
    if out.is_file():
        raise SpecError(f"--out {out} is a file: name a folder")
    require("matplotlib", extra="plots", purpose="figures")
    studies = read_studies(places or [RUNS], Slugs(), allow_mixed=allow_mixed, level=level)
    with guarded(out):
        out.mkdir(parents=True, exist_ok=True)
    for study in studies:
        for number, board in enumerate(study.boards, start=1):
            stem = study.slug if len(study.boards) == 1 else f"{study.slug}-{number}"
            for path in save_figures(board, study.path, out / stem, form, wanted):
                typer.echo(path)
