"""`vsebench add-row`: embeddings or scores of a model made elsewhere, measured and shown as a
row.
"""

from __future__ import annotations

import shlex
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vsebench.cli.shared.options import DataRoots, Normalise, Orientation, PluginFiles, Similarity
from vsebench.plugin.errors import SpecError

if TYPE_CHECKING:
    from vsebench.cli.shared.brought import Brought
    from vsebench.results.external import ExternalFile

_LONGEST_NAME = 60


def add_row_command(
    dataset: Annotated[
        str,
        typer.Option(
            metavar="NAME", help="Data set whose test split was embedded, as written in the table."
        ),
    ],
    name: Annotated[str, typer.Option(metavar="TEXT", help="Name of the row.")],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder of runs to add it to.")],
    images: Annotated[
        Path | None,
        typer.Argument(metavar="[IMAGES.npy]", help="Embeddings of the test images, in order."),
    ] = None,
    texts: Annotated[
        Path | None,
        typer.Argument(metavar="[TEXTS.npy]", help="Embeddings of the test captions, in order."),
    ] = None,
    similarity: Similarity = None,
    orientation: Orientation = None,
    normalise: Normalise = False,
    data_root: DataRoots = None,
    plugin: PluginFiles = None,
) -> None:
    """Evaluate embeddings or scores of a model trained elsewhere, and add them to a folder of runs
    as an external row, which 'vsebench report' marks and never compares.
    """
    from vsebench.cli.shared.brought import Brought, open_brought
    from vsebench.cli.shared.embedded import test_split
    from vsebench.report.rows.external import MARK
    from vsebench.results.external import ExternalRow, write_external
    from vsebench.results.folder.store import Store
    from vsebench.results.provenance import loaded_commit, now, versions

    name = _checked(name)
    if (similarity is None) == (images is None or texts is None) or (similarity and images):
        raise SpecError("name what was made: IMAGES.npy TEXTS.npy, or scores with --similarity")
    brought = Brought(
        images=images, texts=texts, scores=similarity, orientation=orientation, normalise=normalise
    )
    test = test_split(dataset, tuple(plugin or ()), data_root or ())
    embedded = open_brought(replace(brought, split=test.split))
    metrics = embedded.evaluate("full")
    row = ExternalRow(
        name=name,
        dataset=test.spec,
        data_fingerprint=test.fingerprint,
        images=embedded.images,
        captions=embedded.texts,
        scored=embedded.scored,
        test=metrics.as_dict(),
        files=_files(brought),
        command=_command(brought, test.spec, name),
        added=now(),
        libraries=versions(("vsebench", "torch", "numpy")),
        git_commit=loaded_commit(),
    )
    folder = write_external(out, row, (metrics.i2t_ranks, metrics.t2i_ranks))
    typer.echo(f"{folder}: {name} {MARK}, RSUM {metrics.rsum:.1f} on the test split of {test.spec}")
    if Store(out).runs():
        typer.echo(f"next: vsebench report {out}")
    else:
        typer.echo(
            f"next: runs on the same data, which it is shown beside: vsebench run --out {out}"
        )


def _checked(name: str) -> str:
    """A name that fits a cell of a table."""
    name = name.strip()
    if not name or len(name) > _LONGEST_NAME or not name.isprintable():
        raise SpecError(
            f"--name is a line of 1 to {_LONGEST_NAME} characters, found {len(name)}: {name!r}"
        )
    return name


def _files(brought: Brought) -> dict[str, ExternalFile]:
    import hashlib

    from vsebench.cli.shared.brought import open_array
    from vsebench.results.external import ExternalFile

    found = {}
    for role in ("images", "texts", "scores"):
        path: Path | None = getattr(brought, role)
        if path is not None:
            array = open_array(path, 2)
            with path.open("rb") as file:
                sha256 = hashlib.file_digest(file, "sha256").hexdigest()
            found[role] = ExternalFile(
                name=path.name, sha256=sha256, shape=array.shape, dtype=str(array.dtype)
            )
    return found


def _command(brought: Brought, dataset: str, name: str) -> str:
    """The command, with the names of files and no folders of the machine."""
    words = [path.name for path in (brought.images, brought.texts) if path is not None]
    if brought.scores is not None:
        words += ["--similarity", brought.scores.name]
    if brought.orientation is not None:
        words += ["--orientation", brought.orientation]
    if brought.normalise:
        words += ["--normalise"]
    return shlex.join(["vsebench", "add-row", *words, "--dataset", dataset, "--name", name])
