"""A dress rehearsal on a CUDA device that computes nothing: every pooling, loss and text encoder
takes whole training steps, dev is embedded, and the training set is mined.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from tests.rehearsal.pretended_cuda import CUDA, HostWaitError, pretended_cuda
from vsebench.plugin import Key, OfflineLists, OfflineSpec, Progress
from vsebench.plugin.host.loader import load_plugins
from vsebench.results.observers import Observers
from vsebench.results.store import Store
from vsebench.retrieval.training import loop
from vsebench.retrieval.training import session as session_module
from vsebench.retrieval.training.global_negatives import SampledIndices
from vsebench.retrieval.training.offline_negatives import OfflineNegatives, mine
from vsebench.retrieval.training.selection import embed_split
from vsebench.retrieval.training.session import prepare
from vsebench.retrieval.training.step import Batch, Streams, Totals

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable
    from pathlib import Path

    from tests.rehearsal.pretended_cuda import PretendedCuda
    from vsebench.results.spec import RunSpec
    from vsebench.retrieval.training.session import Session

pytestmark = pytest.mark.filterwarnings("ignore:PyTorch was compiled without cuDNN")

SIZE = 8
STEPS = 2
REGISTRY = load_plugins().registry
POOLINGS = [each.name for each in REGISTRY if each.kind == "pooling"]
LOSSES = [
    each.name
    for each in REGISTRY
    if each.kind == "loss" and each.card.task == "retrieval" and not each.card.sampled
]


def prepared(spec: RunSpec, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Session:
    """A session of a run, its offline negatives from lists as mining would have made them."""

    def mined(spec: RunSpec, *others: object) -> tuple[OfflineNegatives, float]:
        inputs, wanted = others[2], others[4]
        train = inputs.train  # type: ignore[attr-defined]
        owner, images = train.text_to_image, len(train.images)
        other = (np.arange(images) + 1) % images
        lists = OfflineLists(
            np.stack([np.searchsorted(owner, other)], axis=1).astype(np.int32),
            other[owner][:, None].astype(np.int32),
        )
        return OfflineNegatives.over(
            owner,
            images,
            loss=spec.loss.spec,
            spec=wanted,  # type: ignore[arg-type]
            lists=lists,
            sibling_mask=spec.protocol.sibling_mask,
        ), 0.0

    monkeypatch.setattr(session_module, "_mine", mined)
    directory = Store(folder).directory_for(spec)
    directory.write_spec(spec)
    observers = Observers.of(spec, directory.path)
    return prepare(spec, directory, REGISTRY, lambda event: None, observers)


def steps(session: Session, cuda: PretendedCuda) -> None:
    """Steps in which the host never waits; what is drawn for them is drawn before."""
    order = loop._order(session, 0, Key(0))
    session.stepper.announce(order, Key(0))
    streams = Streams(Key(0, "a").generator(), Key(0, "b").generator())
    rng, totals = Key(0, "c").generator(), Totals()
    for number in range(STEPS):
        captions = order[number * SIZE : (number + 1) * SIZE]
        progress = Progress(0, number, 50)
        drawn = None
        if session.offline is not None:
            drawn = session.offline.draw(captions, rng)
        elif session.sampled is not None:
            others, found = np.roll(captions, 1), np.ones(SIZE, bool)
            owners = session.inputs.train.text_to_image[others]
            drawn = SampledIndices(others, owners, found, found)
        with cuda.without_waits():
            session.stepper.step(
                Batch(captions, session.objective, progress, 1e-3, streams, drawn), totals
            )


@pytest.fixture
def rehearse(
    plan_runs: Callable[..., tuple[RunSpec, ...]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Counter[str]]:
    """Takes steps, and embeds dev; the waits of the latter."""

    def run(**values: object) -> Counter[str]:
        changes = {"batch_size": SIZE, "embed_dim": 16, "word_dim": 8, "warmup_epochs": 0}
        with pretended_cuda() as cuda:
            changes |= values.pop("set", {})  # type: ignore[call-overload]
            runs = plan_runs(device="cuda", **values, set=changes)
            session = prepared(runs[-1], tmp_path / "runs", monkeypatch)
            assert next(session.model.parameters()).device == CUDA
            steps(session, cuda)
            cuda.waits.clear()
            embed_split(session.model, session.inputs.dev, session.device)
            return cuda.waits

    return run


@pytest.mark.parametrize("pooling", POOLINGS)
def test_no_pooling_makes_the_host_wait_in_a_step(
    rehearse: Callable[..., Counter[str]], pooling: str
) -> None:
    waits = rehearse(pooling=pooling)
    assert waits.total() <= 4, waits  # the order of the captions, and tables kept by value


@pytest.mark.parametrize("loss", LOSSES)
def test_no_loss_makes_the_host_wait_in_a_step(
    rehearse: Callable[..., Counter[str]], loss: str
) -> None:
    rehearse(pooling="mean", loss=loss)


def test_global_negatives_do_not_make_a_step_wait(
    rehearse: Callable[..., Counter[str]],
) -> None:
    rehearse(pooling="mean", loss="triplet-global", sampler="uniform")


@pytest.mark.parametrize("encoder", ["bigru", "gru-last"])
@pytest.mark.parametrize("images", ["region", "grid"])
def test_no_encoder_makes_the_host_wait_in_a_step(
    rehearse: Callable[..., Counter[str]], encoder: str, images: str
) -> None:
    rehearse(pooling="mean", set={"text_encoder": encoder, "image_encoder": images})


def test_a_value_that_is_read_in_a_step_is_found(
    rehearse: Callable[..., Counter[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    from vsebench_plugins.classic.losses import Triplet

    plain = Triplet.__call__ if not issubclass(Triplet, torch.nn.Module) else Triplet.forward
    name = plain.__name__

    def reading(self: object, inputs: object) -> object:
        value = plain(self, inputs)
        assert value.item() is not None
        return value

    monkeypatch.setattr(Triplet, name, reading)
    with pytest.raises(HostWaitError, match=r"test_rehearsal.py, reading: .*_local_scalar_dense"):
        rehearse(pooling="mean", loss="triplet")


def test_mining_waits_once_for_a_block_of_anchors() -> None:
    with pretended_cuda() as cuda:
        image, text = torch.zeros(20, 8, device=CUDA), torch.zeros(100, 8, device=CUDA)
        owner = np.repeat(np.arange(20), 5)
        cuda.waits.clear()
        mine(image, text, owner, OfflineSpec(text_h=5, image_h=4), Key(0), block=10)
    assert sum(n for what, n in cuda.waits.items() if "copy to the host" in what) == 2 + 10
    assert cuda.waits.total() == 2 + 10 + 1  # and the owners, once
