"""Operations on embeddings that hold for tensors, sets and Gaussians alike."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch.nn import functional

from vsebench.plugin import GaussianEmbedding, SetEmbedding

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import Tensor

    from vsebench.plugin.retrieval import Embedding


@dataclass(frozen=True)
class JointEmbedding:
    """Several models' embeddings of the same items, one [B, …] of each model."""

    members: tuple[Embedding, ...]


def normalise(embedding: Embedding) -> Embedding:
    """L2-normalises the vectors of an embedding in fp32: the tensor, each vector of a set, the mean
    of a Gaussian.
    """
    if isinstance(embedding, SetEmbedding):
        return dataclasses.replace(embedding, vectors=_unit(embedding.vectors))
    if isinstance(embedding, GaussianEmbedding):
        return GaussianEmbedding(_unit(embedding.mean), embedding.log_variance.float())
    return _unit(embedding)


def concatenate(parts: Sequence[Embedding]) -> Embedding:
    """One embedding of all items of `parts`, which are of one type."""
    first = parts[0]
    if isinstance(first, torch.Tensor):
        return torch.cat(parts)  # type: ignore[arg-type]
    fields = [f.name for f in dataclasses.fields(first)]
    return type(first)(*(torch.cat([getattr(part, name) for part in parts]) for name in fields))


def chunks(embedding: Embedding, count: int) -> list[Embedding]:
    """An embedding split by items into `count` equal parts."""
    if isinstance(embedding, torch.Tensor):
        return list(embedding.chunk(count))
    parts = (getattr(embedding, f.name).chunk(count) for f in dataclasses.fields(embedding))
    return [type(embedding)(*fields) for fields in zip(*parts, strict=True)]


def apply(embedding: Embedding, function: Callable[[Tensor], Tensor]) -> Embedding:
    """`function` on every tensor of an embedding."""
    if isinstance(embedding, JointEmbedding):
        return JointEmbedding(tuple(apply(member, function) for member in embedding.members))  # type: ignore[return-value]
    if isinstance(embedding, torch.Tensor):
        return function(embedding)
    return type(embedding)(
        *(function(getattr(embedding, f.name)) for f in dataclasses.fields(embedding))
    )


def representative(embedding: Embedding) -> Tensor:
    """One vector per item [B, D], for what needs plain vectors: offline mining and batch plans."""
    if isinstance(embedding, SetEmbedding):
        return _unit(torch.where(embedding.mask[..., None], embedding.vectors, 0).sum(1))
    if isinstance(embedding, GaussianEmbedding):
        return embedding.mean
    return embedding


def _unit(vectors: Tensor) -> Tensor:
    """Divides by max(‖x‖, 1e-8); published code divides by ‖x‖ + 1e-8, which is the same in fp32
    from a norm of 1/4 on.
    """
    return functional.normalize(vectors.float(), dim=-1, eps=1e-8)
