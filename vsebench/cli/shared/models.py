"""Trained models as the command line names them: the folder of an exported model or of a run, a
run's id, or the beginning of it.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vsebench.cli.shared.messages import note
from vsebench.plugin.errors import MissingError, SpecError, VsebenchError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vsebench.retrieval.trained import TrainedModel, Unknown

ModelName = Annotated[
    str,
    typer.Argument(
        metavar="MODEL",
        help="Folder of an exported model; or a finished run's directory, its id or a prefix "
        "of it.",
    ),
]


def open_model(
    name: str,
    results: Path,
    *,
    device: str = "auto",
    threads: int | None = None,
    plugins: Sequence[str] | None = None,
    data_roots: Sequence[Path] | None = None,
) -> TrainedModel:
    """The model of that name.

    Raises:
        VsebenchError: there is none, not exactly one, or it cannot be opened.
    """
    from vsebench.results.folder.find import find_run
    from vsebench.retrieval.exported.read import load_model

    folder = Path(name)
    if not folder.is_dir():
        try:
            folder = find_run(name, results).path
        except VsebenchError as error:
            if "/" not in name or isinstance(error, SpecError):
                raise
            raise MissingError(
                f"there is no folder {name}: name an exported model, or a finished run"
            ) from error
    return load_model(
        folder, device=device, threads=threads, plugins=plugins or (), data_roots=data_roots or ()
    )


def say_unknown(found: Unknown | None) -> None:
    """Says on standard error how much of some captions a model cannot read, if anything."""
    from vsebench.report.wording import count

    if found is not None and found.words:
        note(
            f"{found.words:,} of {found.of:,} words ({100 * found.words / found.of:.1f} %), in "
            f"{count(found.captions, 'caption')}, are unknown to the model's vocabulary"
        )
