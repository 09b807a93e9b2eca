"""Whole runs on a tiny set: what they leave, that they learn, that a kill changes nothing, and that
the seams hold.
"""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from tests.lost_lease import writes_no_more_after_an_evaluation
from vsebench.plugin import OfflineLists, VsebenchError
from vsebench.plugin.host.loader import load_plugins
from vsebench.results.folder.store import Store
from vsebench.retrieval.inputs.batches import FeatureBatches, TokenBatches
from vsebench.retrieval.model import build
from vsebench.retrieval.training.first_round import StoredLists
from vsebench.retrieval.training.step import Batch, Stepper, Totals
from vsebench.retrieval.training.train import train

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from vsebench.results.folder.directory import RunDirectory
    from vsebench.results.record import RunRecord
    from vsebench.results.spec import RunSpec

    Plan = Callable[..., tuple[RunSpec, ...]]


def run(
    spec: RunSpec, out: Path, report: Callable[[dict[str, object]], None] = lambda event: None
) -> tuple[RunRecord, RunDirectory]:
    directory = Store(out).directory_for(spec)
    directory.write_spec(spec)
    return train(spec, directory, report), directory


def test_a_run_learns_and_leaves_everything_that_a_report_needs(
    plan_runs: Plan, tmp_path: Path
) -> None:
    (spec,) = plan_runs()
    record, directory = run(spec, tmp_path)
    assert record.test["rsum"] > 250  # chance is about 60 on 40 images
    assert record.steps_per_epoch == 600 // 32
    assert record.steps == 3 * record.steps_per_epoch
    curve = directory.read_curve()
    assert [e.step for e in curve if e.epoch_end] == [18, 36, 54]
    assert len(curve) == 12
    assert max(e.metrics["rsum"] for e in curve) == record.best_dev["rsum"]
    ranks = directory.read_ranks()
    assert [len(r) for r in ranks] == [40, 200]
    assert record.test["i2t_r1"] == pytest.approx(100 * (np.asarray(ranks[0]) == 0).mean())
    assert not directory.checkpoint_path.exists()
    assert directory.is_done
    cost = record.cost
    assert cost is not None
    assert cost.samples_seen == record.steps * 32
    assert cost.tower_forwards == record.steps * 64
    assert cost.train_seconds > 0
    assert cost.prior_seconds == 0
    assert (
        sum(
            t.numel()
            for n, t in load_file(directory.best_path).items()
            if "running" not in n and "num_batches" not in n
        )
        == cost.parameters
    )


def test_the_same_spec_gives_the_same_numbers_and_another_seed_others(
    plan_runs: Plan, tmp_path: Path
) -> None:
    first, second = plan_runs(seeds=[0, 1], set={"epochs": 1})
    once, again, other = (
        run(spec, tmp_path / place)[0]
        for spec, place in ((first, "a"), (first, "b"), (second, "a"))
    )
    assert once.test == again.test
    assert once.best_dev != other.best_dev


def test_methods_share_initial_encoders(plan_runs: Plan) -> None:
    specs = plan_runs(pooling="mean,gpo")
    registry = load_plugins().registry
    plain, gpo = (build(spec, registry, in_dim=16, vocabulary_size=50) for spec in specs)
    for name, value in plain.image.encoder.state_dict().items():
        torch.testing.assert_close(value, gpo.image.encoder.state_dict()[name], rtol=0, atol=0)
    for name, value in plain.text.encoder.state_dict().items():
        torch.testing.assert_close(value, gpo.text.encoder.state_dict()[name], rtol=0, atol=0)


