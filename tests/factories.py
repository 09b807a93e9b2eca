"""Specs, curves and records with plausible values, for tests of the store and of the reports."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from vsebench.plugin.metrics import RECALLS
from vsebench.results.components import ComponentRef
from vsebench.results.external import ExternalFile, ExternalRow
from vsebench.results.folder.store import Store
from vsebench.results.protocol import AnnotationProtocol, Protocol
from vsebench.results.record import Cost, Evaluation, Provenance, RunRecord
from vsebench.results.run_base import Environment
from vsebench.results.spec import AnnotationSpec, RunSpec

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

QUICK = Protocol(name="quick", embed_dim=64, epochs=4, sibling_mask=True)


def component(spec: str, version: str = "1") -> ComponentRef:
    """A reference with the parameters that its spec shows."""
    name, *parameters = re.split(r"(?<!:):(?!:)", spec)
    return ComponentRef(
        spec=spec,
        name=name,
        params=dict(p.split("=") for p in parameters),
        version=version,
        distribution="vsebench",
        plugin="classic",
    )


def make_spec(
    pooling: str = "mean",
    loss: str = "triplet",
    seed: int = 0,
    *,
    dataset: str = "scenes",
    version: str = "1",
    **changes: Any,
) -> RunSpec:
    """A run spec; a pooling `a/b` serves the two towers."""
    image, _, text = pooling.partition("/")
    fields: dict[str, Any] = {
        "dataset": component(dataset),
        "data_fingerprint": f"{dataset}-5b1c2a90",
        "image_pooling": component(image, version),
        "text_pooling": component(text or image, version),
        "similarity": component("dot"),
        "loss": component(loss),
        "image_encoder": component("region"),
        "text_encoder": component("bigru"),
        "batch_plan": component("random"),
        "warmup_loss": component("sum-hinge"),
        "protocol": QUICK,
        "seed": seed,
        "environment": Environment(concurrency=2),
    }
    return RunSpec(**fields | changes)


def make_annotation_spec(
    sampler: str = "uniform",
    loss: str = "hinge",
    seed: int = 0,
    *,
    dataset: str = "mirflickr",
    **changes: Any,
) -> AnnotationSpec:
    """A spec of the annotation task."""
    fields: dict[str, Any] = {
        "dataset": component(dataset),
        "data_fingerprint": f"{dataset}-5b1c2a90",
        "sampler": component(sampler),
        "loss": component(loss),
        "protocol": AnnotationProtocol(epochs=4),
        "seed": seed,
        "environment": Environment(concurrency=2),
    }
    return AnnotationSpec(**fields | changes)


def metrics(rsum: float) -> dict[str, float]:
    """Six recalls that sum to `rsum`, up to 416, and ranks."""
    shares = (0.09, 0.18, 0.24, 0.085, 0.175, 0.23)
    return dict(zip(RECALLS, (min(100, rsum * share) for share in shares), strict=True)) | {
        "rsum": rsum,
        "i2t_medr": 3.0,
        "t2i_medr": 4.0,
        "i2t_meanr": 12.5,
        "t2i_meanr": 15.25,
    }


def make_curve(
    rsums: Sequence[float], *, steps: int = 10, seconds: float = 2.0, steps_per_epoch: int = 40
) -> list[Evaluation]:
    """Evaluations every `steps` steps and `seconds` seconds with these dev RSUMs."""
    return [
        Evaluation(
            step=i * steps,
            epoch=i * steps / steps_per_epoch,
            seconds=i * seconds,
            loss=1 / i,
            lr=5e-4,
            metrics=metrics(rsum),
        )
        for i, rsum in enumerate(rsums, start=1)
    ]


def make_provenance(**changes: Any) -> Provenance:
    fields: dict[str, Any] = {
        "started": "2026-11-21T10:00:00Z",
        "host": "node1",
        "device_name": "AMD EPYC 9965",
        "libraries": {"torch": "2.13.0"},
    }
    return Provenance(**fields | changes)


def make_record(
    spec: RunSpec | None = None,
    *,
    rsum: float = 300.0,
    cost: dict[str, Any] | None = None,
    **changes: Any,
) -> RunRecord:
    """The record of a run that ended well, unless `changes` says otherwise."""
    spec = spec or make_spec()
    costs: dict[str, Any] = {
        "train_seconds": 40.0,
        "samples_seen": 20480,
        "tower_forwards": 40960,
        "parameters": 250000,
        "peak_memory_mb": 600.0,
        "concurrency": 2,
    }
    fields: dict[str, Any] = {
        "run_id": spec.run_id,
        "status": "done",
        "spec": spec,
        "test": metrics(rsum),
        "best_dev": metrics(rsum + 5),
        "best_step": 40,
        "steps": 160,
        "steps_per_epoch": 40,
        "warmup_steps": 0,
        "cost": Cost(**costs | (cost or {})),
        "provenance": make_provenance(),
    }
    return RunRecord(**fields | changes)


def make_external(
    name: str = "CLIP", *, rsum: float = 320.0, dataset: str = "scenes", **changes: Any
) -> ExternalRow:
    """A row that was measured on the data of `make_spec`, of embeddings made elsewhere."""
    file = ExternalFile(name="images.npy", sha256="5b1c2a90" * 8, shape=(20, 7), dtype="float32")
    fields: dict[str, Any] = {
        "name": name,
        "dataset": dataset,
        "data_fingerprint": f"{dataset}-5b1c2a90",
        "images": 20,
        "captions": 100,
        "scored": "inner products of the rows as given",
        "test": metrics(rsum),
        "files": {"images": file},
        "command": "vsebench add-row images.npy texts.npy",
        "added": "2026-11-21T12:00:00Z",
        "libraries": {"vsebench": "0.1.0"},
    }
    return ExternalRow(**fields | changes)


def save(out: Path, record: RunRecord, curve: Sequence[Evaluation] = ()) -> RunRecord:
    """Leaves in the store what a run would leave: it ends where its curve does."""
    if curve:
        record = record.model_copy(update={"steps": curve[-1].step})
    directory = Store(out).directory_for(record.spec)
    directory.write_spec(record.spec)
    for evaluation in curve:
        directory.append_evaluation(evaluation)
    directory.write_record(record)
    return record
