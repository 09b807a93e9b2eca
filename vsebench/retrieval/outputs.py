"""What a pooling returns must be of one kind and dtype in all batches. Normalisation computes in
fp32, so that without this a pooling that changes in mid-run ends in a table.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import torch

from vsebench.plugin import PluginError

if TYPE_CHECKING:
    from vsebench.plugin.embeddings import Embedding


class Outputs:
    """The outputs of one pooling, of which the first under each autocast setting says what the
    others are like.

    Args:
        pooling: how errors name it.
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
