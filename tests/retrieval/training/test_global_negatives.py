"""Global negatives: who is drawn, by which law, when the table is made anew, what it costs, and
that a kill changes nothing.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

from tests.oracles import samplers as oracle
from vsebench.kernels.clock import Clock
from vsebench.plugin import DrawKey, Draws, Key, Progress, SamplerState, VsebenchError
from vsebench.plugin.host.loader import load_plugins
from vsebench.plugin.sampling import NOTHING
from vsebench.results.folder.store import Store
from vsebench.retrieval import encode
from vsebench.retrieval.training import global_negatives
from vsebench.retrieval.training.global_negatives import Drawing, GlobalNegatives, directions
from vsebench.retrieval.training.train import train
from vsebench_plugins.sampling.independent import Popularity, Uniform

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from vsebench.results.record import RunRecord
    from vsebench.results.spec import RunSpec

    Plan = Callable[..., tuple[RunSpec, ...]]

OWNERS = np.array([0, 0, 1, 2, 2, 2, 3, 1])  # captions of an image need not be neighbours
IMAGES = 4


class Recorder:
    """Draws the first item that is not the anchor's own, and notes when it was refreshed with which
    vectors.
    """

    may_draw_positives = False

    def __init__(self, every: int | None) -> None:
        self.every = every
        self.refreshed: list[torch.Tensor] = []

    def refresh_every(self, n_labels: int) -> int | None:
        return self.every

    def refresh(self, state: SamplerState) -> None:
        self.refreshed.append(state.Q)

    def sample(
        self,
        state: SamplerState,
        anchors: torch.Tensor,
        positives: torch.Tensor,
        k: int,
        key: DrawKey,
    ) -> Draws:
        free = [
            [a for a in range(state.positives.n_labels) if a not in state.positives.row(int(i))]
            for i in anchors
        ]
        labels = torch.tensor([[f[0] if f else NOTHING] for f in free])
        return Draws(labels, torch.ones_like(labels), torch.ones(labels.shape))


def negatives(
    monkeypatch: pytest.MonkeyPatch,
    *every: int | None,
    owners: np.ndarray = OWNERS,
    images: int = IMAGES,
) -> tuple[GlobalNegatives, list[Recorder]]:
    """Over a training set whose embeddings count how often they were computed."""
    calls = iter(range(100))

    def embed_split(*_: object) -> tuple[torch.Tensor, ...]:
        return tuple(torch.full((size, 2), float(next(calls))) for size in (images, len(owners)))

    monkeypatch.setattr(global_negatives, "embed_split", embed_split)
    inputs: Any = SimpleNamespace(
        train=SimpleNamespace(images=range(images), texts=range(len(owners)), text_to_image=owners)
    )
    recorders = [Recorder(each) for each in every]
    clock = Clock(torch.device("cpu"), ("refresh", "sampling"))
    return GlobalNegatives(
        torch.nn.Identity(), inputs, Drawing((recorders[0], recorders[1]), 2, Key(0)), clock
    ), recorders  # type: ignore[arg-type]


@pytest.mark.parametrize("spec", ["uniform", "vse-ens:lam=0.5", "dns:n=4"])
def test_negatives_never_belong_to_their_anchor(spec: str) -> None:
    name, *params = spec.split(":")
    component = load_plugins().registry.get("sampler", name)
    both = (
        component.create(dict(p.split("=") for p in params)),
        component.create(dict(p.split("=") for p in params)),
    )
    generator = torch.Generator().manual_seed(0)
    image, text = (
        torch.randn(IMAGES, 5, generator=generator),
        torch.randn(len(OWNERS), 5, generator=generator),
    )
    captions = np.tile(np.arange(len(OWNERS)), 200)
    to_text, to_image = directions(both, OWNERS, IMAGES)
    for direction, state, anchors, own in (
        (to_text, SamplerState(image, text, to_text.positives), OWNERS[captions], captions),
        (to_image, SamplerState(text, image, to_image.positives), captions, OWNERS[captions]),
    ):
        direction.sampler.refresh(state)
        drawn, found = direction.draw(state, anchors, own, DrawKey(1, 2))
        assert found.all()
        owner_of_drawn, owner_of_anchor = (
            (OWNERS[drawn], anchors) if direction is to_text else (drawn, OWNERS[anchors])
        )
        assert (owner_of_drawn != owner_of_anchor).all()
        assert name != "uniform" or len(np.unique(drawn)) == direction.positives.n_labels


def test_a_positive_that_a_sampler_draws_nevertheless_counts_as_not_found() -> None:
    class Sloppy(Recorder):
        may_draw_positives = True

        def sample(
            self,
            state: SamplerState,
            anchors: torch.Tensor,
            positives: torch.Tensor,
            k: int,
            key: DrawKey,
        ) -> Draws:
            return Draws(torch.tensor([[1], [2], [NOTHING]]), torch.ones(3, 1), torch.ones(3, 1))

    to_text, _ = directions((Sloppy(None), Sloppy(None)), OWNERS, IMAGES)
    state = SamplerState(torch.zeros(IMAGES, 2), torch.zeros(len(OWNERS), 2), to_text.positives)
    drawn, found = to_text.draw(state, np.array([0, 0, 0]), np.array([0, 0, 0]), DrawKey(0, 0))
    assert (drawn.tolist(), found.tolist()) == ([0, 2, 0], [False, True, False])


def test_captions_are_drawn_by_the_law_of_the_sampler_over_the_whole_set() -> None:
    component = load_plugins().registry.get("sampler", "dns")
    generator = torch.Generator().manual_seed(1)
    image, text = (
        torch.randn(IMAGES, 5, generator=generator),
        torch.randn(len(OWNERS), 5, generator=generator),
    )
    to_text, _ = directions(
        (component.create({"n": 3, "m": 1}), component.create({})), OWNERS, IMAGES
    )
    state = SamplerState(image, text, to_text.positives)
    to_text.sampler.refresh(state)
    drawn, _ = to_text.draw(state, np.full(20000, 2), np.full(20000, 3), DrawKey(0, 0))
    free = [a for a in range(len(OWNERS)) if OWNERS[a] != 2]
    law = oracle.dns(image[2].tolist(), text.tolist(), 3, 1, free)
    np.testing.assert_allclose(np.bincount(drawn, minlength=len(OWNERS)) / 20000, law, atol=0.015)


def test_the_table_is_made_once_an_epoch_and_when_a_sampler_asks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    order = np.arange(8)
    rare, recorders = negatives(monkeypatch, None, 1000)
    for epoch in range(2):
        rare.announce(order, 4 * epoch)
        for step in range(4):
            rare.draw(Progress(epoch, 4 * epoch + step, 8))
    # Images are embedded before captions
    assert [[float(Q[0, 0]) for Q in each.refreshed] for each in recorders] == [
        [1, 3],
        [0, 2],
    ]

    often, recorders = negatives(monkeypatch, None, 3)  # rounded up to two batches of two
    often.announce(order, 0)
    for step in range(1, 4):  # the warm-up took the first step
        often.draw(Progress(0, step, 4))
    assert len(recorders[0].refreshed) == 2


def test_samplers_that_read_no_vectors_pay_for_no_table(monkeypatch: pytest.MonkeyPatch) -> None:
    wanted, recorders = negatives(monkeypatch, None, None)
    for recorder in recorders:
        recorder.reads_vectors = False  # type: ignore[attr-defined]
    wanted.announce(np.arange(8), 0)
    assert wanted.draw(Progress(0, 0, 4)).text_found.all()
    assert [each.refreshed[0].shape for each in recorders] == [(8, 0), (4, 0)]


def test_the_pairs_of_a_step_get_their_own_negatives(monkeypatch: pytest.MonkeyPatch) -> None:
    wanted, _ = negatives(monkeypatch, None, None)
    wanted.announce(np.array([0, 2, 5, 1, 3, 4, 6, 7]), 10)
    found = wanted.draw(Progress(0, 11, 20))  # captions 5 and 1, of images 2 and 0
    assert found.text.tolist() == [0, 2]
    assert found.image.tolist() == [0, 1]
    assert found.text_found.all()


def test_the_pairs_of_a_partial_batch_get_their_own_negatives(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    wanted, _ = negatives(monkeypatch, None, None)
    wanted.announce(np.array([0, 2, 5, 1, 3, 4, 6]), 10)
    found = wanted.draw(Progress(0, 13, 20))  # caption 6 alone, of image 3
    assert (found.text.tolist(), found.image.tolist()) == ([0], [0])
    assert found.text_found.tolist() == [True]


def test_a_pair_without_negatives_keeps_itself_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    wanted, _ = negatives(monkeypatch, None, None, owners=np.zeros(2, np.int64), images=1)
    wanted.announce(np.arange(2), 0)
    found = wanted.draw(Progress(0, 0, 1))
    assert (found.text.tolist(), found.image.tolist()) == ([0, 1], [0, 0])
    assert not found.text_found.any()
    assert not found.image_found.any()


def run(
    spec: RunSpec, out: Path, report: Callable[[dict[str, object]], None] = lambda event: None
) -> RunRecord:
    directory = Store(out).directory_for(spec)
    directory.write_spec(spec)
    return train(spec, directory, report)


def test_a_run_learns_from_global_negatives_and_is_charged_for_them(
    plan_runs: Plan, tmp_path: Path
) -> None:
    (spec,) = plan_runs(loss="triplet-global", sampler="vse-ens:lam=0.01")
    record = run(spec, tmp_path)
    assert spec.combination == ("mean", "triplet-global,vse-ens:lam=0.01")
    assert record.test["rsum"] > 250
    cost = record.cost
    assert cost is not None
    # One warm-up epoch, then two pairs per pair
    assert cost.tower_forwards == 18 * 64 + 36 * 2 * 64
    assert (
        0 < cost.sampling_seconds + cost.refresh_seconds < cost.train_seconds == cost.total_seconds
    )
    assert (
        0 <= Store(tmp_path).directory_for(spec).read_curve()[-1].diagnostics["violation_rate"] <= 1
    )


@pytest.mark.parametrize(("sampler", "law"), [("uniform", Uniform), ("popularity", Popularity)])
def test_laws_that_do_not_look_at_the_model_embed_nothing_and_draw_the_same(
    plan_runs: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sampler: str, law: type
) -> None:
    (spec,) = plan_runs(loss="triplet-global", sampler=sampler)
    calls = []

    def embed_split(*arguments: Any) -> tuple[Any, Any]:
        calls.append(arguments)
        return encode.embed_split(*arguments)

    monkeypatch.setattr(global_negatives, "embed_split", embed_split)
    found = run(spec, tmp_path / "without")
    assert calls == []
    monkeypatch.setattr(law, "reads_vectors", True)
    assert run(spec, tmp_path / "with").test == found.test
    assert len(calls) == spec.protocol.epochs - spec.protocol.warmup_epochs


@pytest.mark.parametrize(
    ("sampler", "last_batch"),
    [("uniform", "drop"), ("vse-ens", "drop"), ("dns", "drop"), ("dns", "keep")],
)
def test_a_killed_run_goes_on_to_the_same_record(
    plan_runs: Plan, tmp_path: Path, sampler: str, last_batch: str
) -> None:
    settings = {"last_batch": last_batch, "eval_every_steps": 45}
    (spec,) = plan_runs(loss="triplet-global", sampler=sampler, set=settings)
    whole = run(spec, tmp_path / "whole")

    def kill(event: dict[str, object]) -> None:
        if event["event"] == "evaluated" and event["step"] == 45:  # in the third epoch
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(spec, tmp_path / "killed", kill)
    resumed = run(spec, tmp_path / "killed")
    assert resumed.provenance is not None
    assert resumed.provenance.restarts == 1
    assert (resumed.test, resumed.best_dev, resumed.best_step) == (
        whole.test,
        whole.best_dev,
        whole.best_step,
    )


def test_samplers_make_rows_of_their_own_and_other_losses_keep_theirs(plan_runs: Plan) -> None:
    alone = {spec.run_id for spec in plan_runs(loss="triplet")}
    specs = plan_runs(loss="triplet,triplet-global", sampler="uniform,dns")
    assert [spec.combination[1] for spec in specs] == [
        "triplet",
        "triplet-global,uniform",
        "triplet-global,dns",
    ]
    assert alone < {spec.run_id for spec in specs}
    assert len({spec.run_id for spec in specs}) == 3
    assert "sampler" not in specs[0].identity()


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            {"loss": "triplet-global"},
            "'triplet-global' .*needs a sampler",
        ),
        (
            {"loss": "triplet,aoq", "sampler": "dns"},
            "which uses no sampler with 'triplet', 'aoq'",
        ),
        ({"loss": "triplet-global", "sampler": "dsn"}, "unknown sampler 'dsn': did you mean 'dns'"),
        (
            {"loss": "triplet-global", "sampler": "dns", "set": {"warmup_loss": "triplet-global"}},
            "'triplet-global' cannot warm up a retrieval run",
        ),
    ],
)
def test_wrong_combinations_are_refused(
    plan_runs: Plan, values: dict[str, Any], message: str
) -> None:
    with pytest.raises(VsebenchError, match=message):
        plan_runs(**values)


def test_a_similarity_that_the_samplers_do_not_know_is_refused(
    plan_runs: Plan, tmp_path: Path
) -> None:
    plugin = tmp_path / "halved.py"
    plugin.write_text(
        "from vsebench.plugin import Card, hookimpl\n"
        "class Halved:\n"
        "    def __call__(self, image, text):\n"
        "        return image @ text.T / 2\n"
        "@hookimpl\n"
        "def vsebench_register_similarities(register):\n"
        "    register('halved', 'halved:Halved', card=Card('half the inner product'))\n"
    )
    with pytest.raises(
        VsebenchError,
        match="use similarity 'dot' instead of 'halved'",
    ):
        plan_runs(loss="triplet-global", sampler="dns", similarity="halved", plugin=str(plugin))
