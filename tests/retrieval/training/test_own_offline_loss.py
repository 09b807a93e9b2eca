"""Losses with offline negatives of their own, as a plugin file that knows `vsebench.plugin` alone,
run in processes of their own.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest

import vsebench
from vsebench.grid.suite import make_suite
from vsebench.results.folder.store import Store
from vsebench.retrieval.training.first_round import StoredLists

if TYPE_CHECKING:
    from vsebench.results.folder.directory import RunDirectory

PLUGIN = '''
import numpy as np
import torch

from vsebench.plugin import (
    LossCard, LossOutput, OfflineBatch, OfflineLists, OfflineSpec, Param, SpecError, hookimpl
)


def hinge(inputs, scores):
    own = (inputs.image * inputs.text).sum(1)
    return (0.2 + scores - own).relu().mean()


class TwoRoles:
    """A confusing caption, and an image as far from it as the lists have one."""

    def __init__(self, start="scratch"):
        pass

    def __call__(self, inputs):
        if inputs.offline is None:
            raise SpecError("no offline negatives")
        assert list(inputs.offline) == ["confusing", "distant"]
        confusing = (inputs.image * inputs.offline["confusing"]).sum(1)
        distant = (inputs.offline["distant"] * inputs.text).sum(1)
        loss = hinge(inputs, confusing) + hinge(inputs, distant)
        return LossOutput(loss, {"gap": (confusing - distant).mean().detach()})


class Captions:
    """Three captions an image, and no image."""

    def __call__(self, inputs):
        if inputs.offline is None:
            raise SpecError("no offline negatives")
        return sum(hinge(inputs, (inputs.image * each).sum(1)) for each in inputs.offline.values())


def mine(inputs):
    """The hardest captions; of the images the least similar, hardest last."""
    scores = inputs.text @ inputs.image.T
    owner = torch.from_numpy(inputs.text_to_image)
    own = owner[:, None] == torch.arange(len(inputs.image))
    texts = scores.masked_fill(own, -torch.inf).T.topk(inputs.text_h).indices
    images = scores.masked_fill(own, torch.inf).topk(inputs.image_h, largest=False).indices
    return OfflineLists(texts.numpy(), images.numpy())


def draw(batch: OfflineBatch):
    ranks = batch.rng.integers(batch.lists.texts.shape[1], size=len(batch.captions))
    return {
        "confusing": batch.lists.texts[batch.images, ranks],
        "distant": batch.lists.images[batch.captions, 0],
    }


def top_three(batch):
    return {f"rank{rank}": batch.lists.texts[batch.images, rank] for rank in range(3)}


@hookimpl
def vsebench_register_losses(register):
    register(
        "two-roles",
        f"{__name__}:TwoRoles",
        params=[Param("start", "scratch", choices=("scratch", "warm"))],
        card=LossCard(
            "two roles",
            offline=lambda params: OfflineSpec(
                text_h=12,
                image_h=5,
                start=params["start"],
                mine=mine,
                roles={"confusing": "text", "distant": "image"},
                draw=draw,
            ),
        ),
    )
    register(
        "captions",
        f"{__name__}:Captions",
        card=LossCard(
            "three captions",
            offline=OfflineSpec(
                text_h=3,
                image_h=0,
                roles={f"rank{rank}": "text" for rank in range(3)},
                draw=top_three,
            ),
        ),
    )
'''

IMAGES, BATCH, STEPS, EPOCHS = 60, 50, 6, 2  # 300 captions
LOSSES = ("two-roles", "two-roles:start=warm", "captions")


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, RunDirectory]:
    """By loss, each done."""
    out = tmp_path_factory.mktemp("own")
    plugin = out / "own_negatives.py"
    plugin.write_text(PLUGIN, encoding="utf-8")
    protocol = {
        "embed_dim": 16,
        "word_dim": 8,
        "batch_size": BATCH,
        "epochs": EPOCHS,
        "warmup_epochs": 1,
        "evals_per_epoch": 2,
        "select_at": "last",
    }
    results = vsebench.run(
        make_suite(
            {
                "dataset": f"scenes:images={IMAGES}",
                "pooling": "mean",
                "loss": ",".join(LOSSES),
                "plugin": [str(plugin)],
                "device": "cpu",
                "out": str(out / "runs"),
                "set": protocol,
            }
        )
    )
    assert [row["failed_seeds"] for row in results.rows] == [0, 0, 0]
    store = Store(out / "runs")
    specs = [record.retrieval for record in store.records()]
    return {spec.loss.spec: store.directory_for(spec) for spec in specs}


def test_the_plan_adds_the_first_round_that_they_share(runs: dict[str, RunDirectory]) -> None:
    assert runs.keys() == {"triplet", *LOSSES}
    first = runs["triplet"].read_spec().run_id
    for loss in LOSSES:
        assert runs[loss].read_spec().depends_on == (first,)


@pytest.mark.parametrize(
    ("loss", "warmup", "roles"),
    [("two-roles", STEPS, 2), ("two-roles:start=warm", 0, 2), ("captions", STEPS, 3)],
)
def test_every_role_is_embedded_once_a_pair_after_the_warm_up(
    runs: dict[str, RunDirectory], loss: str, warmup: int, roles: int
) -> None:
    record = runs[loss].read_record()
    assert record is not None
    assert record.cost is not None
    assert record.warmup_steps == warmup
    steps = STEPS * EPOCHS
    assert record.cost.tower_forwards == BATCH * (2 * steps + roles * (steps - warmup))
    assert record.cost.prior_seconds > 0
    assert record.cost.mining_seconds > 0


def test_lists_are_those_of_the_loss(runs: dict[str, RunDirectory]) -> None:
    own, captions = (
        StoredLists.load(runs[loss].offline_path).lists for loss in ("two-roles", "captions")
    )
    assert (own.texts.shape, own.images.shape) == ((60, 12), (300, 5))
    assert (captions.texts.shape, captions.images.shape) == ((60, 3), (300, 0))
    np.testing.assert_array_equal(own.texts[:, :3], captions.texts)
    again = StoredLists.load(runs["two-roles:start=warm"].offline_path).lists
    np.testing.assert_array_equal(again.images, own.images)


def test_the_loss_finds_each_role_by_its_name(runs: dict[str, RunDirectory]) -> None:
    """Confusing captions score higher than distant images."""
    for loss in LOSSES[:2]:
        gaps = [e.diagnostics["gap"] for e in runs[loss].read_curve() if "gap" in e.diagnostics]
        assert len(gaps) == (2 if loss == "two-roles" else 4)
        assert all(math.isfinite(gap) and gap > 0.05 for gap in gaps)
