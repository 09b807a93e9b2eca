"""Which model a run tests, and that test labels have no part in the choice."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from safetensors.torch import load_file

from tests.annotation.test_run import go, plan_runs  # noqa: F401  # a fixture

if TYPE_CHECKING:
    from pathlib import Path

    from tests.annotation.test_run import Plan

N, A = 120, 40


def write_pairs(root: Path, shift: int) -> Path:
    """Images of three groups with labels of their group, one of them for test, which `shift`
    chooses; both sets number images and labels alike.
    """
    folder = root / f"tests-{shift}" / "interactions"
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    groups = np.arange(N) % 3
    train = [
        (i, label)
        for i in range(N)
        for label in range(A)
        if label % 4 == groups[i] and label > 8 and rng.random() < 0.7
    ]
    every = [(0, label) for label in range(A)]
    test = [(i, groups[i] + 4 * shift) for i in range(1, N)]
    for name, pairs in (("train", [*every, *train]), ("test", test)):
        (folder / f"{name}.txt").write_text(
            "".join(f"{image} {label} 1\n" for image, label in pairs), encoding="utf-8"
        )
    return folder.parent


def test_test_labels_change_neither_the_curve_nor_the_model(
    plan_runs: Plan,  # noqa: F811
    tmp_path: Path,
) -> None:
    found = []
    for shift in (0, 1):
        (spec,) = plan_runs(
            dataset="interactions", data_root=[str(write_pairs(tmp_path, shift))], set={"lr": 0.1}
        )
        found.append(go(spec, tmp_path / f"runs-{shift}"))
    (one, first), (other, second) = found
    assert one.test != other.test
    assert (one.best_dev, one.best_step) == (other.best_dev, other.best_step)
    curves = [
        [(e.step, e.loss, e.metrics) for e in directory.read_curve()]
        for directory in (first, second)
    ]
    assert curves[0] == curves[1]
    assert len({e.metrics["map"] for e in first.read_curve()}) > 1
    one_model, other_model = load_file(first.best_path), load_file(second.best_path)
    assert {name: tensor.tolist() for name, tensor in one_model.items()} == {
        name: tensor.tolist() for name, tensor in other_model.items()
    }


def test_the_best_model_is_tested_not_the_last(plan_runs: Plan, tmp_path: Path) -> None:  # noqa: F811
    """A run that learns its few pairs by heart is at its best in the middle; one that ends there
    tests the same model.
    """
    overfit = {"epochs": 8, "evals_per_epoch": 1, "lr": 0.2, "l2_image": 0, "l2_label": 0}
    (spec,) = plan_runs(set=overfit)
    record, directory = go(spec, tmp_path / "whole")
    curve = directory.read_curve()
    best = max(curve, key=lambda e: e.metrics["map"])
    assert best.step < curve[-1].step
    assert record.best_step == best.step
    (short,) = plan_runs(set={**overfit, "epochs": round(best.epoch)})
    until_best, until_best_directory = go(short, tmp_path / "short")
    assert until_best.steps == until_best.best_step == record.best_step
    assert record.test == until_best.test
    stored, expected = load_file(directory.best_path), load_file(until_best_directory.best_path)
    assert {name: tensor.tolist() for name, tensor in stored.items()} == {
        name: tensor.tolist() for name, tensor in expected.items()
    }
    with (
        np.load(directory.path / "per_image.npz") as whole,
        np.load(until_best_directory.path / "per_image.npz") as ended,
    ):
        assert whole["map"].tolist() == ended["map"].tolist()
