"""The start of a run, the state it carries from step to step, and its checkpoint at the end of an
epoch.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch

from vsebench.results.stopping import Best
from vsebench.retrieval.parallel.world import ALONE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from torch import Tensor, nn

    from vsebench.plugin.registry import Registry
    from vsebench.results.folder.store import RunDirectory
    from vsebench.results.observers import Observers
    from vsebench.results.spec import RunSpec
    from vsebench.retrieval.parallel.world import World


def unheard(event: dict[str, object]) -> None:
    """Takes progress that nobody watches."""


@dataclass(frozen=True)
class Start:
    """The start of a run.

    Attributes:
        spec: the run.
        directory: where it leaves its files.
        registry: where its components are.
        observers: plugins that watch.
        report: receives progress.
        world: the ranks that it is split over; each has a start of its own.
    """

    spec: RunSpec
    directory: RunDirectory
    registry: Registry
    observers: Observers
    report: Callable[[dict[str, object]], None] = unheard
    world: World = ALONE


@dataclass
class State:
    """Counters of a run.

    Attributes:
        step: optimiser steps done.
        forwards: items passed through a tower in training steps.
        seconds: spent so far, by phase.
        restarts: number of times that the run was resumed.
        best: the best model on dev.
    """

    step: int = 0
    forwards: int = 0
    seconds: dict[str, float] = field(default_factory=dict)
    restarts: int = 0
    best: Best | None = None


def snapshot(module: nn.Module) -> dict[str, Tensor]:
    """A copy of a module's state, on the CPU; waits for a CUDA device once."""
    state = {name: tensor.detach() for name, tensor in module.state_dict().items()}
    if not any(tensor.is_cuda for tensor in state.values()):
        return {name: tensor.to("cpu", copy=True) for name, tensor in state.items()}
    copies = {
        name: torch.empty(tensor.shape, dtype=tensor.dtype, pin_memory=True)
        for name, tensor in state.items()
    }
    for name, copy in copies.items():
        copy.copy_(state[name], non_blocking=True)
    torch.cuda.synchronize()
    return copies


def save_checkpoint(directory: RunDirectory, state: State, **modules: Any) -> None:
    """Writes a checkpoint in one move: an interrupted write leaves the previous one.

    Args:
        directory: directory of the run.
        state: the run's counters.
        modules: whatever has `state_dict()`; None is left out.

    Raises:
        VsebenchError: it cannot be written.
    """
    content = {
        "state": {**vars(state), "best": vars(state.best) if state.best else None},
        **{name: module.state_dict() for name, module in modules.items() if module is not None},
    }
    directory.write_checkpoint(content)


def restore(content: Mapping[str, Any], **modules: Any) -> State:
    """Puts the modules back as they were, and gives the counters.

    Args:
        content: content of a checkpoint.
        modules: modules saved in it; None is left out.
    """
    for name, module in modules.items():
        if module is not None:
            module.load_state_dict(content[name])
    saved = dict(content["state"])
    best = saved.pop("best")
    state = State(**saved, best=Best(**best) if best else None)
    state.restarts += 1
    return state
