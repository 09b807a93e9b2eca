"""The optimiser of a run and its update."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar, cast

import torch
from torch import nn

from vsebench.plugin import SpecError
from vsebench.retrieval.parallel.whole_batch import sum_gradients
from vsebench.retrieval.parallel.world import ALONE
from vsebench.retrieval.training.groups import enter_epoch, trained_groups

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from vsebench.plugin import Progress
    from vsebench.retrieval.model import Model
    from vsebench.retrieval.parallel.world import World
    from vsebench.retrieval.training.schedule import Schedule

RATES_ON_DEVICE = {"cuda"}
"""Types of the devices that hold the learning rates themselves."""

Optimiser = TypeVar("Optimiser", bound=torch.optim.Optimizer)

_WRAPPERS = (
    ("torch._compile", "inner"),
    ("torch.optim.optimizer", "_use_grad"),
    # calls step hooks; torch puts it around the `step` of every class when it is first made
    ("torch.optim.optimizer", "wrapper"),
)
"""Module and name of the functions that torch wraps methods with."""


def uncompiled(optimiser: type[Optimiser]) -> type[Optimiser]:
    """A subclass of an optimiser that does the same without importing torch's compiler.

    torch wraps the methods of its optimisers so that `torch.compile` does not trace through them.
    At their first call the wrappers import `torch._dynamo`: 800 modules and a second of computing,
    several times what a small run takes. A run compiles no optimiser, so this calls what is inside
    the wrappers. A wrapper that is not known stays: then a release of torch that has other ones
    costs that second again, and computes the same.

    Args:
        optimiser: torch optimiser. It must not be made `differentiable`.
    """
    methods: dict[str, Any] = {
        name: unwrapped(getattr(optimiser, name))
        for name in ("add_param_group", "state_dict", "load_state_dict", "zero_grad")
    }
    methods["step"] = torch.no_grad()(unwrapped(optimiser.step))
    # What is ready to be captured need not be: torch would warn that it is not
    methods["_warned_capturable_if_run_uncaptured"] = True
    return cast("type[Optimiser]", type(optimiser.__name__, (optimiser,), methods))


def unwrapped(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function inside torch's known wrappers."""
    while (
        hasattr(function, "__wrapped__")
        and (function.__globals__["__name__"], function.__code__.co_name) in _WRAPPERS
    ):
        function = function.__wrapped__
    return function


AdamW, Adam = uncompiled(torch.optim.AdamW), uncompiled(torch.optim.Adam)
_OPTIMISERS = {"adamw": AdamW, "adam": Adam}


class Optimisation:
    """The optimiser of a model's and a loss's parameters. On CUDA its learning rates lie on the
    device, so that a captured update would read those of its step.

    Args:
        model: model on its device.
        loss: the run's loss; it may be a module.
        schedule: sets the learning rate of groups that were frozen at first.
        world: ranks that the batch is split over.

    Raises:
        PluginError: the groups of an encoder are not valid.
        SpecError: nothing trains in a run that has epochs.
    """

    def __init__(
        self, model: Model, loss: object, schedule: Schedule, world: World = ALONE
    ) -> None:
        self.model = model
        self.schedule = schedule
        self.world = world
        towers = (*model.image.parameters(), *model.text.parameters())
        self._in_towers = {id(parameter) for parameter in towers}
        self.groups = trained_groups(model, loss, schedule.protocol, warm_start=schedule.warm_start)
        if not self.groups and schedule.protocol.epochs:
            raise SpecError(
                "no parameter of the model or the loss trains: --epochs 0 evaluates the model as "
                "it is made"
            )
        device = next((p.device for p in model.parameters()), torch.device("cpu"))
        on_device = device.type in RATES_ON_DEVICE
        parameters = [
            {
                "params": list(group.parameters),
                "weight_decay": group.weight_decay,
                **({"lr": torch.zeros((), device=device)} if on_device else {}),
            }
            for group in self.groups
        ]
        self.optimiser = _OPTIMISERS[schedule.protocol.optimiser](
            parameters or [{"params": []}],  # torch refuses to optimise nothing
            lr=schedule.protocol.lr,
            fused=True,
            capturable=on_device,
        )
        self._epoch: int | None = None

    def enter(self, epoch: int) -> None:
        """Prepares the model for a step of this epoch."""
        if epoch != self._epoch:
            enter_epoch(self.model, self.groups, epoch)
            self._epoch = epoch

    def update(self, loss: Tensor, lr: float, progress: Progress) -> Tensor:
        """One update from the gradients of `loss`, clipped; `lr` is that of the groups with factor
        1. Returns the norm of the gradients before that, which stays on the device.
        """
        by_lr = self.schedule.protocol.unfreeze == "lr"
        for group, settings in zip(self.groups, self.optimiser.param_groups, strict=True):
            ramp = (
                self.schedule.ramp(progress.step)
                if by_lr and group.unfreezes(progress.epoch)
                else 1.0
            )
            rate = lr * group.lr_factor * ramp
            if isinstance(settings["lr"], torch.Tensor):
                settings["lr"].fill_(rate)
            else:
                settings["lr"] = rate
        if not by_lr and any(group.unfreezes(progress.epoch) for group in self.groups):
            loss = loss * self.schedule.share(progress.step)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        every = [p for group in self.optimiser.param_groups for p in group["params"]]
        sum_gradients(
            [p for p in every if p.requires_grad],
            {id(p) for p in every} - self._in_towers,
            self.world,
        )
        trained = [p for p in every if p.grad is not None]
        norm = nn.utils.clip_grad_norm_(trained, self.schedule.protocol.clip_norm)
        self.optimiser.step()
        # The fused optimiser does not, and components may cache by version
        torch.autograd.graph.increment_version(trained)
        return norm

    def state_dict(self) -> dict[str, Any]:
        state: dict[str, Any] = self.optimiser.state_dict()
        return state

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.optimiser.load_state_dict(state)
