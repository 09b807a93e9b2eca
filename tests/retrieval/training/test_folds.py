"""Runs whose test split is ranked within folds, too, as papers report COCO 1K."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from vsebench.plugin import DataError, SpecError
from vsebench.plugin.host.loader import load_plugins
from vsebench.plugin.metrics import IN_FOLDS
from vsebench.report.results import load_results
from vsebench.report.rows.runs import read_runs
from vsebench.report.statistics import contributions
from vsebench.results.checks import soundness
from vsebench.results.checks.audit import audit
from vsebench.results.folder.store import Store
from vsebench.retrieval.ranking import evaluation, metrics
from vsebench.retrieval.stored import embed_test, open_stored, open_trained, own_data
from vsebench.retrieval.training.train import train

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from vsebench.results.spec import RunSpec

    Plan = Callable[..., tuple[RunSpec, ...]]

BOTH = {"evaluate": "full,1k-5fold", "epochs": 2}
CPU = torch.device("cpu")
FOLD = 10


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Folds of ten images, of which the test split has forty."""
    for module in (evaluation, metrics, contributions, soundness):
        monkeypatch.setattr(module, "FOLD", FOLD)
    monkeypatch.setattr("vsebench.grid.preflight.FOLD", FOLD)


def by_hand(image: np.ndarray, text: np.ndarray, owner: np.ndarray) -> dict[str, float]:
    """Recalls within folds, averaged over them, from a whole matrix of scores."""
    found: dict[str, list[float]] = {}
    scores = image @ text.T
    for start in range(0, len(image), FOLD):
        images = range(start, start + FOLD)
        captions = [c for c in range(len(text)) if owner[c] in images]
        for k in (1, 5, 10):
            hits = [
                min(
                    sum(
                        scores[i, other] >= scores[i, own]
                        for other in captions
                        if owner[other] != i
                    )
                    for own in captions
                    if owner[own] == i
                )
                < k
                for i in images
            ]
            found.setdefault(f"i2t_r{k}_1k", []).append(100 * float(np.mean(hits)))
            hits = [
                sum(scores[i, c] >= scores[owner[c], c] for i in images if i != owner[c]) < k
                for c in captions
            ]
            found.setdefault(f"t2i_r{k}_1k", []).append(100 * float(np.mean(hits)))
    return {key: float(np.mean(values)) for key, values in found.items()}


@pytest.mark.usefixtures("small")
def test_what_is_ranked_within_folds_is_in_record_row_and_table(
    plan_runs: Plan, tmp_path: Path
) -> None:
    for seed in (0, 1):
        (spec,) = plan_runs(set=BOTH, seeds=str(seed))
        directory = Store(tmp_path).directory_for(spec)
        directory.write_spec(spec)
        record = train(spec, directory, lambda event: None)

        stored = open_stored(directory)
        _, data = own_data(spec, load_plugins().registry, ())
        model = open_trained(stored, (), CPU, data=data)
        test = data.splits["test"]
        found = model.embed(test)
        expected = by_hand(
            found.image.double().numpy(), found.text.double().numpy(), test.text_to_image
        )
        assert {key: record.test[key] for key in expected} == pytest.approx(expected)
        assert record.test["rsum_1k"] == pytest.approx(sum(expected.values()))
        assert record.test["rsum_1k"] > record.test["rsum"]
        assert embed_test(stored, (), CPU).mismatch is None
    assert audit(tmp_path).findings == ()

    for run in read_runs(tmp_path).ended:
        for metric in IN_FOLDS.values():
            assert run.per_image[metric.key].mean() == pytest.approx(run.record.test[metric.key])
    results = load_results(tmp_path)
    (row,) = results.rows
    values = [run.record.test["rsum_1k"] for run in read_runs(tmp_path).ended]
    assert row["rsum_1k"] == pytest.approx(np.mean(values))
    assert row["rsum_1k_lo"] < row["rsum_1k"] < row["rsum_1k_hi"]
    assert json.loads(results.table("json"))["rows"] == [row]
    text = results.table("md")
    assert all(f" {side} 1K R@{k} " in text for side in ("i2t", "t2i") for k in (1, 5, 10))
    assert "1K: ranked within folds" in text
    assert max(map(len, results.table(width=80).splitlines())) <= 80
    assert f"{row['rsum_1k']:.1f} ±" in results.table(columns=["rsum_1k"])


def test_a_fold_counts_as_much_as_any_other_whatever_its_captions(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for module in (metrics, contributions):
        monkeypatch.setattr(module, "FOLD", 2)
    owner = np.array([0, 1, 2, 2, 2, 3])
    i2t, t2i = np.array([0, 1, 0, 0]), np.array([0, 1, 0, 0, 1, 1])
    found = metrics.of_folds(i2t, t2i, owner)
    assert (found["i2t_r1_1k"], found["t2i_r1_1k"]) == (75.0, 50.0)
    ranks = {"i2t": i2t, "t2i": t2i, "i2t_1k": i2t, "t2i_1k": t2i, "text_to_image": owner}
    shares = contributions.recalls(ranks)
    for key, value in found.items():
        assert shares[key].mean() == pytest.approx(value)


def test_runs_without_folds_have_neither_keys_nor_columns(plan_runs: Plan, tmp_path: Path) -> None:
    (spec,) = plan_runs(set={"epochs": 1})
    directory = Store(tmp_path).directory_for(spec)
    directory.write_spec(spec)
    record = train(spec, directory, lambda event: None)
    assert not [key for key in record.test if key.endswith("_1k")]
    results = load_results(tmp_path)
    assert not [key for key in results.rows[0] if "_1k" in key]
    assert "1K" not in results.table("md")


@pytest.mark.parametrize(
    ("changes", "error", "said"),
    [
        (BOTH, DataError, "has 40 test images, no multiple of 1,000"),
        ({**BOTH, "tune_images": 20, "evaluate_on": "dev+test"}, SpecError, "the test split alone"),
        ({"evaluate": "1k"}, SpecError, "evaluate must be"),
    ],
)
def test_folds_that_there_cannot_be(
    plan_runs: Plan, changes: dict[str, object], error: type[Exception], said: str
) -> None:
    with pytest.raises(error, match=said):
        plan_runs(set=changes)
