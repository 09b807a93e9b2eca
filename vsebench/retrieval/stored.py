"""Finished runs used again: their best models, applied to their test splits."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from vsebench.data.described import dataset_component
from vsebench.data.open import open_dataset
from vsebench.data.vocabulary import Vocabulary
from vsebench.kernels.devices import cpu_threads
from vsebench.plugin import ImageSource, RetrievalData
from vsebench.plugin.errors import DataError, MissingError, VsebenchError
from vsebench.results.checks.contents import read_about
from vsebench.results.plugins import plugins_of
from vsebench.results.reader import SPEC
from vsebench.results.run_base import METRIC_VERSION
from vsebench.results.spec import RunSpec
from vsebench.retrieval.frozen import take_frozen
from vsebench.retrieval.inputs.held_out import SECOND, splits_of
from vsebench.retrieval.inputs.run_inputs import reads_words, takes_raw_images, tokeniser_of
from vsebench.retrieval.inputs.splits import RawImages
from vsebench.retrieval.model import build
from vsebench.retrieval.ranking.metrics import RetrievalMetrics
from vsebench.retrieval.trained import EmbeddedSplit, TrainedModel
from vsebench.retrieval.training.first_round import load_best

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch

    from vsebench.plugin.registry import Registry
    from vsebench.results.reader import RunReader
    from vsebench.results.record import RunRecord


@dataclass(frozen=True, eq=False)
class StoredRun:
    """A finished retrieval run whose best model is on disk."""

    directory: RunReader
    spec: RunSpec
    record: RunRecord


def open_stored(directory: RunReader) -> StoredRun:
    """Checks that a directory holds a run that can be used again.

    Raises:
        VsebenchError: the run has not finished, is of another task, or its model is not there.
    """
    record = directory.read_record()
    if record is None or record.status != "done":
        state = "has not finished" if record is None else record.status
        raise VsebenchError(
            f"the run in {directory.path} {'is ' if record else ''}{state}: only finished runs "
            "have a model"
        )
    if not isinstance(record.spec, RunSpec):
        raise VsebenchError(
            f"the run in {directory.path} is of the task '{record.spec.task}': only retrieval "
            "runs embed images and captions"
        )
    if not directory.best_path.is_file():
        raise MissingError(
            f"{directory.best_path} is missing: packs, shared records and '--keep none' leave "
            "models out, so make the run again, in another folder ('vsebench run --out')"
        )
    spec = directory.read_spec()
    if not isinstance(spec, RunSpec) or spec.run_id != record.run_id:
        raise directory.damaged(SPEC, ValueError("it is of another run than the record"))
    return StoredRun(directory, spec, record)


@dataclass(frozen=True, eq=False)
class OwnTest:
    """A model's embeddings of the test split of the data set that it was trained on.

    Attributes:
        split: its embeddings of the test split.
        data_path: where the data set was found.
        mismatch: message for a model whose figures differ from its record's, although both count
            the same splits and were computed on the CPU, which reproduces them exactly; else None.
        second: its embeddings of the split that its record counts beside test; None where there is
            none, or test alone was asked for.
    """

    split: EmbeddedSplit
    data_path: Path
    mismatch: str | None
    second: EmbeddedSplit | None = None


def embed_test(run: StoredRun, data_roots: Sequence[Path], device: torch.device) -> OwnTest:
    """Embeds the test split as the run's own evaluation did.

    Args:
        run: the run.
        data_roots: folders in which its data set is looked for before the one where the run found
            it.
        device: device to compute on.

    Raises:
        VsebenchError: the data set is not found or is not the run's, or a component is of another
            version now.
    """
    path, data = own_data(run.spec, run_registry(run.spec), data_roots)
    return own_test(open_trained(run, data_roots, device, data=data), path, data)


def own_test(
    model: TrainedModel, path: Path, data: RetrievalData, *, as_counted: bool = False
) -> OwnTest:
    """Embeds the test split of the data set that a model was trained on.

    Args:
        model: the model.
        path: folder of the data set.
        data: the data set.
        as_counted: embed the split that its record counts beside test, too.
    """
    split, second = model.embed(data.splits["test"]), None
    if as_counted and model.spec.counted_on != "test":
        second = model.embed(splits_of(data, model.spec.protocol)[SECOND], SECOND)
    return OwnTest(split, path, _mismatch(model, split, second), second)


def open_trained(
    run: StoredRun,
    data_roots: Sequence[Path],
    device: torch.device,
    *,
    data: RetrievalData | None = None,
    threads: int | None = None,
) -> TrainedModel:
    """The run's best model. Runs of earlier releases do not hold their vocabulary, which is then
    made of the training captions again.

    Args:
        run: the run.
        data_roots: folders in which its data set is looked for, where it is needed.
        device: device to compute on.
        data: its data set, where it is open.
        threads: number of CPU threads; by default the run's.

    Raises:
        VsebenchError: a component is of another version now, or the data set is needed and not
            found.
    """
    spec, registry = run.spec, run_registry(run.spec)
    check_versions(spec, registry, "make the run again with 'vsebench run'")
    about = read_about(run.directory.best_path)
    words = reads_words(spec.text_encoder, registry)
    whole = "in_dim" in about and (run.directory.vocabulary_path.is_file() or not words)
    if not whole and data is None:
        data = own_data(spec, registry, data_roots)[1]
    if not whole:
        assert data is not None
        train = data.splits["train"]
        tokeniser = tokeniser_of(spec, registry, train.captions)
        in_dim = (
            RawImages.dim if isinstance(train.features, ImageSource) else train.features.shape[2]
        )
    else:
        tokeniser = (
            Vocabulary.read(
                run.directory.vocabulary_path, ends_are_words=spec.protocol.augment_ends
            )
            if words
            else tokeniser_of(spec, registry, ())
        )
        in_dim = about["in_dim"]
    with cpu_threads(spec.protocol.threads):
        model = build(spec, registry, in_dim=in_dim, vocabulary_size=len(tokeniser))
        frozen = take_frozen(model, spec, registry)
        load_best(model, run.directory)
    return TrainedModel(
        spec,
        run.record,
        model,
        frozen,
        tokeniser,
        in_dim,
        weights=run.directory.best_path,
        raw_images=takes_raw_images(spec.image_encoder, registry),
        device=device,
        threads=threads or spec.protocol.threads,
    )


def run_registry(spec: RunSpec) -> Registry:
    """The components that a run was made with, those of its plugin files among them."""
    return plugins_of(spec).registry


def _mismatch(model: TrainedModel, test: EmbeddedSplit, second: EmbeddedSplit | None) -> str | None:
    record = model.record
    if (
        model.device.type != "cpu"
        or model.spec.device != "cpu"
        or (second is None and model.spec.counted_on != "test")
        or record.metric_version != METRIC_VERSION
    ):
        return None
    galleries = [split.metrics for split in (test, second) if split is not None]
    now, then = RetrievalMetrics.of_galleries(galleries).as_dict(), record.test
    if all(now[key] == value for key, value in then.items() if key in now):
        return None
    return (
        f"the record of {model.weights.parent.name} has a test RSUM of {then['rsum']:.4f}, its "
        f"model gives {now['rsum']:.4f}: {model.weights} is of another run, or libraries or "
        "processor compute otherwise than where the run was made"
    )


def own_data(
    spec: RunSpec, registry: Registry, data_roots: Sequence[Path]
) -> tuple[Path, RetrievalData]:
    """The folder that holds a run's data set today, and the set, its content checked.

    Raises:
        DataError: it is not found, or is not the run's.
    """
    known = Path(spec.environment.data_path)
    roots = [*data_roots, *([known] if spec.environment.data_path and known.is_dir() else [])]
    component = dataset_component(registry, spec.dataset.name, roots)
    opened = open_dataset(component, spec.dataset.params, data_roots=roots)
    if opened.fingerprint != spec.data_fingerprint or not isinstance(opened.data, RetrievalData):
        raise DataError(
            f"{spec.dataset.spec} in {opened.path} has fingerprint {opened.fingerprint}, the run "
            f"'{spec.label}' was made on {spec.data_fingerprint}: name the folder of its data "
            "with --data-root"
        )
    return opened.path, opened.data


def check_versions(spec: RunSpec, registry: Registry, remedy: str) -> None:
    """Refuses a component that behaves otherwise by now: it would give numbers that the run never
    had.
    """
    parts = [(slot.kind, ref) for slot, ref in spec.components() if slot.in_model]
    for kind, ref in parts:
        now, then = registry.get(kind, ref.name).card.version, ref.version.partition("+")[0]
        if now != then:
            raise VsebenchError(
                f"{kind} '{ref.name}' is version {now} now, the run '{spec.label}' used "
                f"{then}: {remedy}"
            )
