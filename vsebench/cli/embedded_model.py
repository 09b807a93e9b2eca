"""A trained model as `vsebench evaluate` takes it: what it makes of a test split."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from vsebench.cli.embedded import Embedded, test_split, warn
from vsebench.cli.models import open_model, say, say_unknown
from vsebench.plugin.errors import SpecError

if TYPE_CHECKING:
    from pathlib import Path

    from vsebench.retrieval.stored import OwnTest
    from vsebench.retrieval.trained import EmbeddedSplit, TrainedModel, Unknown


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
