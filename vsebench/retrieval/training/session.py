"""A run made ready: data open, model built, first round mined, checkpoint restored."""

from __future__ import annotations

import copy
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, cast

import torch
from torch import nn

from vsebench.kernels.clock import Clock, on_cpu
from vsebench.plugin import Key, PluginError, VsebenchError
from vsebench.results.memory import peak_memory_mb
from vsebench.results.run_base import make
from vsebench.retrieval.embeddings import representative
from vsebench.retrieval.frozen import Keeper, untrained
from vsebench.retrieval.inputs.batches import augmenter
from vsebench.retrieval.inputs.run_inputs import Inputs, open_inputs
from vsebench.retrieval.model import Model, pool, seeded
from vsebench.retrieval.parallel.whole_batch import share_statistics
from vsebench.retrieval.parallel.world import ALONE
from vsebench.retrieval.training.first_round import first_round, load_best, offline_lists
from vsebench.retrieval.training.global_negatives import Drawing, GlobalNegatives
from vsebench.retrieval.training.offline_negatives import OfflineNegatives
from vsebench.retrieval.training.optimisation import Optimisation
from vsebench.retrieval.training.schedule import Schedule
from vsebench.retrieval.training.state import State, restore
from vsebench.retrieval.training.step import Objective, Stepper

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vsebench.plugin import BatchPlan, LossCard, OfflineSpec, StoppingRule
    from vsebench.plugin.registry import Registry
    from vsebench.results.components import ComponentRef
    from vsebench.results.folder.store import RunDirectory
    from vsebench.results.observers import Observers
    from vsebench.results.record import Cost
    from vsebench.results.spec import RunSpec
    from vsebench.retrieval.parallel.world import World
    from vsebench.retrieval.training.state import Start

_log = logging.getLogger("vsebench")

Reporter = Callable[[dict[str, object]], None]


PHASES = ("train", "mining", "evaluation", "refresh", "sampling")
"""Phases of a run. Refreshing a sampler of global negatives and drawing from it are within `train`,
whose seconds include theirs.
"""

PEAK = "peak"


def _is_cpu(phase: str) -> bool:
    return phase in map(on_cpu, PHASES)


@dataclass
class Session:
    """Everything that the training loop works on.

    Attributes:
        spec: the run.
        directory: where it leaves its files.
        device: device that it uses.
        inputs: its data.
        model: model on the device.
        objective: the run's loss.
        warmup: the protocol's warm-up loss.
        batch_plan: the order of the captions.
        stopping: decides whether training ends before the last epoch; None where it never does.
        stepper: takes the steps.
        schedule: steps of the warm-up, the learning rate and the evaluations.
        offline: draws mined negatives, for a loss that needs them.
        sampled: draws global negatives, likewise.
        clock: time spent, by phase.
        state: counters, restored from a checkpoint where there is one.
        prior: cost of the first round; None without one.
        report: receives progress.
        observers: plugins that watch.
        world: the ranks that it is split over; each has a session.
        elsewhere: CPU seconds of the other ranks by phase, and the largest of their peaks of memory
            under `peak`, as far as they have told.
    """

    spec: RunSpec
    directory: RunDirectory
    device: torch.device
    inputs: Inputs
    model: Model
    objective: Objective
    warmup: Objective
    batch_plan: BatchPlan
    stopping: StoppingRule | None
    stepper: Stepper
    schedule: Schedule
    offline: OfflineNegatives | None
    sampled: GlobalNegatives | None
    clock: Clock
    state: State
    prior: Cost | None
    report: Reporter
    observers: Observers
    world: World = ALONE
    elsewhere: dict[str, float] = field(default_factory=dict)

    @property
    def settled(self) -> int:
        """The step from which on the run trains with its own loss, at a rate that is warm."""
        own = self.spec.warmup_loss.spec == self.spec.loss.spec
        return max(0 if own else self.schedule.warmup_steps, self.schedule.lr_warmup_steps)

    def seconds(self) -> dict[str, float]:
        """Time spent so far by phase: wall seconds of this rank, and CPU seconds of all ranks."""
        return {
            phase: value + self.elsewhere.get(phase, 0.0)
            for phase, value in self.clock.read().items()
        }

    def tell(self) -> None:
        """Tells the other ranks what this one has cost, and hears what they have."""
        if self.world.size == 1:
            return
        cpu = {phase: value for phase, value in self.clock.read().items() if _is_cpu(phase)}
        told = self.world.every({**cpu, PEAK: peak_memory_mb(self.device)})
        others = [each for rank, each in enumerate(told) if rank != self.world.rank]
        self.elsewhere = {phase: sum(each[phase] for each in others) for phase in cpu}
        self.elsewhere[PEAK] = max(each[PEAK] for each in others)

    @property
    def checkpointed(self) -> dict[str, Any]:
        """Contents of a checkpoint besides the counters."""
        loss = self.objective.loss
        return {
            "model": self.model,
            "optimiser": self.stepper.optimisation,
            "loss": loss if isinstance(loss, nn.Module) else None,
        }


