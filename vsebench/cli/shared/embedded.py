"""What `vsebench evaluate` evaluates: images and captions in one space, with how they are scored
and whose each caption is. `brought` opens those in `.npy` files, `from_model` makes those of a
trained model.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import typer

from vsebench.cli.shared.models import open_model, say, say_unknown
from vsebench.plugin.errors import DataError, MissingError, SpecError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    import numpy as np

    from vsebench.plugin import RetrievalSplit
    from vsebench.plugin.embeddings import Embedding
    from vsebench.plugin.protocols import Similarity
    from vsebench.retrieval.ranking.metrics import RetrievalMetrics
    from vsebench.retrieval.stored import OwnTest
    from vsebench.retrieval.trained import EmbeddedSplit, TrainedModel, Unknown


@dataclass(frozen=True, eq=False)
class Embedded:
    """Images and captions in one space.

    Attributes:
        image: embeddings of n images.
        text: embeddings of m captions.
        images: n.
        texts: m.
        owner: the image of each caption, int64 [m], read when it is needed.
        captions: the captions themselves, read when they are needed; None where nothing says them.
        similarity: how they are scored; None for the inner product.
        scored: how they are scored, in words.
        data_roots: folders in which files of the data set are looked for.
        about: what else JSON says of them.
        second: images and captions that are counted beside these, each ranked among their own.
    """

    image: Embedding | np.ndarray
    text: Embedding | np.ndarray
    images: int
    texts: int
    owner: Callable[[], np.ndarray] = field(repr=False)
    captions: Callable[[], Sequence[str]] | None = field(repr=False)
    similarity: Similarity | None
    scored: str
    data_roots: tuple[Path, ...] = ()
    about: dict[str, Any] = field(default_factory=dict)
    second: Embedded | None = None

    def evaluate(self, protocol: str, *, equal_captions: bool = False) -> RetrievalMetrics:
        """The metrics of a protocol.

        Args:
            protocol: name of the protocol.
            equal_captions: whether captions that are equal word for word match the images of all
                their equals.

        Raises:
            SpecError: there is no such protocol, or the captions are not known.
            DataError: the embeddings do not fit each other, or are not finite.
        """
        from vsebench.retrieval import RetrievalMetrics, evaluate

        if equal_captions and self.captions is None:
            raise SpecError(
                "equal captions can only be found in the captions: name them with --captions FILE, "
                "one a line, or --dataset NAME"
            )
        found = evaluate(
            self.image,
            self.text,
            self.owner(),
            protocol=protocol,  # type: ignore[arg-type]  # another word is its error to raise
            similarity=self.similarity,
            equal_captions=self.captions() if equal_captions and self.captions else None,
        )
        if self.second is None:
            return found
        beside = self.second.evaluate(protocol, equal_captions=equal_captions)
        return RetrievalMetrics.of_galleries([found, beside])

    @property
    def counts(self) -> dict[str, int]:
        """How many images and captions are counted."""
        galleries = [self] if self.second is None else [self, self.second]
        return {
            "images": sum(each.images for each in galleries),
            "captions": sum(each.texts for each in galleries),
        }


def test_split(name: str, plugins: tuple[str, ...], data_roots: Sequence[Path]) -> OpenedTest:
    """The test split of a data set.

    Raises:
        VsebenchError: there is no such set, it cannot be opened, or is not of images and captions.
    """
    from vsebench.cli.shared.options import find_dataset
    from vsebench.data.open import open_dataset
    from vsebench.plugin import RetrievalData

    component, _, params = find_dataset(name, plugins, data_roots)
    opened = open_dataset(component, params, data_roots=data_roots)
    if not isinstance(opened.data, RetrievalData):
        raise DataError(f"{name} is no image–caption set: 'vsebench data list' says which are")
    return OpenedTest(
        component.canonical(params), opened.data.splits["test"], opened.fingerprint, opened.path
    )


@dataclass(frozen=True)
class OpenedTest:
    """The test split of a data set.

    Attributes:
        spec: canonical spec of the data set.
        split: its images and captions.
        fingerprint: identifies its content.
        path: folder that it was found in.
    """

    spec: str
    split: RetrievalSplit
    fingerprint: str
    path: Path


def warn(text: str | None) -> None:
    """Says on one line, beside the output, what a reader of it must know."""
    if text is not None:
        typer.echo(f"vsebench: warning: {text}", err=True)


def open_array(path: Path, dimensions: int) -> np.ndarray:
    """A memory map of a .npy file.

    Raises:
        DataError: no such file, not a whole .npy file, or not of so many dimensions.
    """
    from tokenize import TokenError

    import numpy as np
    from numpy.lib.format import open_memmap

    if path.is_dir():
        raise DataError(f"{path} is a folder: name a .npy file; a run is named alone")
    if not path.exists():
        raise MissingError(f"{path}: no such file")
    if not path.is_file():
        raise DataError(f"{path} is no regular file: an array is mapped, not read from a pipe")
    try:
        with np.errstate(over="ignore"):  # of a header that claims more than there is
            array: np.ndarray = open_memmap(path, mode="r")
    except (ValueError, OSError, OverflowError, RecursionError, TokenError) as error:
        raise DataError(f"{path} is not a whole .npy file of numbers: {error}") from error
    if array.dtype.kind not in "biufc":
        raise DataError(f"{path} holds {array.dtype}: expected numbers")
    if array.ndim != dimensions:
        raise DataError(
            f"{path} must have {dimensions} dimension{'s' * (dimensions > 1)}, found shape "
            f"{array.shape}"
        )
    return array


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
        as_counted: embed all that its record counts of its own data set, not test alone.
    """

    name: str
    results: Path
    data_roots: tuple[Path, ...]
    device: str
    plugins: tuple[str, ...] = ()
    dataset: str | None = None
    as_counted: bool = False


