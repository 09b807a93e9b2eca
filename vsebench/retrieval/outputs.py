"""Checks of what encoders and poolings return: in each batch its shapes, which are known without
waiting for the device; of poolings, across batches, its kind and dtype.
"""

from __future__ import annotations

import dataclasses
import inspect
from typing import TYPE_CHECKING, cast

import torch

from vsebench.plugin import GaussianEmbedding, LocalFeatures, PluginError, SetEmbedding

if TYPE_CHECKING:
    from torch import Tensor

    from vsebench.plugin.retrieval import Embedding


class Outputs:
    """The outputs of one pooling, all of which must be of the kind and dtype of the first under the
    same autocast setting. Normalisation computes in fp32, so that a pooling that changes in mid-run
    would otherwise go unnoticed.

    Args:
        pooling: its name in errors.
    """

    def __init__(self, pooling: str) -> None:
        self._pooling = pooling
        self._first: dict[bool, str] = {}

    def check(self, embedding: Embedding) -> None:
        """Compares an output with the first.

        Raises:
            PluginError: it is of another kind or dtype.
        """
        tensors = _tensors(embedding)
        dtypes = ", ".join(str(tensor.dtype).removeprefix("torch.") for tensor in tensors)
        found = f"{type(embedding).__name__} of {dtypes}"
        autocast = torch.is_autocast_enabled(tensors[0].device.type)
        first = self._first.setdefault(autocast, found)
        if found != first:
            raise PluginError(
                f"{self._pooling} returned a {found}, and a {first} before: what it returns must "
                "be alike for all batches"
            )


def _tensors(embedding: Embedding) -> list[torch.Tensor]:
    if isinstance(embedding, torch.Tensor):
        return [embedding]
    return [getattr(embedding, each.name) for each in dataclasses.fields(embedding)]


def check_features(features: object, items: int, dim: int | None, encoder: object) -> None:
    """Checks what an encoder made of a batch.

    Args:
        features: what it returned.
        items: number B of items.
        dim: size D of a feature; None for any.
        encoder: the encoder.

    Raises:
        PluginError: it is no tensor [B, N, D] of floating-point numbers, or its lengths are not
            1..N. Of lengths on a CUDA device only the shape is checked.
    """
    values, lengths = features if isinstance(features, LocalFeatures) else (features, None)
    source = f"the encoder {type(encoder).__name__}"
    if not isinstance(values, torch.Tensor) or not values.is_floating_point():
        found = values.dtype if isinstance(values, torch.Tensor) else type(values).__name__
        raise PluginError(
            f"expected a tensor of floating-point numbers, got {found} from {source}"
            f"{_where(encoder)}"
        )
    shape = list(values.shape)
    if len(shape) != 3 or shape[0] != items or dim not in (None, shape[2]):
        wanted = f"[{items}, N, {'D' if dim is None else dim}]"
        raise PluginError(f"expected {wanted}, got {shape} from {source}{_where(encoder)}")
    if lengths is not None and (
        list(lengths.shape) != [items]
        or (lengths.device.type == "cpu" and not ((lengths > 0) & (lengths <= shape[1])).all())
    ):
        raise PluginError(
            f"expected {items} lengths of 1 to {shape[1]}, got others from {source}"
            f"{_where(encoder)}"
        )


def check_embedding(embedding: object, features: Tensor, pooling: object, name: str = "") -> None:
    """Checks the embedding that a pooling made of features [B, N, D].

    Args:
        embedding: output of the pooling.
        features: input of the pooling.
        pooling: the pooling.
        name: its name in errors; its class's name by default.

    Raises:
        PluginError: it is no embedding, its shape is not [B, D] (of a set [B, K, D]), or it does
            not hold floating-point numbers.
    """
    items, size = features.shape[0], features.shape[2]
    called = name or type(pooling).__name__
    wrong = next(
        (
            (part, wanted, found)
            for part, wanted, found in _parts(embedding, items, size)
            if wanted != found
        ),
        None,
    )
    if wrong is not None:
        part, wanted, found = wrong
        raise PluginError(
            f"expected {wanted}, got {found} from {called}{part}, given features "
            f"{list(features.shape)}{_where(pooling)}"
        )
    if not (dtype := _tensors(cast("Embedding", embedding))[0].dtype).is_floating_point:
        raise PluginError(
            f"expected floating-point numbers, got {dtype} from {called}{_where(pooling)}"
        )


def _parts(
    embedding: object, items: int, size: int
) -> list[tuple[str, list[int] | str, list[int] | str]]:
    """The tensors of an embedding: which, the shape that is wanted, and its own."""
    if isinstance(embedding, torch.Tensor):
        return [("", [items, size], list(embedding.shape))]
    if isinstance(embedding, SetEmbedding):
        vectors, mask = list(embedding.vectors.shape), list(embedding.mask.shape)
        count = vectors[1] if len(vectors) == 3 else 1
        return [(" (vectors)", [items, count, size], vectors), (" (mask)", [items, count], mask)]
    if isinstance(embedding, GaussianEmbedding):
        return [
            (f" ({name})", [items, size], list(getattr(embedding, name).shape))
            for name in ("mean", "log_variance")
        ]
    return [("", f"a tensor {[items, size]}", type(embedding).__name__)]


def _where(pooling: object) -> str:
    """The file and line of its class, where they are known."""
    try:
        lines, first = inspect.getsourcelines(type(pooling))
        file = inspect.getsourcefile(type(pooling))
    except (OSError, TypeError):
        return ""
    return f" ({type(pooling).__name__}, {file}:{first})" if lines else ""
