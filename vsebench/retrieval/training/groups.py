"""Groups of parameters: learning-rate factors, weight decay, and the epochs in which encoders are
frozen.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from torch import nn

from vsebench.plugin import PluginError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from torch.nn import Parameter

    from vsebench.results.protocol import Protocol
    from vsebench.retrieval.model import Model


@dataclass(frozen=True, eq=False)
class TrainedGroup:
    """Parameters that the optimiser treats alike; the attributes are those of a `ParameterGroup`,
    and `weight_decay`.
    """

    parameters: tuple[Parameter, ...]
    weight_decay: float
    lr_factor: float = 1.0
    frozen_epochs: float = 0

    def frozen(self, epoch: int) -> bool:
        return epoch < self.frozen_epochs

    def unfreezes(self, epoch: int) -> bool:
        """Whether this is the first epoch in which a group trains that was frozen before."""
        return self.frozen_epochs > 0 and epoch == math.ceil(self.frozen_epochs)


def trained_groups(
    model: Model, loss: object, protocol: Protocol, *, warm_start: bool = False
) -> list[TrainedGroup]:
    """The groups of a run's optimiser. Parameters that never train are frozen here, and in none of
    them.

    Args:
        model: model whose encoders may have `parameter_groups()`; all that these do not name is the
            first group.
        loss: may be a module with parameters of its own.
        protocol: gives epochs and weight decay.
        warm_start: the model was trained before, so that nothing starts frozen.

    Raises:
        PluginError: an encoder's groups hold a parameter twice, or one that is not its own.
    """
    named = [
        group
        for tower in (model.image, model.text)
        for group in _named(tower.encoder, protocol.weight_decay)
    ]
    taken = {id(p) for group in named for p in group.parameters}
    groups = [
        TrainedGroup(
            tuple(p for p in model.parameters() if id(p) not in taken), protocol.weight_decay
        )
    ]
    for group in named:
        if group.frozen_epochs >= protocol.epochs:
            _set_trainable(group.parameters, False)
        groups.append(replace(group, frozen_epochs=0) if warm_start else group)
    if isinstance(loss, nn.Module):
        # a loss's own parameters are temperatures and biases: decay would pull them towards values
        # that mean nothing
        groups.append(TrainedGroup(tuple(loss.parameters()), 0.0))
    parts = (
        part
        for group in groups
        for part in (_parted(group) if protocol.decay_on == "matrices" else (group,))
    )
    trainable = (
        replace(part, parameters=tuple(p for p in part.parameters if p.requires_grad))
        for part in parts
    )
    return [part for part in trainable if part.parameters]


def enter_epoch(model: Model, groups: Iterable[TrainedGroup], epoch: int) -> None:
    """Freezes and unfreezes what this epoch asks for, and puts the model in training mode but for
    what is frozen in its encoders.
    """
    for group in groups:
        _set_trainable(group.parameters, not group.frozen(epoch))
    model.train()
    for tower in (model.image, model.text):
        for module in _frozen_modules(tower.encoder):
            module.eval()


def _named(encoder: Any, weight_decay: float) -> list[TrainedGroup]:
    """The groups that an encoder names."""
    if not hasattr(encoder, "parameter_groups"):
        return []
    groups = [
        TrainedGroup(tuple(g.parameters), weight_decay, g.lr_factor, g.frozen_epochs)
        for g in encoder.parameter_groups()
    ]
    given = [id(p) for group in groups for p in group.parameters]
    if len(set(given)) < len(given) or not set(given) <= {id(p) for p in encoder.parameters()}:
        raise PluginError(
            f"{type(encoder).__name__}.parameter_groups() must hold parameters of the encoder, "
            "each in one group only"
        )
    return groups


def _parted(group: TrainedGroup) -> tuple[TrainedGroup, TrainedGroup]:
    """The matrices of a group, and its vectors, which do not decay."""
    matrices, vectors = (
        tuple(p for p in group.parameters if (p.ndim > 1) == wanted) for wanted in (True, False)
    )
    return replace(group, parameters=matrices), replace(group, parameters=vectors, weight_decay=0.0)


def _set_trainable(parameters: Iterable[Parameter], trainable: bool) -> None:
    for parameter in parameters:
        parameter.requires_grad_(trainable)


def _frozen_modules(module: nn.Module) -> Iterator[nn.Module]:
    """The outermost modules with parameters of which none trains."""
    trains = [p.requires_grad for p in module.parameters()]
    if trains and not any(trains):
        yield module
    else:
        for child in module.children():
            yield from _frozen_modules(child)
