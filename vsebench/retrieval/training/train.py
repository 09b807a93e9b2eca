"""Trains one run of the retrieval task and returns its record."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from vsebench.data.vocabulary import Vocabulary
from vsebench.kernels.clock import on_cpu
from vsebench.kernels.devices import cpu_threads
from vsebench.kernels.gemm import true_float32
from vsebench.plugin import PluginError, RetrievalTest
from vsebench.plugin.host.contain import unchanged
from vsebench.results.memory import peak_memory_mb
from vsebench.results.observers import Observers
from vsebench.results.plugins import plugins_of
from vsebench.results.provenance import provenance
from vsebench.results.reader import POSITIONS, RETRIEVED
from vsebench.results.record import Cost, DataParallel, RunRecord
from vsebench.retrieval.encode import embed_split
from vsebench.retrieval.parallel.leading import leading
from vsebench.retrieval.parallel.world import part_of
from vsebench.retrieval.ranking.metrics import RetrievalMetrics
from vsebench.retrieval.shown import Gallery, position_weights, retrieved, worst
from vsebench.retrieval.training import loop
from vsebench.retrieval.training.collapse import find_collapse
from vsebench.retrieval.training.selection import evaluate_embedded, ranked_by
from vsebench.retrieval.training.session import PEAK, Reporter, Session, prepare
from vsebench.retrieval.training.state import Start

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vsebench.plugin.retrieval import Embedding
    from vsebench.results.folder.store import RunDirectory
    from vsebench.results.record import Provenance
    from vsebench.results.spec import RunSpec
    from vsebench.retrieval.inputs.run_inputs import SplitInputs
    from vsebench.retrieval.parallel.world import World


def train(
    spec: RunSpec, directory: RunDirectory, report: Reporter, observers: Observers | None = None
) -> RunRecord:
    """Trains a run, or resumes it from its last checkpoint, evaluates its best model on test once,
    and stores ranks and model.

    Args:
        spec: the run.
        directory: where its curve, checkpoint, best model and ranks go.
        report: receives progress events.
        observers: plugins that watch; by default those of the run's environment.

    Raises:
        VsebenchError: the run cannot be made or diverged; the message says why.
    """
    plugins = plugins_of(spec)
    registry = plugins.registry
    with (
        cpu_threads(spec.protocol.threads),
        true_float32(fast=spec.device == "cpu") as matmul,
        leading(spec, directory.path) as world,
        unchanged([info.label for info in plugins.of_others]),
    ):
        origin = provenance(torch.device(spec.device), matmul, plugins)
        watching = observers or Observers.of(spec, directory.path)
        session = prepare(Start(spec, directory, registry, watching, report, world))
        loop.run(session)
        return _finish(session, origin)


def follow(spec: RunSpec, directory: RunDirectory, world: World) -> None:
    """Trains a run as one of its ranks that do not lead: it writes and reports nothing.

    Raises:
        VsebenchError: as `train`.
    """
    plugins = plugins_of(spec)
    with (
        cpu_threads(spec.protocol.threads),
        true_float32(fast=spec.device == "cpu"),
        unchanged([info.label for info in plugins.of_others]),
    ):
        watching = Observers.of(spec, directory.path)
        loop.run(prepare(Start(spec, directory, plugins.registry, watching, world=world)))


def _finish(session: Session, origin: Provenance) -> RunRecord:
    state, directory, schedule = session.state, session.directory, session.schedule
    inputs = session.inputs
    assert state.best is not None
    session.report({"event": "phase", "phase": "test"})
    session.model.load_state_dict(state.best.model)
    with session.clock.measure("evaluation"):
        galleries = [
            Gallery(*embed_split(session.model, split, session.device))
            for split in inputs.galleries
        ]
        found = [
            evaluate_embedded(session.model, *gallery, split)
            for gallery, split in zip(galleries, inputs.galleries, strict=True)
        ]
        on_test, (image, text) = found[0], galleries[0]
        metrics = on_test if len(found) == 1 else RetrievalMetrics.of_galleries(tuple(found))
        folds = _in_folds(session, image, text)
    directory.write_ranks(
        metrics.i2t_ranks,
        metrics.t2i_ranks,
        _owners(inputs.galleries),
        None if folds is None else (folds.i2t_ranks, folds.t2i_ranks),
    )
    columns = session.observers.tested(
        lambda: RetrievalTest(
            image,
            text,
            inputs.test.text_to_image,
            session.model.similarity,
            on_test.i2t_ranks,
            on_test.t2i_ranks,
            on_test.as_dict(),
        )
    )
    directory.write_best(
        state.best.model,
        {
            "run_id": session.spec.run_id,
            "step": state.best.step,
            "in_dim": inputs.in_dim,
        },
    )
    if isinstance(inputs.tokeniser, Vocabulary):
        directory.write_vocabulary(inputs.tokeniser.text)
    hints = _keep_shown(session, galleries, metrics)
    record = RunRecord(
        run_id=session.spec.run_id,
        status="done",
        spec=session.spec,
        test=metrics.as_dict() | (folds.in_folds() if folds is not None else {}),
        best_dev=state.best.metrics,
        best_step=state.best.step,
        steps=state.step,
        steps_per_epoch=schedule.steps_per_epoch,
        warmup_steps=schedule.warmup_steps,
        cost=_cost(session),
        warnings=(*session.spec.environment.data_warnings, *inputs.warnings, *hints),
        collapse=find_collapse(directory.read_curve()),
        columns=columns,
        provenance=origin.model_copy(update={"restarts": state.restarts}),
        data_parallel=_data_parallel(session),
    )
    directory.write_record(record)
    directory.checkpoint_path.unlink(missing_ok=True)
    return record


def _keep_shown(
    session: Session, galleries: Sequence[Gallery], metrics: RetrievalMetrics
) -> tuple[str, ...]:
    """Stores what pages show of the model.

    Returns:
        Why a pooling's weights are not among it; a result is not lost for them.
    """
    similarity = ranked_by(session.model, galleries[0].image)
    hardest = worst(metrics.i2t_ranks), worst(metrics.t2i_ranks)
    session.directory.write_shown(RETRIEVED, retrieved(galleries, similarity, hardest))
    try:
        weights = position_weights(session.model, session.inputs.test, session.device)
    except PluginError as error:
        return (str(error),)
    session.directory.write_shown(POSITIONS, weights)
    return ()


def _in_folds(session: Session, image: Embedding, text: Embedding) -> RetrievalMetrics | None:
    """Metrics on test within folds; None where the protocol does not ask for them."""
    if session.spec.protocol.evaluate == "full":
        return None
    return evaluate_embedded(session.model, image, text, session.inputs.test, "1k-5fold")


def _owners(galleries: Sequence[SplitInputs]) -> np.ndarray:
    """The image of each caption, int64, of galleries one after the other."""
    starts = np.cumsum([0, *(len(split.images) for split in galleries)])
    return np.concatenate(
        [split.text_to_image + start for split, start in zip(galleries, starts, strict=False)]
    )


def _data_parallel(session: Session) -> DataParallel | None:
    size, batch = session.world.size, session.spec.protocol.batch_size
    if size == 1:
        return None
    parts = [part_of(batch, rank, size) for rank in range(size)]
    return DataParallel(
        devices=size,
        batch=batch,
        batch_by_device=tuple(part.stop - part.start for part in parts),
        negatives=batch - 1,
    )


def _cost(session: Session) -> Cost:
    seconds = session.seconds()
    free = None if session.device.type == "cuda" else 0.0
    return Cost(
        train_seconds=seconds["train"],
        mining_seconds=seconds["mining"],
        prior_seconds=session.prior.total_seconds if session.prior is not None else 0.0,
        evaluation_seconds=seconds["evaluation"],
        samples_seen=session.schedule.pairs(session.state.step),
        tower_forwards=session.state.forwards,
        parameters=session.model.parameter_count,
        peak_memory_mb=max(peak_memory_mb(session.device), session.elsewhere.get(PEAK, 0.0)),
        concurrency=session.spec.environment.concurrency,
        sampling_seconds=seconds["sampling"],
        refresh_seconds=seconds["refresh"],
        train_cpu_seconds=seconds.get(on_cpu("train")),
        mining_cpu_seconds=seconds.get(on_cpu("mining")),
        prior_cpu_seconds=session.prior.total_cpu_seconds if session.prior is not None else free,
    )
