"""Calling a retrieval loss inside a check."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import nn

from vsebench.plugin import LossCard, LossOutput
from vsebench.testing.check import ConformanceError
from vsebench.testing.subject import DIM
from vsebench.testing.trial import Trial

if TYPE_CHECKING:
    from torch import Tensor

    from vsebench.plugin import LossInputs, OfflineSpec
    from vsebench.testing.losses.pairs import Pairs
    from vsebench.testing.subject import Subject


def trial(
    subject: Subject,
    pairs: Pairs,
    call: str = "loss(inputs)",
    *,
    note: str = "",
    expected: str = "no error",
) -> Trial:
    """The trial of a `loss` on `inputs`; `call` is Python in these two."""
    made = subject.source(dim=DIM, batch_size=pairs.batch)
    code = (
        f"import dataclasses, torch; from vsebench.testing import Pairs, build; loss = {made}; "
        f"inputs = {source(subject, pairs)}; {call}"
    )
    return Trial(f"{pairs}{', ' if note else ''}{note}", code, expected)


def build(subject: Subject, batch: int) -> Any:
    """A fresh instance, in double precision where it is a module, as the inputs are."""
    loss = subject.build(dim=DIM, batch_size=batch)
    return loss.double() if isinstance(loss, nn.Module) else loss


def offline_of(subject: Subject) -> OfflineSpec | None:
    """The offline negatives that the loss's card asks for."""
    return cast("LossCard", subject.component.card).offline_for(subject.params)


def inputs_of(subject: Subject, pairs: Pairs, dtype: torch.dtype = torch.float64) -> LossInputs:
    """The batch with those inputs only that the loss's card asks for."""
    card = cast("LossCard", subject.component.card)
    inputs = pairs.inputs(dtype, roles=_roles(subject))
    return dataclasses.replace(
        inputs,
        sampled=inputs.sampled if card.sampled else None,
        extras={name: inputs.extras[name] for name in card.extras},
    )


def source(subject: Subject, pairs: Pairs, dtype: torch.dtype | None = None) -> str:
    """Python that makes the batch, given `torch` and `Pairs`."""
    roles = _roles(subject)
    given = [*([str(dtype)] if dtype else []), *([f"roles={roles!r}"] if roles else [])]
    return f"{pairs!r}.inputs({', '.join(given)})"


def _roles(subject: Subject) -> tuple[str, ...]:
    offline = offline_of(subject)
    return tuple(offline.roles) if offline else ()


def value(loss: Any, inputs: LossInputs) -> Tensor:
    """The scalar of a loss.

    Raises:
        ConformanceError: it returned something else.
    """
    output = loss(inputs)
    scalar = output.loss if isinstance(output, LossOutput) else output
    if not isinstance(scalar, torch.Tensor) or scalar.dim() or not scalar.is_floating_point():
        found = (
            f"a {scalar.dtype} tensor of shape {list(scalar.shape)}"
            if isinstance(scalar, torch.Tensor)
            else f"a {type(scalar).__name__}"
        )
        raise ConformanceError(
            "it does not return a scalar",
            expected="a floating-point tensor of shape [], or LossOutput",
            found=found,
        )
    return scalar


def loss_of(subject: Subject, pairs: Pairs) -> Tensor:
    """The value of a fresh instance on a batch."""
    return value(build(subject, pairs.batch), inputs_of(subject, pairs))
