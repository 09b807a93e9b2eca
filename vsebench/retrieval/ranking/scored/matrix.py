"""Scores that are given, such as cross-attention models leave them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

    from vsebench.plugin.embeddings import Embedding


class ScoreMatrix:
    """A similarity that looks scores up; the embeddings are row numbers, [b, 1].

    Args:
        scores: [n, m] of n images and m captions, an array or a memory map.
    """

    def __init__(self, scores: np.ndarray) -> None:
        self._scores = scores

    def __call__(self, image: Embedding, text: Embedding) -> Tensor:
        """[B_i, B_t] in float64."""
        assert isinstance(image, torch.Tensor)
        assert isinstance(text, torch.Tensor)
        rows, columns = (side.squeeze(1).long().cpu().numpy() for side in (image, text))
        return torch.from_numpy(self._scores[rows[:, None], columns].astype("float64"))