def prepare(start: Start) -> Session:
    """Makes a run ready to train, from its beginning or from its last checkpoint. Every rank does
    so, and the one that leads writes.
    """
    spec, directory, registry = start.spec, start.directory, start.registry
    report, world = start.report, start.world
    device = torch.device(spec.device)
    report({"event": "phase", "phase": "loading"})
    inputs = open_inputs(spec, registry, device)
    for warning in inputs.warnings:
        _log.warning(warning)
    model, frozen = untrained(spec, registry, inputs)
    inputs = Keeper(frozen, spec, device, report).inputs(inputs)
    del frozen
    model.to(device)
    objective = _objective(spec, "loss", registry, device)
    trains = ["loss"] if isinstance(objective.loss, nn.Module) else []
    checkpoint = _checkpoint(directory, ["state", "model", "optimiser", *trains], world)
    clock = Clock(device, PHASES)
    offline, prior, warm = None, None, False
    if objective.offline is not None:
        if not directory.offline_path.exists():
            report({"event": "phase", "phase": "mining"})
        warm = objective.offline.start == "warm"
        starting = model if warm and checkpoint is None else None
        offline, prior = _mine(start, inputs, starting, objective.offline, clock)
    schedule = Schedule(spec.protocol, len(inputs.train.texts), warm_start=warm)
    session = Session(
        spec=spec,
        directory=directory,
        device=device,
        inputs=inputs,
        model=model,
        objective=objective,
        warmup=_objective(spec, "warmup_loss", registry, device),
        batch_plan=make(spec, "batch_plan", registry),
        stopping=make(spec, "stop", registry),
        stepper=_stepper(inputs, model, objective, schedule, world),
        schedule=schedule,
        offline=offline,
        sampled=_global_negatives(start, model, inputs, clock) if objective.card.sampled else None,
        clock=clock,
        state=State(),
        prior=prior,
        report=report,
        observers=start.observers,
        world=world,
    )
    if spec.protocol.epochs:
        _compile(model, spec.protocol.embed_dim, device)
    if world.size > 1:
        share_statistics(model, world)
    if checkpoint is not None:
        _restore(session, checkpoint)
    return session


def _compile(model: Model, dim: int, device: torch.device) -> None:
    """Lets the poolings load or compile their kernels, so that the first training step does not pay
    for it. They work on copies: nothing changes.

    Raises:
        PluginError: an embedding is none that can be trained.
    """
    for tower in (model.image, model.text):
        features = torch.zeros(2, 3, dim, device=device, requires_grad=True)
        lengths = torch.tensor([3, 1], device=device)
        output = pool(copy.deepcopy(tower.pooling), features, lengths, tower.name)
        embedding = representative(output.embedding)
        if not embedding.requires_grad:
            raise PluginError(
                f"no gradient reaches the features from pooling '{tower.name}': it detaches them, "
                "or does not use them"
            )
        embedding.sum().backward()  # type: ignore[no-untyped-call]


def _checkpoint(
    directory: RunDirectory, needed: Sequence[str], world: World
) -> dict[str, Any] | None:
    """The last checkpoint. The rank that leads reads it first: it sets a damaged one aside."""
    found = directory.read_checkpoint(needed) if world.leads else None
    if world.agree(lambda: found is not None) and not world.leads:
        return directory.read_checkpoint(needed)
    return found


def _restore(session: Session, checkpoint: dict[str, Any]) -> None:
    state = restore(checkpoint, **session.checkpointed)
    if session.world.leads:
        session.directory.truncate_curve(state.step)
    session.state = state
    session.stepper.forwards = state.forwards
    session.clock.read()  # what was spent before is in the checkpoint
    if session.world.leads:
        session.clock.seconds.update(state.seconds)


def _global_negatives(start: Start, model: Model, inputs: Inputs, clock: Clock) -> GlobalNegatives:
    spec = start.spec
    if spec.sampler is None:
        raise VsebenchError(
            f"loss '{spec.loss.spec}' needs global negatives, but the run names no sampler to "
            "draw them"
        )
    samplers = make(spec, "sampler", start.registry), make(spec, "sampler", start.registry)
    drawing = Drawing(samplers, spec.protocol.batch_size, Key(spec.seed) / "global negatives")
    return GlobalNegatives(model, inputs, drawing, clock, start.world)


def _mine(
    start: Start, inputs: Inputs, starting: Model | None, wanted: OfflineSpec, clock: Clock
) -> tuple[OfflineNegatives, Cost]:
    """The offline negatives and the cost of the first round, whose best parameters are put into the
    model that is `starting` from them, if one is.
    """
    spec = start.spec
    source, record = first_round(spec, start.directory)
    cost = record.cost
    assert cost is not None
    if starting is not None:
        load_best(starting, source)

    def teacher() -> Model:
        if starting is not None:
            return starting
        fresh = untrained(record.retrieval, start.registry, inputs)[0].to(clock.device)
        load_best(fresh, source)
        return fresh

    negatives = OfflineNegatives(
        spec.loss.spec,
        wanted,
        offline_lists(start, teacher, wanted, inputs, clock),
        inputs.train.text_to_image,
        spec.protocol.sibling_mask,
    )
    return negatives, cost


def _objective(
    spec: RunSpec,
    field: Literal["loss", "warmup_loss"],
    registry: Registry,
    device: torch.device,
) -> Objective:
    ref: ComponentRef = getattr(spec, field)
    loss = seeded(Key(spec.seed) / "init" / "loss", lambda: make(spec, field, registry))
    card = cast("LossCard", registry.get("loss", ref.name).card)
    return Objective(
        loss.to(device) if isinstance(loss, nn.Module) else loss,
        card,
        card.offline_for(ref.params),
    )


def _stepper(
    inputs: Inputs,
    model: Model,
    objective: Objective,
    schedule: Schedule,
    world: World,
) -> Stepper:
    protocol, train, device = schedule.protocol, inputs.train, inputs.train.images.device
    static = device.type == "cuda" or protocol.compile != "none"
    return Stepper(
        model,
        Optimisation(model, objective.loss, schedule, world),
        augmenter(inputs, model.image.encoder, protocol, static=static, world=world),
        train.text_to_image,
        protocol,
        world=world,
    )
