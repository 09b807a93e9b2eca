"""The inputs of retrieval losses, batches of pairs of embeddings, and calling a loss on them inside
a check.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, cast

import torch
from torch import nn
from torch.nn.functional import normalize

from vsebench.plugin import LossCard, LossInputs, LossOutput, Progress, SampledInputs
from vsebench.testing.check import ConformanceError
from vsebench.testing.subject import DIM
from vsebench.testing.trial import Trial

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import Tensor

    from vsebench.plugin import OfflineSpec
    from vsebench.testing.subject import Subject

_PERFECT = 6
# of the squared length of an embedding, along the direction that tells the two groups apart
_SHARED = 0.8


@dataclass(frozen=True)
class Pairs:
    """A batch of pairs; its `repr` makes it again. Every input that a loss may ask for is there,
    offline negatives in the roles that are asked for.

    Attributes:
        law: `random`, unit vectors of random directions; `siblings`, where pairs 1 and 2 share an
            image and every caption is near its image; `perfect`, where the two vectors of a pair
            are one and pairs are orthogonal; `collapsed`, where all vectors are one; `two-groups`,
            a random half of the batch and its mirror image, so that halves are alike and far from
            each other.
        batch: number of pairs B; at most 6 where it is perfect, even with two groups.
        seed: seed of the vectors.
        masked: pairs 1 and 2 (`siblings`), pairs of different halves (`groups`) or `all` pairs
            count as each other's positives; or `none` do.
    """

    law: Literal["random", "siblings", "perfect", "collapsed", "two-groups"] = "random"
    batch: int = 6
    seed: int = 0
    masked: Literal["none", "siblings", "groups", "all"] = "none"

    def inputs(
        self, dtype: torch.dtype = torch.float64, *, roles: Sequence[str] = ()
    ) -> LossInputs:
        """The batch, its similarity the inner products, with offline negatives in these roles."""
        others_wanted = max(2, len(roles))  # two of them are global negatives, too
        image, text, *others = (vectors.to(dtype) for vectors in self._vectors(others_wanted))
        positives = torch.eye(self.batch, dtype=torch.bool)
        if self.masked == "siblings":
            positives[(1, 2), (2, 1)] = True
        elif self.masked == "groups":
            second = torch.arange(self.batch) >= self.batch // 2
            positives |= second[:, None] != second
        elif self.masked == "all":
            positives[:] = True
        ids = torch.arange(self.batch)
        return LossInputs(
            image,
            text,
            positives,
            image_ids=ids.where(ids != 2, 1) if self.law == "siblings" else ids,
            text_ids=ids,
            offline=dict(zip(roles, others, strict=False)) if roles else None,
            sampled=SampledInputs(
                others[0], others[1], *(torch.ones(self.batch, dtype=torch.bool) for _ in range(2))
            ),
            progress=Progress(epoch=0, step=0, total=10),
            extras={"raw_image": 3 * image, "raw_text": 3 * text},
        )

    def _vectors(self, others: int) -> list[Tensor]:
        """Images, captions, and what comes from outside the batch: unit vectors [B, D] each."""
        generator = torch.Generator().manual_seed(self.seed)
        directions = [
            normalize(torch.randn(self.batch, DIM, generator=generator, dtype=torch.float64), dim=1)
            for _ in range(2 + others)
        ]
        if self.law == "siblings":
            directions[0][2] = directions[0][1]
            directions[1] = normalize(directions[0] + 0.3 * directions[1], dim=1)
        if self.law == "perfect":
            axes = torch.eye(DIM, dtype=torch.float64)
            directions = [
                axes[: self.batch],
                axes[: self.batch],
                *(
                    axes[_PERFECT + i % (DIM - _PERFECT)].expand(self.batch, DIM)
                    for i in range(others)
                ),
            ]
        if self.law == "collapsed":
            directions = [directions[0][:1].expand(self.batch, DIM)] * len(directions)
        if self.law == "two-groups":
            directions = [_mirrored(vectors) for vectors in directions]
        return directions

    def __str__(self) -> str:
        marks = {
            "siblings": "pairs 1 and 2",
            "groups": "pairs of different groups",
            "all": "all pairs",
        }
        marked = f", {marks[self.masked]} marked as positives" if self.masked in marks else ""
        return f"a batch of {self.batch} {self.law} pairs of size {DIM}{marked}"


def _mirrored(vectors: Tensor) -> Tensor:
    """The first half of the vectors, moved towards one side of a hyperplane, and then their mirror
    images.
    """
    half = vectors[: len(vectors) // 2].clone()
    half[:, 0] = 0
    half = (1 - _SHARED) ** 0.5 * normalize(half, dim=1)
    half[:, 0] = _SHARED**0.5
    other = half.clone()
    other[:, 0] *= -1
    return torch.cat([half, other])


def part(inputs: LossInputs, index: Tensor) -> LossInputs:
    """Some pairs of a batch, in that order."""
    chosen = _each(inputs, lambda tensor: tensor[index])
    positives = inputs.positives[index][:, index]
    return dataclasses.replace(chosen, positives=positives, similarity=chosen.image @ chosen.text.T)


def moved(inputs: LossInputs, device: torch.device | str) -> LossInputs:
    """The batch on another device."""
    return _each(inputs, lambda tensor: tensor.to(device))


def _each(inputs: LossInputs, function: Callable[[Tensor], Tensor]) -> LossInputs:
    """The batch with a function of every tensor."""

    def of(value: Any) -> Any:
        match value:
            case torch.Tensor():
                return function(value)
            case SampledInputs():
                return SampledInputs(*(function(tensor) for tensor in vars(value).values()))
            case Mapping():
                return {name: function(tensor) for name, tensor in value.items()}
        return value

    return LossInputs(**{name: of(value) for name, value in vars(inputs).items()})


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
