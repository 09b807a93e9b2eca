"""`vsebench embed`: images, captions or features as a trained model embeds them, in a `.npy`
file.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vsebench.cli.shared.models import ModelName, open_model, say_unknown
from vsebench.cli.shared.options import (
    RUNS,
    OneDevice,
    PluginFiles,
    Quiet,
    SearchedRuns,
    VocabularyRoots,
)
from vsebench.plugin.errors import MissingError, SpecError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy as np

    from vsebench.retrieval.trained import TrainedModel


def embed_command(
    model: ModelName,
    out: Annotated[Path, typer.Option(metavar="FILE.npy", help="File to write.")],
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
    results: SearchedRuns = RUNS,
    data_root: VocabularyRoots = None,
    plugin: PluginFiles = None,
    device: OneDevice = "auto",
    threads: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="CPU threads. [default: as in training, which reproduces the metrics to the "
            "digit]",
        ),
    ] = None,
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
        rows, names = _embedded(opened, images, texts, features, report)
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


def _embedded(
    model: TrainedModel,
    images: Path | None,
    texts: Path | None,
    features: Path | None,
    report: Callable[[str, int, int], None],
) -> tuple[np.ndarray, Sequence[str]]:
    """The rows, and what each of them is."""
    from vsebench.data.feature_files import open_features
    from vsebench.data.images import open_images
    from vsebench.data.reading import read_captions

    def told(total: int) -> Callable[[int], None]:
        return lambda done: report("embedded", done, total)

    if texts is not None:
        if not texts.exists():
            raise MissingError(
                f"--texts {texts} does not exist: name a text file with one caption a line"
            )
        captions = read_captions(texts)
        say_unknown(model.unknown(captions))
        return model.encode_texts(captions, told=told(len(captions))), captions
    model.check_reads(raw_images=images is not None)
    if images is not None:
        store = open_images(images)
        return model.encode_images(store, told=told(len(store))), store.names
    assert features is not None
    found = open_features(features)
    rows = model.encode_images(found.features, found.lengths, told=told(len(found.features)))
    return rows, found.names
