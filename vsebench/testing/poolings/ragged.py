"""The inputs of poolings, random features of items of different lengths, and calling a pooling on
them inside a check.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from vsebench.plugin import GaussianEmbedding, PoolingOutput, SetEmbedding
from vsebench.testing.check import ConformanceError
from vsebench.testing.subject import DIM
from vsebench.testing.trial import Trial

if TYPE_CHECKING:
    from collections.abc import Callable

    from vsebench.testing.subject import Subject


@dataclass(frozen=True)
class Ragged:
    """A padded batch; its `repr` makes it again. An item's values depend on its place and the seed,
    not on the padding.

    Attributes:
        lengths: lengths of the items.
        rows: rows of the batch; those beyond an item's length are padding.
        dim: size D of a row.
        padding: what padding holds.
        seed: seed of the values.
    """

    lengths: tuple[int, ...] = (9, 4, 6, 1, 2, 1)
    rows: int = 9
    dim: int = DIM
    padding: float = 0.0
    seed: int = 0

    def tensors(self, dtype: torch.dtype = torch.float32) -> tuple[Tensor, Tensor]:
        """Features [B, rows, D] and lengths int64 [B]."""
        features = torch.full((len(self.lengths), self.rows, self.dim), self.padding, dtype=dtype)
        for item, length in enumerate(self.lengths):
            generator = torch.Generator().manual_seed(1000 * self.seed + item)
            features[item, :length] = torch.randn(
                length, self.dim, generator=generator, dtype=torch.float64
            ).to(dtype)
        return features, torch.tensor(self.lengths, dtype=torch.int64)

    @property
    def mask(self) -> Tensor:
        """Bool [B, rows], the valid rows."""
        return torch.arange(self.rows) < torch.tensor(self.lengths, dtype=torch.int64)[:, None]

    def __repr__(self) -> str:
        values = {
            "lengths": self.lengths,
            "rows": self.rows,
            "dim": self.dim,
            "padding": self.padding,
            "seed": self.seed,
        }
        special = {"nan": 'float("nan")', "inf": 'float("inf")', "-inf": 'float("-inf")'}
        written = (
            f"{name}={special.get(str(value), repr(value))}" for name, value in values.items()
        )
        return f"Ragged({', '.join(written)})"

    def __str__(self) -> str:
        return (
            f"{len(self.lengths)} items of lengths {', '.join(map(str, self.lengths)) or 'none'} "
            f"in {self.rows} rows of size {self.dim}"
        )


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
