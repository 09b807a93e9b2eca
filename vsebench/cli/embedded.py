"""What `vsebench evaluate` evaluates: embeddings in `.npy` files, or a trained model on a test
split.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import typer

from vsebench.plugin.errors import DataError, MissingError, SpecError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    import numpy as np

    from vsebench.plugin.embeddings import Embedding
    from vsebench.plugin.protocols import Similarity
    from vsebench.retrieval.ranking.metrics import RetrievalMetrics
    from vsebench.retrieval.trained import EmbeddedSplit, TrainedModel, Unknown

_CAPTIONS = 5


@dataclass(frozen=True, eq=False)
class Embedded:
    """Images and captions in one space.

    Attributes:
        image: embeddings of n images.
        text: embeddings of m captions.
        images: n.
        texts: m.
        owner: the image of each caption, int64 [m], read when it is needed.
        evaluate: gives the metrics of a protocol.
        similarity: how they are scored; None for the inner product.
        data_roots: folders in which files of the data set are looked for.
        about: what else JSON says of them.
    """

    image: Embedding | np.ndarray
    text: Embedding | np.ndarray
    images: int
    texts: int
    owner: Callable[[], np.ndarray] = field(repr=False)
    evaluate: Callable[[str], RetrievalMetrics] = field(repr=False)
    similarity: Similarity | None = None
    data_roots: tuple[Path, ...] = ()
    about: dict[str, Any] = field(default_factory=dict)


def from_files(
    images: Path, texts: Path, text_to_image: Path | None, data_roots: Sequence[Path]
) -> Embedded:
    """Embeddings that someone brings.

    Raises:
        DataError: a file is missing, not a whole .npy file, or of other dimensions.
    """
    image_rows, text_rows = open_array(images, 2), open_array(texts, 2)

    def owner() -> np.ndarray:
        return (
            _five_each(images, texts, len(image_rows), len(text_rows))
            if text_to_image is None
            else open_array(text_to_image, 1)
        )

    def ranked(protocol: str) -> RetrievalMetrics:
        from vsebench.retrieval import evaluate

        return evaluate(image_rows, text_rows, owner(), protocol=protocol)  # type: ignore[arg-type]  # another word is its error to raise

    return Embedded(
        image_rows,
        text_rows,
        len(image_rows),
        len(text_rows),
        owner,
        ranked,
        None,
        tuple(data_roots),
    )


@dataclass(frozen=True)
class ModelRequest:
    """A model that is to be evaluated.

    Attributes:
        name: an exported model's folder, or a run as `find_runs` takes it.
        results: folder that a run is looked for in.
        data_roots: folders in which the data set is looked for first.
        device: device to compute on.
        plugins: plugin files of its components and of the data set.
        dataset: data set whose test split it embeds; None for its own.
    """

    name: str
    results: Path
    data_roots: tuple[Path, ...]
    device: str
    plugins: tuple[str, ...] = ()
    dataset: str | None = None


def from_model(wanted: ModelRequest) -> Embedded:
    """A test split as a trained model embeds it.

    Raises:
        VsebenchError: embeddings without captions, no such model, not exactly one, it cannot be
            used, or it cannot read the data set.
    """
    if wanted.name.endswith(".npy"):
        raise SpecError(f"{wanted.name} holds the images' embeddings: name the captions' after it")
    from vsebench.cli.models import open_model

    model = open_model(
        wanted.name,
        wanted.results,
        device=wanted.device,
        plugins=wanted.plugins,
        data_roots=list(map(str, wanted.data_roots)),
    )
    about: dict[str, Any] = {"run_id": model.record.run_id}
    if wanted.dataset is None:
        split, path = _on_own(model, wanted)
    else:
        split, path, unknown = _on_another(model, wanted)
        about |= {"dataset": wanted.dataset, "trained_on": model.spec.dataset.spec}
        if unknown is not None:
            about |= {"words": unknown.of, "unknown_words": unknown.words}
    owner = split.text_to_image
    return Embedded(
        split.image,
        split.text,
        int(owner.max()) + 1,
        len(owner),
        lambda: owner,
        split.evaluate,
        split.similarity,
        (*wanted.data_roots, path),
        about,
    )


def _on_own(model: TrainedModel, wanted: ModelRequest) -> tuple[EmbeddedSplit, Path]:
    """The test split of the data set that the model was trained on, and where that was found."""
    from vsebench.plugin.host.loader import load_plugins
    from vsebench.retrieval.stored import own_data, own_test

    files = dict.fromkeys((*model.plugins, *wanted.plugins))
    path, data = own_data(model.spec, load_plugins(tuple(files)).registry, wanted.data_roots)
    test = own_test(model, path, data)
    warn(test.mismatch)
    return test.split, path


def _on_another(
    model: TrainedModel, wanted: ModelRequest
) -> tuple[EmbeddedSplit, Path, Unknown | None]:
    """The test split of the data set that was asked for, where it was found, and how much of its
    captions the model cannot read.
    """
    from vsebench.cli.models import say, say_unknown
    from vsebench.cli.options import find_dataset
    from vsebench.data.open import open_dataset
    from vsebench.plugin import RetrievalData

    assert wanted.dataset is not None
    component, _, params = find_dataset(wanted.dataset, wanted.plugins)
    opened = open_dataset(component, params, data_roots=wanted.data_roots)
    if not isinstance(opened.data, RetrievalData):
        raise DataError(
            f"{wanted.dataset} is no image–caption set: 'vsebench data list' says which are"
        )
    test = opened.data.splits["test"]
    if opened.fingerprint != model.spec.data_fingerprint:
        say(
            f"trained on {model.spec.dataset.spec} (fingerprint {model.spec.data_fingerprint}), "
            f"evaluated on the test split of {wanted.dataset} ({opened.fingerprint})"
        )
    unknown = model.unknown(test.captions)
    say_unknown(unknown)
    return model.embed(test, f"test of {wanted.dataset}"), opened.path, unknown


def warn(text: str | None) -> None:
    """Says on one line, beside the output, what a reader of it must know."""
    if text is not None:
        typer.echo(f"vsebench: warning: {text}", err=True)


def open_array(path: Path, dimensions: int) -> np.ndarray:
    """A memory map of a .npy file.

    Raises:
        DataError: no such file, not a whole .npy file, or not of so many dimensions.
    """
    from numpy.lib.format import open_memmap

    if path.is_dir():
        raise DataError(f"{path} is a folder: name a .npy file; a run is named alone")
    if not path.is_file():
        raise MissingError(f"{path}: no such file")
    try:
        array: np.ndarray = open_memmap(path, mode="r")
    except (ValueError, OSError) as error:
        raise DataError(f"{path} is not a whole .npy file of numbers: {error}") from error
    if array.ndim != dimensions:
        raise DataError(
            f"{path} must have {dimensions} dimension{'s' * (dimensions > 1)}, found shape "
            f"{array.shape}"
        )
    return array


def _five_each(image_path: Path, text_path: Path, images: int, texts: int) -> np.ndarray:
    """Five consecutive captions per image."""
    import numpy as np

    if texts == _CAPTIONS * images:
        return np.repeat(np.arange(images), _CAPTIONS)
    found = f"{image_path} has {images:,} rows and {text_path} {texts:,}"
    if images == texts and images % _CAPTIONS == 0:
        raise DataError(
            f"{found}: if each image is stored five times, keep one of them (images[::5]), else "
            "say whose each caption is with --text-to-image"
        )
    raise DataError(
        f"{found}, which is not five captions per image: say whose each caption is with "
        "--text-to-image MAP.npy"
    )
