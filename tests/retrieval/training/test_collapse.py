"""Collapsed runs are found and named; runs that only look like them are not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from scipy.stats import hypergeom

from tests.factories import make_curve
from tests.retrieval.training.test_train import run
from vsebench import create
from vsebench.plugin import LossCard, Progress
from vsebench.plugin.loader import load_plugins
from vsebench.retrieval.training.collapse import chance_rsum, find_collapse, plateau
from vsebench.retrieval.training.step import Objective

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from vsebench.results.record import Evaluation
    from vsebench.results.spec import RunSpec

CPU = torch.device("cpu")


def curve(rsums: list[float], cosines: list[float]) -> list[Evaluation]:
    points = zip(make_curve(rsums), cosines, strict=True)
    return [
        point.model_copy(update={"diagnostics": {"mean_unrelated_cosine": cosine}, "loss": 51.2})
        for point, cosine in points
    ]


def test_a_collapse_is_dated_and_described():
    found = find_collapse(curve([50, 120, 60, 40], [0.3, 0.1, 0.96, 0.99]), 7.0, lambda: 51.2)
    assert found is not None
    assert found.model_dump() == {
        "step": 30,
        "cosine": 0.99,
        "best_rsum": 120,
        "last_rsum": 40,
        "last_loss": 51.2,
        "plateau": 51.2,
    }


@pytest.mark.parametrize(
    ("rsums", "cosines", "collapsed"),
    [
        ([50, 120, 60, 119], [0.3, 0.99, 0.99, 0.99], False),  # narrow, but as good as before
        ([50, 120, 60, 40], [0.3, 0.1, 0.99, 0.5], False),  # bad, but apart again
        ([7, 7.1, 7.2, 7.3], [0.99, 0.99, 0.99, 0.99], True),  # never left chance
        ([7, 7.1, 7.2, 22], [0.99, 0.99, 0.99, 0.99], False),
        ([50, 120, 60, 40], [0.3, 0.1, 0.99, float("nan")], False),
        ([120], [0.96], False),
        ([5], [0.96], True),
    ],
)
def test_what_is_a_collapse(rsums: list[float], cosines: list[float], collapsed: bool):
    def resting() -> float:
        assert collapsed, "the plateau was computed for a run that did not collapse"
        return 1.0

    assert (find_collapse(curve(rsums, cosines), 7.0, resting) is not None) is collapsed


def objective(spec: str) -> Objective:
    loss = create("loss", spec, dim=8, batch_size=16)
    component = load_plugins().registry.get("loss", spec.partition(":")[0])
    assert isinstance(component.card, LossCard)
    return Objective(loss, component.card, component.card.offline_for(component.resolve({})))


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("triplet", 2 * 16 * 0.2),
        ("triplet:margin=0.5", 2 * 16 * 0.5),
        ("sum-hinge", 2 * 16 * 15 * 0.2),
        ("infonce", np.log(16)),
        ("aoq", 16 * 2 * 1.5 * 0.2),
    ],
)
def test_the_plateau_is_the_loss_of_equal_embeddings(spec: str, expected: float):
    assert plateau(objective(spec), 16, 8, Progress(0, 0, 1), CPU) == pytest.approx(
        expected, rel=1e-4
    )


def test_every_loss_has_a_plateau_and_keeps_its_state():
    for component in load_plugins().registry:
        if (
            component.kind != "loss"
            or not isinstance(component.card, LossCard)
            or component.card.task != "retrieval"
        ):
            continue
        found = objective(component.name)
        before = (
            [t.clone() for t in found.loss.state_dict().values()]
            if isinstance(found.loss, torch.nn.Module)
            else []
        )
        assert np.isfinite(plateau(found, 16, 8, Progress(0, 0, 1), CPU))
        after = found.loss.state_dict().values() if isinstance(found.loss, torch.nn.Module) else []
        assert all(torch.equal(a, b) for a, b in zip(before, after, strict=True))


@pytest.mark.parametrize("counts", [[5] * 20, [1, 7, 0, 2], [1], [3, 3, 30]])
def test_chance_is_that_of_the_hypergeometric_law(counts: list[int]):
    owner, n = np.repeat(np.arange(len(counts)), counts), sum(counts)
    expected = 0.0
    for k in (1, 5, 10):
        expected += 100 * np.mean([1 - hypergeom(n, c, min(k, n)).pmf(0) for c in counts])
        expected += 100 * min(1.0, k / len(counts))
    assert chance_rsum(owner, len(counts)) == pytest.approx(expected)


PULL = """
from vsebench.plugin import LossCard, hookimpl


@hookimpl
def vsebench_register_losses(register):
    register("pull", f"{__name__}:Pull", card=LossCard("draws everything to one axis"))


class Pull:
    def __call__(self, inputs):
        return 2 - inputs.image[:, 0].mean() - inputs.text[:, 0].mean()
"""


def test_a_run_that_collapses_says_so_in_its_record(
    plan_runs: Callable[..., tuple[RunSpec, ...]], tmp_path: Path
):
    plugin = tmp_path / "pull.py"
    plugin.write_text(PULL, encoding="utf-8")
    (spec,) = plan_runs(loss="pull", plugin=[str(plugin)], set={"epochs": 5, "lr": 0.03})
    record, directory = run(spec, tmp_path)
    curve = directory.read_curve()
    assert record.collapse is not None, [(e.diagnostics, e.metrics["rsum"]) for e in curve]
    assert record.collapse.step > curve[3].step, "the warm-up epoch separates"
    assert record.collapse.plateau == pytest.approx(2 - 2 / 24**0.5)
    assert record.collapse.last_loss < 0.1
