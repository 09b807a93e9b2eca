"""The inputs of a loss's draw of offline negatives: small training sets with mined lists."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch.nn.functional import normalize

from vsebench.plugin import Key
from vsebench.retrieval.training.offline_negatives import OfflineNegatives, mine
from vsebench.testing.subject import DIM

if TYPE_CHECKING:
    from vsebench.plugin import OfflineBatch, OfflineLists, OfflineSpec


@dataclass(frozen=True)
class Mined:
    """A training set of random embeddings, one to three captions an image, in any order, and a
    batch of it; its `repr` makes it again.

    Attributes:
        images: number of images, at least 2; the fewer, the shorter the mined lists.
        batch: number of pairs B.
        seed: of everything random.
        sibling_mask: the protocol's.
    """

    images: int = 12
    batch: int = 6
    seed: int = 0
    sibling_mask: bool = True

    @cached_property
    def text_to_image(self) -> np.ndarray:
        """int64 [m], the image of each caption."""
        rng = (Key(self.seed) / "captions").generator()
        counts = rng.integers(1, 4, size=self.images)
        return rng.permutation(np.repeat(np.arange(self.images), counts))

    def lists(self, spec: OfflineSpec) -> OfflineLists:
        """The lists, mined as the spec says."""
        generator = torch.Generator().manual_seed(self.seed)
        image, text = (
            normalize(torch.randn(n, DIM, generator=generator), dim=1)
            for n in (self.images, len(self.text_to_image))
        )
        return mine(image, text, self.text_to_image, spec, Key(self.seed) / "mining")

    def negatives(self, spec: OfflineSpec, loss: str = "") -> OfflineNegatives:
        """What draws from these lists in training."""
        return OfflineNegatives.over(
            self.text_to_image,
            self.images,
            loss=loss,
            spec=spec,
            lists=self.lists(spec),
            sibling_mask=self.sibling_mask,
        )

    def inputs(self, spec: OfflineSpec) -> OfflineBatch:
        """The batch, as a draw gets it."""
        return self.negatives(spec).batch(self.captions, self.rng)

    @property
    def captions(self) -> np.ndarray:
        """int64 [B], the captions of the batch."""
        captions = (Key(self.seed) / "batch").generator().permutation(len(self.text_to_image))
        return np.resize(captions, self.batch)

    @property
    def rng(self) -> np.random.Generator:
        """The draw's stream, from its beginning."""
        return (Key(self.seed) / "offline negatives").generator()

    def __str__(self) -> str:
        mask = "" if self.sibling_mask else ", without a sibling mask"
        return f"a batch of {self.batch} from {self.images} images, seed {self.seed}{mask}"
