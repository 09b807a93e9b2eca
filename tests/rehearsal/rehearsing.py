"""What a rehearsal does: a run is made ready on the pretended device, and takes steps there."""

from __future__ import annotations

from typing import TYPE_CHECKING
from unittest import mock

import numpy as np

from tests.rehearsal.pretended_cuda import CUDA
from vsebench.plugin import Key, OfflineLists, Progress
from vsebench.plugin.host.loader import load_plugins
from vsebench.results.folder.store import Store
from vsebench.results.observers import Observers
from vsebench.retrieval.training import loop
from vsebench.retrieval.training import session as session_module
from vsebench.retrieval.training.global_negatives import SampledIndices
from vsebench.retrieval.training.offline_negatives import OfflineNegatives
from vsebench.retrieval.training.session import prepare
from vsebench.retrieval.training.state import Start
from vsebench.retrieval.training.step import Batch, Stepper, Streams, Totals

if TYPE_CHECKING:
    from pathlib import Path

    from tests.rehearsal.pretended_cuda import PretendedCuda
    from vsebench.plugin import OfflineSpec
    from vsebench.results.spec import RunSpec
    from vsebench.retrieval.frozen import Frozen
    from vsebench.retrieval.inputs.run_inputs import Inputs
    from vsebench.retrieval.model import Model
    from vsebench.retrieval.training.session import Session

SIZE = 8
STEPS = 2
REGISTRY = load_plugins().registry
SMALL = {"batch_size": SIZE, "embed_dim": 16, "word_dim": 8, "warmup_epochs": 0}
"""Protocol keys of a rehearsed run."""


def prepared(spec: RunSpec, folder: Path, cuda: PretendedCuda) -> Session:
    """A session of a run, its offline negatives from lists as mining would have made them."""

    def mined(
        start: Start, inputs: Inputs, starting: object, wanted: OfflineSpec, clock: object
    ) -> tuple[OfflineNegatives, float]:
        return _offline(spec, inputs, wanted), 0.0  # type: ignore[arg-type]

    def untrained(*given: object) -> tuple[Model, dict[str, Frozen]]:
        with cuda.paused():  # pretrained weights are read as ever
            return build(*given)  # type: ignore[arg-type]

    build = session_module.untrained
    directory = Store(folder).directory_for(spec)
    directory.write_spec(spec)
    observers = Observers.of(spec, directory.path)
    with (
        mock.patch.object(session_module, "_mine", mined),
        mock.patch.object(session_module, "untrained", untrained),
    ):
        session = prepare(Start(spec, directory, REGISTRY, observers))
    assert next(session.model.parameters()).device == CUDA
    return session


def _offline(spec: RunSpec, inputs: Inputs, wanted: OfflineSpec) -> OfflineNegatives:
    owner, images = inputs.train.text_to_image, len(inputs.train.images)
    other = (np.arange(images) + 1) % images
    lists = OfflineLists(
        np.stack([np.searchsorted(owner, other)], axis=1).astype(np.int32),
        other[owner][:, None].astype(np.int32),
    )
    return OfflineNegatives(spec.loss.spec, wanted, lists, owner, spec.protocol.sibling_mask)


def steps(session: Session, cuda: PretendedCuda, count: int = STEPS) -> None:
    """Steps in which the host never waits; what is drawn for them is drawn before."""
    order = loop._order(session, 0, Key(0))
    session.stepper.announce(order, Key(0))
    streams = Streams(Key(0, "a").generator(), Key(0, "b").generator())
    rng, totals = Key(0, "c").generator(), Totals()
    for number in range(count):
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


def train(session: Session, cuda: PretendedCuda) -> None:
    """A run's whole training, in whose steps the host never waits; no checkpoint is written, as
    there is nothing to be written.
    """
    step = Stepper.step

    def watched(stepper: Stepper, batch: Batch, totals: Totals) -> None:
        with cuda.without_waits():
            step(stepper, batch, totals)

    with (
        mock.patch.object(Stepper, "step", watched),
        mock.patch.object(loop, "save_checkpoint"),
    ):
        loop.run(session)