def test_methods_share_the_pairs_of_every_step_and_how_they_are_augmented(
    plan_runs: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also one whose offline negatives are augmented too."""
    steps: list[dict[str, Any]] = []

    def noted(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """Notes the first result of a step: offline negatives come after the pairs."""

        def note(*arguments: Any) -> Any:
            result = function(*arguments)
            steps[-1].setdefault(name, result)
            return result

        return note

    def step(self: Stepper, batch: Batch, totals: Totals) -> None:
        steps.append({"captions": batch.captions})
        take_step(self, batch, totals)

    take_step = Stepper.step
    monkeypatch.setattr(Stepper, "step", step)
    monkeypatch.setattr(TokenBatches, "batch", noted("text", TokenBatches.batch))
    monkeypatch.setattr(FeatureBatches, "pairs", noted("image", FeatureBatches.pairs))
    seen = {}
    for spec in plan_runs(
        pooling="mean,gpo",
        loss="triplet,infonce,aoq",
        set={"batch_size": 150, "epochs": 2, "warmup_epochs": 0.5, "evals_per_epoch": 1},
    ):
        run(spec, tmp_path)
        seen[spec.label], steps = steps, []
    first, *others = seen.values()
    assert len(others) == 5
    orders = [
        np.concatenate([step["captions"] for step in first[start : start + 4]]).tolist()
        for start in (0, 4)
    ]
    assert orders[0] != orders[1]
    assert [sorted(order) for order in orders] == 2 * [list(range(600))]
    for other in others:
        for mine, its in zip(first, other, strict=True):
            assert mine["captions"].tolist() == its["captions"].tolist()
            for side in ("image", "text"):
                assert all(
                    torch.equal(a, b) for a, b in zip(mine[side][:2], its[side][:2], strict=True)
                )


@pytest.mark.parametrize("last_batch", ["drop", "keep"])
@pytest.mark.parametrize("loss", ["triplet", "aoq"])
def test_a_killed_run_goes_on_to_the_same_record(
    plan_runs: Plan, tmp_path: Path, loss: str, last_batch: str
) -> None:
    specs = plan_runs(loss=loss, set={"last_batch": last_batch, "eval_every_steps": 27})
    for spec in specs[:-1]:
        run(spec, tmp_path / "whole")
        shutil.copytree(tmp_path / "whole", tmp_path / "killed")
    whole, whole_directory = run(specs[-1], tmp_path / "whole")

    def kill_in_the_second_epoch(event: dict[str, object]) -> None:
        if event["event"] == "evaluated" and event["step"] == 27:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(specs[-1], tmp_path / "killed", kill_in_the_second_epoch)
    resumed, directory = run(specs[-1], tmp_path / "killed")
    assert resumed.provenance is not None
    assert resumed.provenance.restarts == 1
    assert resumed.test == whole.test
    assert resumed.best_step == whole.best_step
    assert [(e.step, e.loss, e.metrics) for e in directory.read_curve()] == [
        (e.step, e.loss, e.metrics) for e in whole_directory.read_curve()
    ]
    assert resumed.cost is not None
    assert whole.cost is not None
    assert resumed.cost.tower_forwards == whole.cost.tower_forwards


def test_a_run_that_loses_its_lease_after_an_evaluation_writes_no_more(
    plan_runs: Plan, tmp_path: Path
) -> None:
    (spec,) = plan_runs()
    writes_no_more_after_an_evaluation(train, spec, tmp_path)


def test_the_second_round_of_aoq_pays_for_the_first(plan_runs: Plan, tmp_path: Path) -> None:
    first, second = plan_runs(loss="aoq:h=50")
    assert first.loss.spec == "triplet"
    prior, _ = run(first, tmp_path)
    record, directory = run(second, tmp_path)
    assert prior.cost is not None
    assert record.cost is not None
    assert record.cost.prior_seconds == prior.cost.total_seconds
    assert record.cost.mining_seconds > 0
    # One warm-up epoch, then three pairs per pair
    assert record.cost.tower_forwards == 18 * 64 + 36 * 3 * 64
    mined = StoredLists.load(directory.offline_path)
    assert mined.lists.texts.shape == (120, 50)
    assert mined.seconds == record.cost.mining_seconds
    warming, later = directory.read_curve()[0].diagnostics, directory.read_curve()[-1].diagnostics
    assert "weight_text" not in warming
    assert {"weight_text", "active_offline", "mean_unrelated_cosine"} <= set(later)


def test_a_run_that_finds_its_lists_on_disk_is_charged_for_them(
    plan_runs: Plan, tmp_path: Path
) -> None:
    """Killed between mining and the first checkpoint."""
    first, second = plan_runs(loss="aoq:h=50", set={"epochs": 1})
    run(first, tmp_path)
    directory = Store(tmp_path).directory_for(second)
    directory.write_spec(second)
    rng = np.random.default_rng(0)
    own = np.arange(120)[:, None] * 5
    lists = (
        (own + 5 + rng.integers(500, size=(120, 50))) % 600,
        (np.repeat(np.arange(120), 5)[:, None] + 1 + rng.integers(119, size=(600, 10))) % 120,
    )
    StoredLists(OfflineLists(*(each.astype(np.int32) for each in lists)), 1234.5).save(
        directory.offline_path
    )
    record = train(second, directory, lambda event: None)
    assert record.cost is not None
    assert record.cost.mining_seconds == 1234.5


def test_a_warm_start_goes_on_from_the_first_round(plan_runs: Plan, tmp_path: Path) -> None:
    first, second = plan_runs(loss="aoq:h=50:start=warm", set={"lr": 1e-9})
    run(first, tmp_path)
    _, directory = run(second, tmp_path)
    before = load_file(Store(tmp_path).directory_for(first).best_path)
    after = load_file(directory.best_path)
    for name in ("image.encoder.fc.weight", "text.encoder.embedding.weight"):
        torch.testing.assert_close(after[name], before[name], rtol=0, atol=1e-5)


def test_a_second_round_without_its_first_says_so(plan_runs: Plan, tmp_path: Path) -> None:
    _, second = plan_runs(loss="aoq")
    with pytest.raises(VsebenchError, match="first round"):
        run(second, tmp_path)


def test_divergence_is_named(plan_runs: Plan, tmp_path: Path) -> None:
    (spec,) = plan_runs(set={"lr": 1e30})
    with pytest.raises(VsebenchError, match=r"diverged|not finite"):
        run(spec, tmp_path)


def test_a_set_smaller_than_a_batch_is_refused_before_anything_starts(plan_runs: Plan) -> None:
    with pytest.raises(VsebenchError, match="fewer than one batch of 1000"):
        plan_runs(set={"batch_size": 1000})


def test_a_set_smaller_than_a_batch_is_a_partial_one(plan_runs: Plan, tmp_path: Path) -> None:
    (spec,) = plan_runs(set={"batch_size": 1000, "last_batch": "keep", "epochs": 2})
    record, _ = run(spec, tmp_path)
    assert (record.steps, record.steps_per_epoch) == (2, 1)
    assert record.cost is not None
    assert record.cost.samples_seen == 2 * 600


def test_every_pair_is_seen_where_the_last_batch_is_kept(plan_runs: Plan, tmp_path: Path) -> None:
    (spec,) = plan_runs(set={"last_batch": "keep"})
    record, _ = run(spec, tmp_path)
    assert (record.steps_per_epoch, record.steps) == (19, 57)  # 18 batches of 32, and 24 pairs
    assert record.cost is not None
    assert record.cost.samples_seen == 3 * 600
    assert record.cost.tower_forwards == 3 * 2 * 600


@pytest.mark.parametrize("loss", ["triplet", "infonce", "adaptive", "selhn", "siglip"])
def test_a_last_batch_of_one_pair_trains(plan_runs: Plan, tmp_path: Path, loss: str) -> None:
    (spec,) = plan_runs(
        pooling="gcn-seq2seq:batch_norm=true:region_l2=after:state_norm=true/last",
        loss=loss,
        set={"batch_size": 599, "last_batch": "keep", "epochs": 2, "warmup_epochs": 0},
    )
    record, directory = run(spec, tmp_path)
    assert record.steps == 4
    assert all(torch.isfinite(value).all() for value in load_file(directory.best_path).values())


def test_selection_at_epoch_ends_ignores_what_lies_between(plan_runs: Plan, tmp_path: Path) -> None:
    (spec,) = plan_runs(set={"select_at": "epoch"})
    record, _ = run(spec, tmp_path)
    assert record.best_step in (18, 36, 54)


SEAMS = '''
import torch
from torch import nn
from vsebench.plugin import Card, LossCard, LossOutput, PoolingOutput, SetEmbedding, hookimpl


class Slots(nn.Module):
    """Every local feature is an embedding of its own."""

    def forward(self, features, lengths):
        mask = torch.arange(features.shape[1]) < lengths[:, None]
        penalty = features.square().mean() * 1e-3
        slots = mask.sum(1).float().mean()
        return PoolingOutput(
            SetEmbedding(features, mask), losses={"penalty": penalty}, diagnostics={"slots": slots}
        )


class Chamfer:
    def __call__(self, image, text):
        scores = torch.einsum("ikd,tld->itkl", image.vectors, text.vectors)
        padding = ~image.mask[:, None, :, None] | ~text.mask[None, :, None, :]
        scores = scores.masked_fill(padding, -1)
        return scores.amax(3).mean(2) + scores.amax(2).mean(2)


class Learned(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(5.0))

    def forward(self, inputs):
        assert set(inputs.extras) == {"raw_image"}
        logits = inputs.similarity * self.scale
        targets = torch.arange(len(logits))
        loss = nn.functional.cross_entropy(logits, targets)
        return LossOutput(loss, {"scale": self.scale.detach()})


@hookimpl
def vsebench_register_poolings(register):
    register("slots", __name__ + ":Slots", card=Card("a set of vectors"))


@hookimpl
def vsebench_register_similarities(register):
    register("chamfer", __name__ + ":Chamfer", card=Card("chamfer"))


@hookimpl
def vsebench_register_losses(register):
    card = LossCard("learned temperature", extras=("raw_image",))
    register("learned", __name__ + ":Learned", card=card)
'''


def test_sets_a_similarity_and_a_learned_loss_come_in_through_the_seams(
    plan_runs: Plan, tmp_path: Path
) -> None:
    plugin = tmp_path / "seams.py"
    plugin.write_text(SEAMS, encoding="utf-8")
    (spec,) = plan_runs(
        pooling="slots",
        similarity="chamfer",
        loss="learned",
        plugin=[str(plugin)],
        set={"warmup_epochs": 0, "epochs": 2},
    )
    record, directory = run(spec, tmp_path / "out")
    assert record.test["rsum"] > 150
    last = directory.read_curve()[-1]
    diagnostics = last.diagnostics
    assert {"scale", "image_penalty", "text_penalty", "image_slots"} <= set(diagnostics)
    assert diagnostics["scale"] != 5.0
    penalties = diagnostics["image_penalty"] + diagnostics["text_penalty"]
    assert diagnostics["objective"] + penalties == pytest.approx(last.loss)
