"""Calling a pooling inside a check."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from vsebench.plugin import GaussianEmbedding, PoolingOutput, SetEmbedding
from vsebench.testing.check import ConformanceError
from vsebench.testing.trial import Trial

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from vsebench.testing.poolings.ragged import Ragged
    from vsebench.testing.subject import Subject


def trial(
    subject: Subject,
    inputs: Ragged,
    call: str = "p(x, n)",
    *,
    note: str = "",
    expected: str = "no error",
) -> Trial:
    """The trial of a pooling `p` on features `x` and lengths `n`; `call` is Python in these
    three.
    """
    code = (
        "import torch; from vsebench.testing import Ragged, build; p = "
        f"{subject.source(dim=inputs.dim)}; x, n = {inputs!r}.tensors(); {call}"
    )
    return Trial(f"{inputs}{', ' if note else ''}{note}", code, expected)


def parts(output: Any) -> dict[str, Tensor]:
    """The tensors that make up what a pooling returned, by name; vectors that a set masks out are
    zero.

    Raises:
        ConformanceError: it is no embedding.
    """
    embedding = output.embedding if isinstance(output, PoolingOutput) else output
    if isinstance(embedding, SetEmbedding):
        vectors = embedding.vectors.masked_fill(~embedding.mask[..., None], 0)
        return {"vectors": vectors, "mask": embedding.mask}
    if isinstance(embedding, GaussianEmbedding):
        return {"mean": embedding.mean, "log_variance": embedding.log_variance}
    if not isinstance(embedding, torch.Tensor):
        what = "it returns something that is no embedding"
        raise ConformanceError(
            what,
            expected="a tensor, SetEmbedding, GaussianEmbedding or PoolingOutput",
            found=type(embedding).__name__,
        )
    return {"embedding": embedding}


def pool(
    pooling: Callable[[Tensor, Tensor], Any], features: Tensor, lengths: Tensor
) -> dict[str, Tensor]:
    """The parts of what a pooling makes of a batch."""
    return parts(pooling(features, lengths))


def square_sum(found: dict[str, Tensor], item: slice = slice(None)) -> Tensor:
    """A scalar that depends on every value of some items' embeddings."""
    return torch.stack(
        [tensor[item].square().sum() for tensor in found.values() if tensor.is_floating_point()]
    ).sum()


def items(found: dict[str, Tensor], index: slice | Tensor) -> dict[str, Tensor]:
    """The embeddings of some items."""
    return {name: tensor[index] for name, tensor in found.items()}
