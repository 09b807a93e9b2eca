from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.metrics import average_precision_score, roc_auc_score

from tests.oracles.annotation_metrics import image_metrics
from vsebench.annotation import evaluate, evaluate_scores
from vsebench.plugin import DataError, Positives, SpecError
from vsebench.plugin.metrics import keys


def made(images: int, labels: int, share: float, seed: int) -> Positives:
    rng = np.random.default_rng(seed)
    rows, columns = np.nonzero(rng.random((images, labels)) < share)
    return Positives.from_pairs(rows, columns, images, labels)


def without(positives: Positives, known: Positives) -> Positives:
    keep = ~known.contains(positives.images(), positives.labels)
    return Positives.from_pairs(
        positives.images()[keep], positives.labels[keep], len(positives), positives.n_labels
    )


def expected(scores: np.ndarray, positives: Positives, known: Positives | None):
    """Image rows, and their metrics, by the oracle."""
    rows, found = [], []
    for image in range(len(positives)):
        metrics = image_metrics(
            scores[image].tolist(),
            set(positives.row(image).tolist()),
            set(known.row(image).tolist()) if known else (),
        )
        if metrics is not None:
            rows.append(image)
            found.append(metrics)
    return rows, {
        name: np.array([metrics[name] for metrics in found]) for name in keys("annotation")
    }


def check(metrics, scores, positives, known) -> None:
    rows, per_image = expected(scores, positives, known)
    assert metrics.images.tolist() == rows
    for name in keys("annotation"):
        np.testing.assert_allclose(
            metrics.per_image[name], per_image[name], rtol=1e-12, err_msg=name
        )
        assert metrics.as_dict()[name] == pytest.approx(per_image[name].mean(), rel=1e-12)


@pytest.fixture(params=[False, True], ids=["torch", "numba"])
def compiled(request, monkeypatch):
    monkeypatch.setattr(
        "vsebench.annotation.evaluation._COMPILE_FROM", 0 if request.param else 10**12
    )


@pytest.mark.usefixtures("compiled")
@pytest.mark.parametrize("block", [1, 3, None])
@pytest.mark.parametrize("labels", [4, 9, 600])
@pytest.mark.parametrize("share", [0.15, 0.3, 0.9])
def test_equal_to_the_oracle(block, labels, share):
    rng = np.random.default_rng(labels)
    # Many ties
    image, label = (
        rng.integers(-3, 4, (8, 3)).astype(np.float32),
        rng.integers(-3, 4, (labels, 3)).astype(np.float32),
    )
    known = made(8, labels, 0.2, 1)
    positives = without(made(8, labels, share, 2), known)
    scores = image.astype(np.float64) @ label.astype(np.float64).T
    check(evaluate(image, label, positives, known, block=block), scores, positives, known)
    check(
        evaluate(torch.from_numpy(image).double(), label, positives, block=block),
        scores,
        positives,
        None,
    )
    check(
        evaluate_scores(lambda rows: scores[rows], positives, known, block=block),
        scores,
        positives,
        known,
    )


@pytest.mark.usefixtures("compiled")
def test_equal_to_scikit_learn_where_nothing_ties():
    rng = np.random.default_rng(0)
    scores = rng.permuted(np.tile(np.arange(40.0), (30, 1)), axis=1)
    positives = made(30, 40, 0.2, 3)
    metrics = evaluate_scores(lambda rows: scores[rows], positives)
    truth = np.zeros((30, 40))
    truth[positives.images(), positives.labels] = 1
    truth, scores = truth[metrics.images], scores[metrics.images]
    np.testing.assert_allclose(
        metrics.per_image["map"],
        [average_precision_score(*row) for row in zip(truth, scores, strict=True)],
    )
    np.testing.assert_allclose(
        metrics.per_image["auc"], [roc_auc_score(*row) for row in zip(truth, scores, strict=True)]
    )


@pytest.mark.usefixtures("compiled")
@pytest.mark.parametrize("dim", [1, 7, 100])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_constant_model_is_at_the_bottom(dim, dtype):
    row = np.random.default_rng(dim).normal(size=dim).astype(dtype)
    positives = made(9, 700, 0.01, 4)
    metrics = evaluate(np.tile(row, (9, 1)), np.tile(row, (700, 1)), positives, block=2)
    assert metrics.auc == 0
    assert metrics.p_at_10 == 0
    check(metrics, np.zeros((9, 700)), positives, None)


@pytest.mark.usefixtures("compiled")
def test_scores_closer_than_fp32_products_are_told_apart():
    rng = np.random.default_rng(1)
    image, base = (
        rng.normal(size=(5, 64)).astype(np.float32),
        rng.normal(size=64).astype(np.float32),
    )
    label = np.nextafter(
        np.tile(base, (300, 1)), rng.choice([-10, 10], (300, 64)).astype(np.float32)
    ).astype(np.float32)
    scores = image.astype(np.float64) @ label.astype(np.float64).T
    # No ties for the oracle, whose sums are in another order
    assert (np.diff(np.sort(scores, axis=1)) > 1e-13).all()
    positives = made(5, 300, 0.1, 5)
    check(evaluate(image, label, positives), scores, positives, None)


