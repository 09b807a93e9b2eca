"""Trains one run of the retrieval task and returns its record."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from vsebench.data.vocabulary import Vocabulary
from vsebench.kernels.clock import on_cpu
from vsebench.kernels.devices import cpu_threads
from vsebench.kernels.gemm import true_float32
from vsebench.plugin import RetrievalTest
from vsebench.plugin.host.loader import load_plugins
from vsebench.results.observers import Observers
from vsebench.results.provenance import peak_memory_mb, provenance
from vsebench.results.record import Cost, RunRecord
from vsebench.retrieval.training import loop
from vsebench.retrieval.training.collapse import find_collapse
from vsebench.retrieval.training.selection import embed_split, evaluate_embedded
from vsebench.retrieval.training.session import Reporter, Session, prepare

if TYPE_CHECKING:
    from vsebench.results.record import Provenance
    from vsebench.results.spec import RunSpec
    from vsebench.results.store import RunDirectory


def train(
    spec: RunSpec, directory: RunDirectory, report: Reporter, observers: Observers | None = None
) -> RunRecord:
    """Trains a run, or resumes it from its last checkpoint, evaluates its best model on test once,
    and stores ranks and model.

    Args:
        spec: the run.
        directory: where its curve, checkpoint, best model and ranks go.
        report: receives progress events.
        observers: plugins that watch; by default all that are loaded.

    Raises:
        VsebenchError: the run cannot be made or diverged; the message says why.
    """
    registry = load_plugins(spec.environment.plugin_files).registry
    with cpu_threads(spec.protocol.threads), true_float32(fast=spec.device == "cpu") as matmul:
        origin = provenance(torch.device(spec.device), matmul)
        session = prepare(
            spec, directory, registry, report, observers or Observers.of(spec, directory.path)
        )
        loop.run(session)
        return _finish(session, origin)


def _finish(session: Session, origin: Provenance) -> RunRecord:
    state, directory, schedule = session.state, session.directory, session.schedule
    assert state.best is not None
    session.report({"event": "phase", "phase": "test"})
    session.model.load_state_dict(state.best.model)
    with session.clock.measure("evaluation"):
        image, text = embed_split(session.model, session.inputs.test, session.device)
        metrics = evaluate_embedded(session.model, image, text, session.inputs.test)
    owner, ranks = session.inputs.test.text_to_image, (metrics.i2t_ranks, metrics.t2i_ranks)
    directory.write_ranks(*ranks, owner)
    columns = session.observers.tested(
        lambda: RetrievalTest(
            image, text, owner, session.model.similarity, *ranks, metrics.as_dict()
        )
    )
    inputs = session.inputs
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
    record = RunRecord(
        run_id=session.spec.run_id,
        status="done",
        spec=session.spec,
        test=metrics.as_dict(),
        best_dev=state.best.metrics,
        best_step=state.best.step,
        steps=state.step,
        steps_per_epoch=schedule.steps_per_epoch,
        warmup_steps=schedule.warmup_steps,
        cost=_cost(session),
        warnings=session.spec.environment.data_warnings,
        collapse=find_collapse(directory.read_curve()),
        columns=columns,
        provenance=origin.model_copy(update={"restarts": state.restarts}),
    )
    directory.write_record(record)
    directory.checkpoint_path.unlink(missing_ok=True)
    return record


def _cost(session: Session) -> Cost:
    seconds = session.clock.read()
    free = None if session.device.type == "cuda" else 0.0
    return Cost(
        train_seconds=seconds["train"],
        mining_seconds=seconds["mining"],
        prior_seconds=session.prior.total_seconds if session.prior is not None else 0.0,
        evaluation_seconds=seconds["evaluation"],
        samples_seen=session.schedule.pairs(session.state.step),
        tower_forwards=session.state.forwards,
        parameters=session.model.parameter_count,
        peak_memory_mb=peak_memory_mb(session.device),
        concurrency=session.spec.environment.concurrency,
        sampling_seconds=seconds["sampling"],
        refresh_seconds=seconds["refresh"],
        train_cpu_seconds=seconds.get(on_cpu("train")),
        mining_cpu_seconds=seconds.get(on_cpu("mining")),
        prior_cpu_seconds=session.prior.total_cpu_seconds if session.prior is not None else free,
    )
