"""What `vsebench evaluate` evaluates: images and captions in one space, with how they are scored
and whose each caption is. `brought` opens those in `.npy` files, `from_model` makes those of a
trained model.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from vsebench.cli.shared.messages import note, warn
from vsebench.cli.shared.models import open_model, say_unknown
from vsebench.plugin.errors import DataError, SpecError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    import numpy as np

    from vsebench.plugin import RetrievalSplit
    from vsebench.plugin.protocols import Similarity
    from vsebench.plugin.retrieval import Embedding
    from vsebench.retrieval.ranking.metrics import RetrievalMetrics
    from vsebench.retrieval.trained import EmbeddedSplit, TrainedModel


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
    data_roots: Sequence[Path] = ()
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


def from_model(
    name: str,
    dataset: str | None,
    *,
    results: Path,
    data_roots: Sequence[Path],
    device: str,
    plugins: tuple[str, ...],
    as_counted: bool,
) -> Embedded:
    """A test split as a trained model embeds it.

    Args:
        name: folder of an exported model, or a run as `find_run` takes it.
        dataset: data set whose test split it embeds; None for its own.
        results: folder that a run is looked for in.
        data_roots: folders in which the data set is looked for first.
        device: device to compute on.
        plugins: plugin files of its components and of the data set.
        as_counted: embed all that its record counts of its own data set, not test alone.

    Raises:
        VsebenchError: embeddings without captions, no such model, not exactly one, it cannot be
            used, or it cannot read the data set.
    """
    if name.endswith(".npy"):
        raise SpecError(f"{name} holds the images' embeddings: name the captions' after it")
    model = open_model(name, results, device=device, plugins=plugins, data_roots=data_roots)
    found = (
        _on_own(model, data_roots, plugins, as_counted=as_counted)
        if dataset is None
        else _on_another(model, dataset, data_roots, plugins)
    )
    return replace(found, about={"run_id": model.record.run_id, **found.about})


def _on_own(
    model: TrainedModel, data_roots: Sequence[Path], plugins: Sequence[str], *, as_counted: bool
) -> Embedded:
    """What the model makes of the data set that it was trained on."""
    from vsebench.plugin.host.loader import load_plugins
    from vsebench.retrieval.stored import own_data, own_test

    registry = load_plugins(tuple(dict.fromkeys((*model.plugins, *plugins)))).registry
    path, data = own_data(model.spec, registry, data_roots)
    test = own_test(model, path, data, as_counted=as_counted)
    if test.mismatch is not None:
        warn(test.mismatch)
    counted_on, roots = model.spec.counted_on, [*data_roots, path]
    if test.second is not None:
        second = _embedded(model, test.second, roots)
        return replace(
            _embedded(model, test.split, roots), about={"counted_on": counted_on}, second=second
        )
    if counted_on != "test":
        note(f"of the test split alone; the record of the run is counted on {counted_on}")
    return _embedded(model, test.split, roots)


def _on_another(
    model: TrainedModel, dataset: str, data_roots: Sequence[Path], plugins: tuple[str, ...]
) -> Embedded:
    """What the model makes of the data set that was asked for, and how much of its captions it
    cannot read.
    """
    test = test_split(dataset, plugins, data_roots)
    if test.fingerprint != model.spec.data_fingerprint:
        note(
            f"trained on {model.spec.dataset.spec} (fingerprint {model.spec.data_fingerprint}), "
            f"evaluated on the test split of {dataset} ({test.fingerprint})"
        )
    about: dict[str, Any] = {"dataset": dataset, "trained_on": model.spec.dataset.spec}
    unknown = model.unknown(test.split.captions)
    say_unknown(unknown)
    if unknown is not None:
        about |= {"words": unknown.of, "unknown_words": unknown.words}
    split = model.embed(test.split, f"test of {dataset}")
    return replace(_embedded(model, split, [*data_roots, test.path]), about=about)


def _embedded(model: TrainedModel, split: EmbeddedSplit, data_roots: Sequence[Path]) -> Embedded:
    return Embedded(
        split.image,
        split.text,
        int(split.text_to_image.max()) + 1,
        len(split.text_to_image),
        lambda: split.text_to_image,
        lambda: split.captions,
        split.similarity,
        f"the model's similarity, {model.spec.similarity.spec}",
        data_roots,
    )