@pytest.mark.usefixtures("compiled")
def test_more_undecided_pairs_than_are_settled_at_a_time(monkeypatch):
    monkeypatch.setattr("vsebench.annotation.count._NEAR", 1)
    monkeypatch.setattr("vsebench.annotation.count._GATHERED", 1)
    positives = made(8, 50, 0.2, 6)
    check(
        evaluate(np.ones((8, 3), np.float32), np.ones((50, 3), np.float32), positives),
        np.ones((8, 50)),
        positives,
        None,
    )


def test_leave_one_out_ties_recall_to_precision():
    positives = Positives.from_pairs(
        np.arange(50), np.random.default_rng(0).integers(0, 30, 50), 50, 30
    )
    metrics = evaluate(
        np.random.default_rng(1).normal(size=(50, 4)),
        np.random.default_rng(2).normal(size=(30, 4)),
        positives,
    )
    np.testing.assert_allclose(metrics.per_image["r_at_5"], 5 * metrics.per_image["p_at_5"])
    np.testing.assert_allclose(metrics.per_image["r_at_10"], 10 * metrics.per_image["p_at_10"])


def test_images_without_a_positive_or_without_a_negative_are_not_ranked():
    positives = Positives.from_pairs(np.array([1, 2, 2]), np.array([0, 0, 1]), 4, 3)
    known = Positives.from_pairs(np.array([2, 3]), np.array([2, 0]), 4, 3)
    metrics = evaluate(np.ones((4, 1)), np.array([[3.0], [2.0], [1.0]]), positives, known)
    assert metrics.images.tolist() == [1]
    assert metrics.as_dict() == {
        "p_at_5": 0.2,
        "p_at_10": 0.1,
        "r_at_5": 1,
        "r_at_10": 1,
        "map": 1,
        "auc": 1,
    }


SOME = Positives.from_pairs(np.array([0, 1]), np.array([1, 0]), 2, 3)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((np.ones((2, 4)), np.ones((3, 5)), SOME), "must have one width, found 4 and 5"),
        (
            (np.ones((2, 4)), np.ones((2, 4)), SOME),
            "2 images and 2 labels, .* 2 and 3",
        ),
        (
            (np.full((2, 4), np.nan), np.ones((3, 4)), SOME),
            "row 0 holds values that are not finite",
        ),
        (
            (
                np.ones((2, 4)),
                np.ones((3, 4)),
                Positives.from_pairs(np.empty(0), np.empty(0), 2, 3),
            ),
            "there is nothing to rank",
        ),
        (
            (np.ones((2, 4)), np.ones((3, 4)), SOME, SOME),
            "image 0 has label 1 both",
        ),
        (
            (
                np.ones((2, 4)),
                np.ones((3, 4)),
                SOME,
                Positives.from_pairs(np.array([0]), np.array([0]), 3, 3),
            ),
            "known ones of 3 × 3",
        ),
    ],
)
def test_bad_input_is_one_clear_line(arguments, message):
    with pytest.raises(DataError, match=message) as error:
        evaluate(*arguments)
    assert "\n" not in str(error.value)


def test_bad_scores_and_blocks():
    with pytest.raises(DataError, match=r"expected floats \[2, 3\]"):
        evaluate_scores(lambda rows: np.ones((len(rows), 2)), SOME)
    with pytest.raises(DataError, match="image 1 has scores that are not finite"):
        evaluate_scores(
            lambda rows: np.where(rows[:, None] == 1, np.nan, np.ones((len(rows), 3))), SOME
        )
    with pytest.raises(SpecError, match="at least 1, found 0"):
        evaluate_scores(lambda rows: np.ones((len(rows), 3)), SOME, block=0)


def test_scores_of_the_caller_are_not_written_to():
    scores = np.random.default_rng(0).normal(size=(2, 3))
    copy = scores.copy()
    evaluate_scores(lambda rows: scores, SOME)
    np.testing.assert_array_equal(scores, copy)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_cuda_ranks_as_the_cpu_does():
    rng = np.random.default_rng(0)
    image, label = (
        rng.normal(size=(60, 20)).astype(np.float32),
        rng.normal(size=(900, 20)).astype(np.float32),
    )
    label[::2] = label[1::2]
    positives = made(60, 900, 0.02, 7)
    cpu, cuda = (
        evaluate(image, label, positives),
        evaluate(torch.from_numpy(image).cuda(), label, positives),
    )
    assert cpu.as_dict() == cuda.as_dict()
