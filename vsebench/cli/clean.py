"""`vsebench clean`: the disk that finished runs need no more."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from vsebench.cli.shared.options import KEEP, RUNS, Folder

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vsebench.results.folder.clean import Spare


def clean_command(
    directory: Folder = RUNS,
    keep: Annotated[Literal["best", "none"], KEEP] = "best",
    yes: Annotated[bool, typer.Option("--yes", help="Delete; without it, only list.")] = False,
) -> None:
    """List what finished runs under DIR no longer need, and delete it with --yes: checkpoints,
    mined negatives, damaged and half-written files; with --keep none also their weights. Records,
    curves, ranks and logs always stay.
    """
    from vsebench.report.wording import bytes_text
    from vsebench.results.folder.clean import remove, spare_files
    from vsebench.results.folder.store import check_folder

    check_folder(directory)
    spare = spare_files(directory, keep)
    for line in _lines(spare):
        typer.echo(line)
    if not spare:
        typer.echo(f"{directory} holds nothing to delete")
    elif yes:
        typer.echo(f"deleted {bytes_text(remove(spare))}")
    else:
        total = bytes_text(sum(file.bytes for file in spare))
        typer.echo(f"{total} in all; nothing was deleted: add --yes to do so")


def _lines(spare: Sequence[Spare]) -> list[str]:
    """How much each kind of file holds, the largest first."""
    from vsebench.report.wording import bytes_text, count

    size, number = Counter[str](), Counter[str]()
    for file in spare:
        kind = "half-written files" if file.path.name.startswith(".") else file.path.name
        size[kind] += file.bytes
        number[kind] += 1
    return [
        f"{kind} of {count(number[kind], 'run')}: {bytes_text(total)}"
        for kind, total in size.most_common()
    ]
