"""Finished runs used again: their best models, applied to their test splits."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from vsebench.data.open import open_dataset
from vsebench.kernels.devices import cpu_threads
from vsebench.kernels.gemm import true_float32
from vsebench.plugin import RetrievalData
from vsebench.plugin.errors import DataError, MissingError, VsebenchError
from vsebench.plugin.host.loader import load_plugins
from vsebench.results.run_base import METRIC_VERSION
from vsebench.results.spec import RunSpec
from vsebench.retrieval.frozen import keep_features, untrained
from vsebench.retrieval.inputs.run_inputs import open_inputs
from vsebench.retrieval.ranking.evaluation import evaluate
from vsebench.retrieval.training.first_round import load_best
from vsebench.retrieval.training.selection import embed_split, ranked_by

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import torch

    from vsebench.plugin import RetrievalSplit
    from vsebench.plugin.embeddings import Embedding
    from vsebench.plugin.protocols import Similarity
    from vsebench.plugin.registry import Registry
    from vsebench.results.reader import RunReader
    from vsebench.results.record import RunRecord
    from vsebench.retrieval.ranking.metrics import RetrievalMetrics


@dataclass(frozen=True, eq=False)
class StoredRun:
    """A finished retrieval run whose best model is on disk."""

    directory: RunReader
    spec: RunSpec
    record: RunRecord


@dataclass(frozen=True, eq=False)
class StoredEmbeddings:
    """What a run's best model makes of its test split.

    Attributes:
        image: embeddings of n images.
        text: embeddings of m captions.
        text_to_image: int64 [m].
        captions: the texts.
        similarity: how they are scored; None for the inner product.
        data_path: where the data set was found.
    """

    image: Embedding
    text: Embedding
    text_to_image: np.ndarray
    captions: Sequence[str]
    similarity: Similarity | None
    data_path: Path

    @cached_property
    def metrics(self) -> RetrievalMetrics:
        """Among all items, as the run's own evaluation ranks them."""
        return evaluate(self.image, self.text, self.text_to_image, similarity=self.similarity)

    def evaluate(self, protocol: str) -> RetrievalMetrics:
        """The metrics of a protocol.

        Raises:
            SpecError: there is no such protocol, or it does not fit the data.
        """
        if protocol == "full":
            return self.metrics
        return evaluate(
            self.image,
            self.text,
            self.text_to_image,
            protocol=protocol,  # type: ignore[arg-type]  # as said
            similarity=self.similarity,
        )


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
            f"{directory.best_path} is missing: packs and shared records leave models out, so make "
            "the run again, in another folder ('vsebench run --out')"
        )
    spec = directory.read_spec()
    assert isinstance(spec, RunSpec)
    return StoredRun(directory, spec, record)


def embed_test(
    run: StoredRun, data_roots: Sequence[Path], device: torch.device
) -> StoredEmbeddings:
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
    spec = run.spec
    registry = load_plugins(spec.environment.plugin_files).registry
    _check_versions(spec, registry)
    path, test = _open_data(spec, registry, data_roots)
    spec = spec.model_copy(
        update={"environment": spec.environment.model_copy(update={"data_path": str(path)})}
    )
    with cpu_threads(spec.protocol.threads), true_float32(fast=device.type == "cpu"):
        inputs = open_inputs(spec, registry, device)
        model, frozen = untrained(spec, registry, inputs)
        inputs = keep_features(frozen, inputs, spec, device, _ignore, splits=("test",))
        model.to(device)
        load_best(model, run.directory)
        image, text = embed_split(model, inputs.test, device)
    return StoredEmbeddings(
        image,
        text,
        inputs.test.text_to_image,
        test.captions,
        ranked_by(model, image),
        path,
    )


def _ignore(event: dict[str, object]) -> None:
    """Takes progress that nobody watches."""


def mismatch(run: StoredRun, found: StoredEmbeddings, device: torch.device) -> str | None:
    """What to say where the model's figures are not its record's, although both were computed on
    the CPU, which gives them to the last digit; else None.
    """
    if (
        device.type != "cpu"
        or run.spec.device != "cpu"
        or run.record.metric_version != METRIC_VERSION
    ):
        return None
    now, then = found.metrics.as_dict(), run.record.test
    if all(now[key] == value for key, value in then.items() if key in now):
        return None
    return (
        f"the record of {run.directory.path.name} has a test RSUM of {then['rsum']:.4f}, its "
        f"model gives {now['rsum']:.4f}: {run.directory.best_path} is of another run, or "
        "libraries or processor compute otherwise than where the run was made"
    )


def _open_data(
    spec: RunSpec, registry: Registry, data_roots: Sequence[Path]
) -> tuple[Path, RetrievalSplit]:
    """The folder that holds the run's data set today, its content checked, and the test split."""
    known = Path(spec.environment.data_path)
    roots = [*data_roots, *([known] if spec.environment.data_path and known.is_dir() else [])]
    opened = open_dataset(
        registry.get("dataset", spec.dataset.name), spec.dataset.params, data_roots=roots
    )
    if opened.fingerprint != spec.data_fingerprint or not isinstance(opened.data, RetrievalData):
        raise DataError(
            f"{spec.dataset.spec} in {opened.path} has fingerprint {opened.fingerprint}, the run "
            f"'{spec.label}' was made on {spec.data_fingerprint}: name the folder of its data "
            "with --data-root"
        )
    return opened.path, opened.data.splits["test"]


def _check_versions(spec: RunSpec, registry: Registry) -> None:
    """A component that behaves otherwise by now would give numbers that the run never had."""
    parts = [(slot.kind, ref) for slot, ref in spec.components() if slot.in_model]
    for kind, ref in parts:
        now, then = registry.get(kind, ref.name).card.version, ref.version.partition("+")[0]
        if now != then:
            raise VsebenchError(
                f"{kind} '{ref.name}' is version {now} now, the run '{spec.label}' used "
                f"{then}: make the run again with 'vsebench run'"
            )
