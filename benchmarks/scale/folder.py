"""A packed folder of as many runs as one likes: valid records, curves and ranks, drawn at random.

Five data sets, 40 rows by 10 losses or samplers each at 10,000 runs, five seeds a row. Every run
has a curve of eight evaluations. Runs of the retrieval task have the ranks of their test queries:
those of one data set of 1,000 images, those of the others of 200, five captions each. Runs of the
annotation task have average precisions by image.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tests.factories import (
    component,
    make_annotation_spec,
    make_provenance,
    make_record,
    make_spec,
)
from vsebench.report.statistics.contributions import recalls
from vsebench.results.folder.store import Store
from vsebench.results.packs.packing import pack
from vsebench.results.record import Evaluation
from vsebench.results.tasks import task_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from vsebench.results.record import RunRecord
    from vsebench.results.spec import AnySpec

IMAGES = {"flickr8k": 1000, "scenes": 200, "f30k": 200, "coco": 200, "mirflickr": 200}
"""Test images by data set; the last one is of the annotation task."""
SEEDS = 5
_CAPTIONS = 5
_STEPS = 40
_LOSSES = ("triplet", "infonce", "aoq", "sum-hinge", "siglip", "angular", "poly", "npair")
_LOSSES = (*_LOSSES, "circle", "ranked-list")


def packed_folder(runs: int, out: Path) -> Path:
    """Writes that many runs and packs them; returns the folder of the pack, which holds nothing
    else.
    """
    store = Store(out / "made")
    store.prepare()
    specs = [spec for _, spec in zip(range(runs), _specs(runs), strict=False)]
    store.note_plan(spec.run_id for spec in specs)
    rng = np.random.default_rng(0)
    for spec in specs:
        _leave(spec, store, rng)
    pack(out / "made", out / "packed")
    return out / "packed"


def _specs(runs: int) -> Iterator[AnySpec]:
    rows = -(-runs // (len(IMAGES) * len(_LOSSES) * SEEDS))
    for dataset in IMAGES:
        for row in range(rows):
            for loss in _LOSSES:
                for seed in range(SEEDS):
                    if dataset == "mirflickr":
                        sampler = f"mixture:share={row}"
                        yield make_annotation_spec(sampler, loss, seed, dataset=dataset)
                    else:
                        yield make_spec(f"power:p={row}", loss, seed, dataset=dataset)


def _leave(spec: AnySpec, store: Store, rng: np.random.Generator) -> None:
    """What a run that ended well leaves, but for its model."""
    directory = store.directory_for(spec)
    directory.path.mkdir(parents=True)
    (directory.path / "spec.json").write_text(spec.model_dump_json(indent=1) + "\n")
    images = IMAGES[spec.dataset.name]
    if spec.task == "retrieval":
        i2t, t2i = (
            rng.geometric(rng.uniform(0.05, 0.15), size).astype(np.int32) - 1
            for size in (images, images * _CAPTIONS)
        )
        ranks = {"i2t": i2t, "t2i": t2i, "text_to_image": np.repeat(np.arange(images), _CAPTIONS)}
        directory.write_ranks(*ranks.values())
        test = _test_of(ranks)
    else:
        values = rng.uniform(0, 1, images)
        directory.write_per_image({"map": values})
        test = _annotation_metrics(float(values.mean()))
    record = _record(spec, test)
    curve = list(_curve(record, rng))
    (directory.path / "curve.jsonl").write_text(
        "".join(point.model_dump_json() + "\n" for point in curve)
    )
    directory.write_record(record)


def _test_of(ranks: Mapping[str, NDArray[Any]]) -> dict[str, float]:
    found = {key: float(values.mean()) for key, values in recalls(ranks).items()}
    for side in ("i2t", "t2i"):
        found[f"{side}_medr"] = float(np.median(ranks[side])) + 1
        found[f"{side}_meanr"] = float(ranks[side].mean()) + 1
    return found


def _annotation_metrics(quality: float) -> dict[str, float]:
    return dict.fromkeys(("p_at_5", "p_at_10", "r_at_5", "r_at_10", "map", "auc"), quality)


def _record(spec: AnySpec, test: dict[str, float]) -> RunRecord:
    libraries = {"torch": "2.13.0", "numpy": "2.3.0", "vsebench": "0.2.0", "python": "3.12.3"}
    provenance = make_provenance(libraries=libraries)
    changes: dict[str, Any] = {"test": test, "best_dev": test, "provenance": provenance}
    return make_record(spec, steps=8 * _STEPS, best_step=6 * _STEPS, **changes)  # type: ignore[arg-type]  # of either task


def _curve(record: RunRecord, rng: np.random.Generator) -> Iterator[Evaluation]:
    """Eight evaluations, of which the quality rises to that on test."""
    for i in range(1, 9):
        share = min(1.0, 0.5 + i / 12) - rng.uniform(0, 0.02)
        yield Evaluation(
            step=i * _STEPS,
            epoch=float(i),
            seconds=i * rng.uniform(4, 5),
            loss=float(rng.uniform(0.1, 0.2)),
            lr=5e-4,
            metrics={
                key: value * share
                for key, value in record.test.items()
                if key in {metric.key for metric in task_of(record.spec).metrics}
            },
            diagnostics={"mean_unrelated_cosine": float(rng.uniform(0, 0.1))},
            epoch_end=True,
        )


__all__ = ("IMAGES", "SEEDS", "component", "packed_folder")