def from_model(wanted: ModelRequest) -> Embedded:
    """A test split as a trained model embeds it.

    Raises:
        VsebenchError: embeddings without captions, no such model, not exactly one, it cannot be
            used, or it cannot read the data set.
    """
    if wanted.name.endswith(".npy"):
        raise SpecError(f"{wanted.name} holds the images' embeddings: name the captions' after it")
    model = open_model(
        wanted.name,
        wanted.results,
        device=wanted.device,
        plugins=wanted.plugins,
        data_roots=list(map(str, wanted.data_roots)),
    )
    about: dict[str, Any] = {"run_id": model.record.run_id}
    second = None
    if wanted.dataset is None:
        test = _on_own(model, wanted)
        split, path = test.split, test.data_path
        if test.second is not None:
            about["counted_on"] = model.spec.counted_on
            second = _embedded(model, test.second)
    else:
        split, path, unknown = _on_another(model, wanted)
        about |= {"dataset": wanted.dataset, "trained_on": model.spec.dataset.spec}
        if unknown is not None:
            about |= {"words": unknown.of, "unknown_words": unknown.words}
    roots = (*wanted.data_roots, path)
    return replace(_embedded(model, split), data_roots=roots, about=about, second=second)


def _embedded(model: TrainedModel, split: EmbeddedSplit) -> Embedded:
    return Embedded(
        split.image,
        split.text,
        int(split.text_to_image.max()) + 1,
        len(split.text_to_image),
        lambda: split.text_to_image,
        lambda: split.captions,
        split.similarity,
        f"the model's similarity, {model.spec.similarity.spec}",
    )


def _on_own(model: TrainedModel, wanted: ModelRequest) -> OwnTest:
    """What the model makes of the data set that it was trained on."""
    from vsebench.plugin.host.loader import load_plugins
    from vsebench.retrieval.stored import own_data, own_test

    files = dict.fromkeys((*model.plugins, *wanted.plugins))
    path, data = own_data(model.spec, load_plugins(tuple(files)).registry, wanted.data_roots)
    test = own_test(model, path, data, as_counted=wanted.as_counted)
    warn(test.mismatch)
    if model.spec.counted_on != "test" and test.second is None:
        say(f"of the test split alone; the record of the run is counted on {model.spec.counted_on}")
    return test


def _on_another(
    model: TrainedModel, wanted: ModelRequest
) -> tuple[EmbeddedSplit, Path, Unknown | None]:
    """The test split of the data set that was asked for, where it was found, and how much of its
    captions the model cannot read.
    """
    assert wanted.dataset is not None
    test = test_split(wanted.dataset, wanted.plugins, wanted.data_roots)
    if test.fingerprint != model.spec.data_fingerprint:
        say(
            f"trained on {model.spec.dataset.spec} (fingerprint {model.spec.data_fingerprint}), "
            f"evaluated on the test split of {wanted.dataset} ({test.fingerprint})"
        )
    unknown = model.unknown(test.split.captions)
    say_unknown(unknown)
    return model.embed(test.split, f"test of {wanted.dataset}"), test.path, unknown
