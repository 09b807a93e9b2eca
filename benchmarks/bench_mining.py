"""Mining of offline negatives at small embedding sizes against masks and a top-k of whole rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch.nn.functional import normalize

from vsebench.plugin import Key, OfflineSpec
from vsebench.retrieval.training.offline_negatives import Embedded, mine

if TYPE_CHECKING:
    from conftest import Compare
    from torch import Tensor

IMAGES, CAPTIONS, DIM, LONGEST = 1000, 30_000, 128, 300


def test_captions_of_images(benchmark: Any, compare: Compare) -> None:
    """The hardest 300 of 30,000 captions for each of 1,000 images."""
    generator = torch.Generator().manual_seed(0)
    image = normalize(torch.randn(IMAGES, DIM, generator=generator), dim=1)
    noise = torch.randn(CAPTIONS, DIM, generator=generator)
    owner = torch.arange(CAPTIONS) // (CAPTIONS // IMAGES)
    text = normalize(image[owner] + 0.2 * noise, dim=1)
    spec = OfflineSpec(text_h=LONGEST, image_h=0)

    def plain() -> Tensor:
        rows = []
        for start in range(0, IMAGES, 256):
            scores = image[start : start + 256] @ text.T
            own = owner == torch.arange(start, start + len(scores))[:, None]
            rows.append(scores.masked_fill(own, -torch.inf).topk(LONGEST).indices)
        return torch.cat(rows)

    def mined() -> np.ndarray:
        return mine(Embedded(image, text, owner.numpy()), spec, Key(0)).texts

    found = (image @ text.T).gather(1, torch.from_numpy(mined().astype(np.int64)))
    assert torch.allclose(found, (image @ text.T).gather(1, plain()), atol=1e-6)
    compare(benchmark, mined, plain)
