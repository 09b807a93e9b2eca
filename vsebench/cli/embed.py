"""`vsebench embed`: images, captions or features as a trained model embeds them, in a `.npy`
file.
"""

from __future__ import annotations

from pathlib import Path  # noqa: TC003  # typer reads annotations at run time
from typing import TYPE_CHECKING, Annotated

import typer

from vsebench.cli.shared.models import ModelName, Results, Threads, open_model, say_unknown
from vsebench.cli.shared.options import (  # typer reads annotations at run time
    RUNS,
    OneDevice,
    PluginFiles,
    Quiet,
)
from vsebench.plugin.errors import MissingError, SpecError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy as np

    from vsebench.retrieval.trained import TrainedModel

    Told = Callable[[int], None]


def embed_command(
    model: ModelName,
    out: Annotated[
        Path, typer.Option(metavar="FILE.npy", help="File to write.", show_default=False)
    ],
    images: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR|TAR",
            help="Raw images, for a model that reads them: a folder or an uncompressed tar file.",
        ),
    ] = None,
    texts: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Captions, one per line.")
    ] = None,
    features: Annotated[
        Path | None,
        typer.Option(
            metavar="TABLE|FILE.npy",
            help="Features, for a model that reads them: a table of 'vsebench data extract', or "
            "an array [images, features, width] such as SPLIT_ims.npy of 'vsebench data prepare'.",
        ),
    ] = None,
    results: Results = RUNS,
    data_root: Annotated[
        list[str] | None,
        typer.Option(
            metavar="DIR",
            help="Folder to search for the data set of a run that did not keep its vocabulary; "
            "repeatable.",
        ),
    ] = None,
    plugin: PluginFiles = None,
    device: OneDevice = "auto",
    threads: Threads = None,
    quiet: Quiet = False,
) -> None:
    """Embed images or captions with a trained model, as L2-normalised float32 rows with a note of
    their origin.
    """
    from vsebench.cli.shared.counting import counting
    from vsebench.data.embedding_file import note_path, write_embeddings

    if sum(given is not None for given in (images, texts, features)) != 1:
        raise SpecError("name what to embed, one of --images, --texts and --features")
    if out.suffix != ".npy":
        raise SpecError(f"--out {out} is no .npy file: write {out.with_suffix('.npy')}")
    opened = open_model(
        model, results, device=device, threads=threads, plugins=plugin, data_roots=data_root
    )
    unit = "captions" if texts is not None else "images"
    with counting(unit, quiet=quiet) as report:
        rows, names = (
            _texts(opened, texts, report)
            if texts is not None
            else _images(opened, images, report)
            if images is not None
            else _features(opened, features, report)
        )
    about = {
        "run_id": opened.record.run_id,
        "side": "text" if texts is not None else "image",
        "normalised": "l2",
        "similarity": opened.spec.similarity.spec,
    }
    write_embeddings(out, rows, names, about)
    typer.echo(
        f"{out}: {rows.shape[0]:,} {unit} × {rows.shape[1]:,}, float32, L2-normalised; "
        f"{note_path(out).name} says which model made them"
        + (" and what each row is" if names else "")
    )


def _texts(
    model: TrainedModel, path: Path, report: Callable[[str, int, int], None]
) -> tuple[np.ndarray, Sequence[str]]:
    from vsebench.data.reading import read_captions

    if not path.exists():
        raise MissingError(
            f"--texts {path} does not exist: name a text file with one caption a line"
        )
    captions = read_captions(path)
    say_unknown(model.unknown(captions))
    told = _told(report, len(captions))
    return model.encode_texts(captions, told=told), captions


def _images(
    model: TrainedModel, path: Path, report: Callable[[str, int, int], None]
) -> tuple[np.ndarray, Sequence[str]]:
    from vsebench.data.images import open_images

    model.check_reads(raw_images=True)
    store = open_images(path)
    return model.encode_images(store, told=_told(report, len(store))), store.names


def _features(
    model: TrainedModel, path: Path | None, report: Callable[[str, int, int], None]
) -> tuple[np.ndarray, Sequence[str]]:
    from vsebench.data.feature_files import open_features

    assert path is not None
    model.check_reads(raw_images=False)
    found = open_features(path)
    told = _told(report, len(found.features))
    return model.encode_images(found.features, found.lengths, told=told), found.names


def _told(report: Callable[[str, int, int], None], total: int) -> Told:
    return lambda done: report("embedded", done, total)
