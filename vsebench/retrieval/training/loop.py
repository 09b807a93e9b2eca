"""The training loop: epochs of steps, dev evaluations on a grid of steps, a checkpoint at the end
of each epoch.
"""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

from torch import nn

from vsebench.kernels.clock import on_cpu
from vsebench.plugin import Key, PluginError, Progress, TrainingStep
from vsebench.plugin.host.contain import reseeded
from vsebench.results.record import DivergenceError, Evaluation
from vsebench.results.stopping import Best, is_stopped
from vsebench.retrieval.embeddings import representative
from vsebench.retrieval.encode import embed_split
from vsebench.retrieval.training.collapse import chance_rsum, is_collapsed, loss_at_equal
from vsebench.retrieval.training.selection import criterion, judge
from vsebench.retrieval.training.state import save_checkpoint, snapshot
from vsebench.retrieval.training.step import Batch, Streams, Totals

if TYPE_CHECKING:
    import numpy as np

    from vsebench.results.protocol import Protocol
    from vsebench.retrieval.training.global_negatives import SampledIndices
    from vsebench.retrieval.training.offline_negatives import OfflineIndices
    from vsebench.retrieval.training.selection import Spread
    from vsebench.retrieval.training.session import Session
    from vsebench.retrieval.training.state import State

_REPORT_EVERY = 0.5  # seconds between two reports of progress


def run(session: Session) -> None:
    """Trains from where the session's state stands to the end, or to where the stopping rule ends
    it.
    """
    world = session.world
    if session.spec.protocol.epochs == 0:
        if world.leads:
            _evaluate_untrained(session)
        return
    session.report({"event": "phase", "phase": "training"})
    first = session.state.step // session.schedule.steps_per_epoch
    for epoch in range(first, session.spec.protocol.epochs):
        if world.agree(lambda: is_stopped(session.stopping, session.directory)):
            break
        _epoch(session, epoch)
        world.check_same(
            [
                (name, module)
                for name, module in session.checkpointed.items()
                if isinstance(module, nn.Module)
            ]
        )
        session.state.forwards = session.stepper.forwards
        session.state.seconds = session.seconds()
        if world.leads:
            save_checkpoint(session.directory, session.state, **session.checkpointed)


def _evaluate_untrained(session: Session) -> None:
    """Evaluates the initial model, and keeps it."""
    with session.clock.measure("evaluation"):
        image, text = embed_split(session.model, session.inputs.dev, session.device)
        metrics, spread = judge(session.model, image, text, session.inputs.dev)
    scores = metrics.as_dict()
    session.state.best = Best(0, scores, snapshot(session.model))
    evaluation = Evaluation(
        step=0,
        epoch=0.0,
        seconds=0.0,
        loss=0.0,
        lr=0.0,
        metrics=scores,
        diagnostics={**_cosines(spread), "collapsed": 0.0},
        epoch_end=True,
    )
    session.directory.truncate_curve(-1)  # of an attempt that was killed since
    session.directory.append_evaluation(evaluation)
    session.observers.evaluated(evaluation)


def _cosines(spread: Spread) -> dict[str, float]:
    return {
        "mean_unrelated_cosine": spread.unrelated,
        "mean_image_cosine": spread.images,
        "mean_text_cosine": spread.texts,
    }


def _epoch(session: Session, epoch: int) -> None:
    key, schedule, size = Key(session.spec.seed), session.schedule, session.spec.protocol.batch_size
    order = _order(session, epoch, key)
    session.stepper.announce(order[: schedule.pairs_per_epoch], key / "crops" / epoch)
    if session.sampled is not None:
        session.sampled.announce(order, epoch * schedule.steps_per_epoch)
    session.world.seed(key / "dropout" / epoch)
    reseeded()
    streams = Streams(
        (key / "augmentation" / epoch).generator(),
        (key / "offline augmentation" / epoch).generator(),
    )
    negatives = (key / "offline negatives" / epoch).generator()
    totals, reported = _totals(session), 0.0
    done = session.state.step
    while done < (epoch + 1) * schedule.steps_per_epoch:
        with session.clock.measure("train"):
            # Until the next evaluation: the clock, and a host that waits, stay out of the steps
            while True:
                offset = (done - epoch * schedule.steps_per_epoch) * size
                batch = _batch(
                    session,
                    order[offset : offset + size],
                    Progress(epoch, done, schedule.total),
                    streams,
                    negatives,
                )
                _step(session, batch, totals)
                done += 1
                if time.monotonic() - reported > _REPORT_EVERY:
                    reported = time.monotonic()
                    session.report(
                        {
                            "event": "step",
                            "step": done,
                            "steps": schedule.total,
                            "epoch": epoch,
                            "epochs": session.spec.protocol.epochs,
                        }
                    )
                if schedule.evaluates(done):
                    break
        session.state.step = done
        _evaluate(session, totals)
        totals = _totals(session)


def _totals(session: Session) -> Totals:
    """Empty sums, which keep every step where a plugin watches them."""
    return Totals(steps=[] if session.observers.watch("vsebench_stepped") else None)


def _tell_steps(session: Session, totals: Totals) -> None:
    read = totals.read_steps()
    if read:
        first = session.state.step - len(read)
        session.observers.stepped(
            [
                TrainingStep(first + i + 1, loss, session.schedule.lr(first + i), norm)
                for i, (loss, norm) in enumerate(read)
            ]
        )


