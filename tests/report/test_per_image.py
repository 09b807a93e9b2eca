"""What each test image contributes to a metric: the mean over images is the metric."""

from pathlib import Path

import numpy as np
import pytest

from vsebench.report.per_image import on_same_images, recalls
from vsebench.report.runs import read_runs
from vsebench.retrieval import evaluate

RESULTS = Path(__file__).parents[2] / "results"


@pytest.mark.parametrize("seed", range(5))
def test_the_mean_over_images_is_the_metric(seed: int) -> None:
    """With one to six captions an image, in any order."""
    rng = np.random.default_rng(seed)
    owners = rng.permutation(np.repeat(np.arange(12), rng.integers(1, 7, size=12)))
    metrics = evaluate(
        rng.normal(size=(12, 4)).astype("float32"),
        rng.normal(size=(len(owners), 4)).astype("float32"),
        owners,
    )
    found = recalls({"i2t": metrics.i2t_ranks, "t2i": metrics.t2i_ranks, "text_to_image": owners})
    expected = metrics.as_dict()
    assert {key: values.mean() for key, values in found.items()} == pytest.approx(
        {key: expected[key] for key in found}
    )
    assert set(found) == {*(f"{side}_r{k}" for side in ("i2t", "t2i") for k in (1, 5, 10)), "rsum"}


def test_an_image_contributes_its_own_captions() -> None:
    ranks = {"i2t": np.array([0, 9]), "t2i": np.array([0, 7, 0]), "text_to_image": [1, 0, 1]}
    found = recalls({key: np.asarray(values) for key, values in ranks.items()})
    assert found["i2t_r1"].tolist() == [100, 0]
    assert found["t2i_r1"] == pytest.approx([0, 400 / 3])
    assert found["t2i_r10"] == pytest.approx([200 / 3, 400 / 3])


def test_without_owners_captions_stand_image_by_image() -> None:
    ranks = {"i2t": np.array([0, 9]), "t2i": np.array([0, 0, 7, 7])}
    assert recalls(ranks)["t2i_r1"].tolist() == [100, 0]
    assert recalls({**ranks, "t2i": np.zeros(3, int)}) == {}


@pytest.mark.parametrize("study", ["aoq", "mirflickr"])
def test_committed_runs_of_both_tasks_say_what_images_contributed(study: str) -> None:
    for run in read_runs(RESULTS / study).ended[:2]:
        headline = run.task.headline.key
        if run.per_image:
            assert run.per_image[headline].mean() == pytest.approx(run.test(headline))
    if study == "aoq":
        assert run.per_image


def test_runs_of_other_images_share_no_table() -> None:
    aoq = read_runs(RESULTS / "aoq").ended[:2]
    scenes = read_runs(RESULTS / "quick").ended[:1]
    assert on_same_images(aoq, "rsum").shape == (2, 1000)
    assert on_same_images([*aoq, *scenes], "no metric") is None
    assert on_same_images([], "rsum") is None
