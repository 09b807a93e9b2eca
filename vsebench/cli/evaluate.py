"""`vsebench evaluate`: metrics of embeddings that someone brings."""

from __future__ import annotations

import json
from pathlib import Path  # noqa: TC003  # typer reads annotations at run time
from typing import TYPE_CHECKING, Annotated

import typer

from vsebench.plugin.errors import DataError

if TYPE_CHECKING:
    import numpy as np

    from vsebench.retrieval import RetrievalMetrics

_CAPTIONS = 5


def evaluate_command(
    images: Annotated[Path, typer.Argument(metavar="IMAGES.npy", help="Image embeddings, one row per image.", show_default=False)],
    texts: Annotated[Path, typer.Argument(metavar="TEXTS.npy", help="Caption embeddings, one row per caption.", show_default=False)],
    text_to_image: Annotated[
        Path | None, typer.Option(metavar="MAP.npy", help="The image of each caption, integers; by default five consecutive captions per image.")
    ] = None,
    protocol: Annotated[str, typer.Option(metavar="full|1k-5fold", help="Rank among all, or within folds of 1,000 images and average.")] = "full",
    as_json: Annotated[bool, typer.Option("--json", help="Write one JSON object.")] = False,
) -> None:
    """Rank images and captions by the inner products of their embeddings and write recalls and ranks to standard output."""
    image_rows, text_rows = _open(images, 2), _open(texts, 2)
    owner = _five_each(images, texts, len(image_rows), len(text_rows)) if text_to_image is None else _open(text_to_image, 1)
    from vsebench.retrieval import evaluate

    metrics = evaluate(image_rows, text_rows, owner, protocol=protocol)  # type: ignore[arg-type]  # any other word is its error to raise
    form = _json if as_json else _table
    typer.echo(form(metrics, images=len(image_rows), captions=len(text_rows), protocol=protocol))


def _open(path: Path, dimensions: int) -> np.ndarray:
    """A memory map of a .npy file.

    Raises:
        DataError: no such file, not a whole .npy file, or not of so many dimensions.
    """
    from numpy.lib.format import open_memmap

    if not path.is_file():
        raise DataError(f"{path}: no such file")
    try:
        array: np.ndarray = open_memmap(path, mode="r")
    except (ValueError, OSError) as error:
        raise DataError(f"{path} is not a whole .npy file of numbers: {error}") from error
    if array.ndim != dimensions:
        raise DataError(f"{path} must have {dimensions} dimension{'s' * (dimensions > 1)}, found shape {array.shape}")
    return array


def _five_each(image_path: Path, text_path: Path, images: int, texts: int) -> np.ndarray:
    """Five consecutive captions per image."""
    import numpy as np

    if texts == _CAPTIONS * images:
        return np.repeat(np.arange(images), _CAPTIONS)
    found = f"{image_path} has {images:,} rows and {text_path} {texts:,}"
    if images == texts and images % _CAPTIONS == 0:
        raise DataError(f"{found}: if each image is stored five times, keep one of them (images[::5]), else say whose each caption is with --text-to-image")
    raise DataError(f"{found}, which is not five captions per image: say whose each caption is with --text-to-image MAP.npy")


def _json(metrics: RetrievalMetrics, *, images: int, captions: int, protocol: str) -> str:
    from vsebench.results.spec import METRIC_VERSION

    return json.dumps({**metrics.as_dict(), "images": images, "captions": captions, "protocol": protocol, "metric_version": METRIC_VERSION})


def _table(metrics: RetrievalMetrics, *, images: int, captions: int, protocol: str) -> str:
    from tabulate import tabulate

    values = metrics.as_dict()
    keys = ("r1", "r5", "r10", "medr", "meanr")
    rows = [[name, *(values[f"{direction}_{key}"] for key in keys)] for name, direction in (("image to text", "i2t"), ("text to image", "t2i"))]
    table = tabulate(rows, headers=["", "R@1", "R@5", "R@10", "MedR", "MeanR"], floatfmt=("", ".2f", ".2f", ".2f", ".1f", ".2f"))
    notes = f"{images:,} images, {captions:,} captions, protocol {protocol}. R@K: % of queries with any match among the first K; ties count against."
    return f"{table}\n\nRSUM {metrics.rsum:.2f}\n{notes}"