def _order(session: Session, epoch: int, key: Key) -> np.ndarray:
    """The captions of an epoch in order; embeddings for a plan that asks for them are charged to
    mining.
    """
    plan, train, embeddings = session.batch_plan, session.inputs.train, None
    if getattr(plan, "needs_embeddings", False):
        with session.clock.measure("mining"):
            image, text = embed_split(session.model, train, session.device, session.world)
            embeddings = representative(image).cpu().numpy(), representative(text).cpu().numpy()
    return session.world.agree(
        lambda: plan.plan(epoch, len(train.texts), embeddings, key / "batches")
    )


def _batch(
    session: Session,
    captions: np.ndarray,
    progress: Progress,
    streams: Streams,
    negatives: np.random.Generator,
) -> Batch:
    """The batch of a step, with its offline or sampled negatives."""
    warming = progress.step < session.schedule.warmup_steps
    drawn: OfflineIndices | SampledIndices | None = None
    if session.offline is not None and not warming:
        drawn = session.offline.draw(captions, negatives)
    elif session.sampled is not None and not warming:
        drawn = session.sampled.draw(progress)
    objective = session.warmup if warming else session.objective
    lr = session.schedule.lr(progress.step)
    return Batch(captions, objective, progress, lr, streams, drawn)


def _step(session: Session, batch: Batch, totals: Totals) -> None:
    try:
        session.stepper.step(batch, totals)
    except PluginError as error:
        raise PluginError(f"step {batch.progress.step + 1}: {error}") from error


def _evaluate(session: Session, totals: Totals) -> None:
    """Evaluates dev, appends to the curve and keeps the model if it is the best so far."""
    state, schedule, protocol = session.state, session.schedule, session.spec.protocol
    diagnostics, steps = totals.means(session.world), totals.counts["loss"]
    loss = diagnostics.pop("loss")
    if session.world.leads:
        _tell_steps(session, totals)
    if not math.isfinite(loss):
        raise DivergenceError(
            f"training diverged: the loss is not finite before step {state.step} of "
            f"{schedule.total}; lower the rate with --set lr=…"
        )
    dev = session.inputs.dev
    with session.clock.measure("evaluation"):
        image, text = embed_split(session.model, dev, session.device, session.world)
    session.tell()
    if not session.world.leads:
        return
    with session.clock.measure("evaluation"):
        metrics, spread = judge(session.model, image, text, dev)
        diagnostics |= _cosines(spread)
        if settled := state.step - steps >= session.settled:
            diagnostics |= _plateau(session, spread, steps)
    scores = metrics.as_dict()
    epoch_end = schedule.ends_epoch(state.step)
    if _is_best(scores, state, protocol, epoch_end):
        state.best = Best(state.step, scores, snapshot(session.model))
    seconds = session.seconds()
    evaluation = Evaluation(
        step=state.step,
        epoch=state.step / schedule.steps_per_epoch,
        seconds=seconds["train"],
        cpu_seconds=seconds.get(on_cpu("train")),
        loss=loss,
        lr=schedule.lr(state.step - 1),
        metrics=scores,
        diagnostics=diagnostics,
        epoch_end=epoch_end,
    )
    collapsed = {"collapsed": float(settled and _is_collapsed(session, evaluation))}
    evaluation = evaluation.model_copy(update={"diagnostics": diagnostics | collapsed})
    session.directory.append_evaluation(evaluation)
    session.observers.evaluated(evaluation)
    session.report(
        {
            "event": "evaluated",
            "step": state.step,
            "steps": schedule.total,
            "loss": loss,
            "rsum": scores["rsum"],
        }
    )


def _plateau(session: Session, spread: Spread, steps: int) -> dict[str, float]:
    """The mean loss of the last `steps` steps if the model told no items apart; empty if it is not
    finite.
    """
    done, schedule, size = session.state.step, session.schedule, session.spec.protocol.batch_size
    progress = Progress((done - 1) // schedule.steps_per_epoch, done - 1, schedule.total)
    last = schedule.pairs(done) - schedule.pairs(done - 1)  # the one batch that may be partial
    at_equal = {n: loss_at_equal(session.objective, spread, n, progress) for n in {size, last}}
    loss = at_equal[size] + (at_equal[last] - at_equal[size]) / steps
    return {"loss_at_equal": loss} if math.isfinite(loss) else {}


def _is_collapsed(session: Session, evaluation: Evaluation) -> bool:
    dev = session.inputs.dev
    curve = [*session.directory.read_curve(), evaluation]
    return is_collapsed(
        evaluation,
        best=max(each.metrics["rsum"] for each in curve),
        chance=chance_rsum(dev.text_to_image, len(dev.images)),
    )


def _is_best(scores: dict[str, float], state: State, protocol: Protocol, epoch_end: bool) -> bool:
    """Whether the model of this evaluation is the one to keep so far."""
    if protocol.select_at == "last":
        return epoch_end
    return (epoch_end or protocol.select_at == "evaluation") and (
        state.best is None
        or criterion(scores, protocol.select_by) > criterion(state.best.metrics, protocol.select_by)
    )
