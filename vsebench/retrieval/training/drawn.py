"""Offline negatives are drawn for each batch, by the loss's own draw from the lists that were mined
for it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from vsebench.plugin import OfflineBatch, PluginError, Positives

if TYPE_CHECKING:
    from vsebench.plugin import OfflineLists, OfflineSpec


class OfflineIndices(NamedTuple):
    """Which items play the offline roles of a batch, int64 [B] each.

    Attributes:
        texts: captions by role.
        images: images by role.
    """

    texts: dict[str, np.ndarray]
    images: dict[str, np.ndarray]


@dataclass(frozen=True, eq=False)
class OfflineNegatives:
    """Draws the offline negatives of a loss.

    Attributes:
        loss: its spec, for messages.
        spec: of its negatives.
        lists: mined for it.
        text_to_image: int64 [m], the image of each training caption.
        captions_of: the captions of each training image.
        sibling_mask: the protocol's.
    """

    loss: str
    spec: OfflineSpec
    lists: OfflineLists
    text_to_image: np.ndarray
    captions_of: Positives
    sibling_mask: bool

    @classmethod
    def over(
        cls,
        text_to_image: np.ndarray,
        images: int,
        *,
        loss: str,
        spec: OfflineSpec,
        lists: OfflineLists,
        sibling_mask: bool,
    ) -> OfflineNegatives:
        """Those of a training set of so many images."""
        captions = np.arange(len(text_to_image))
        captions_of = Positives.from_pairs(text_to_image, captions, images, len(captions))
        return cls(loss, spec, lists, text_to_image, captions_of, sibling_mask)

    def batch(self, captions: np.ndarray, rng: np.random.Generator) -> OfflineBatch:
        """What the loss draws from, for a batch of `captions` int64 [B]."""
        return OfflineBatch(
            captions, self.lists, self.text_to_image, self.captions_of, self.sibling_mask, rng
        )

    def draw(self, captions: np.ndarray, rng: np.random.Generator) -> OfflineIndices:
        """The negatives of a batch of `captions` int64 [B].

        Raises:
            PluginError: the draw gave something else than its spec declares.
        """
        batch = self.batch(captions, rng)
        drawn = {name: np.asarray(items) for name, items in self.spec.draw(batch).items()}
        if drawn.keys() != self.spec.roles.keys():
            raise PluginError(
                f"{self._draw} gave the roles {', '.join(drawn) or 'none'}, and its card declares "
                f"{', '.join(self.spec.roles)}: OfflineSpec(roles=…, draw=…) must agree"
            )
        for name, items in drawn.items():
            self._check(name, items, batch)
        texts, images = (
            {name: drawn[name].astype(np.int64) for name in self.spec.of(side)}
            for side in ("text", "image")
        )
        return OfflineIndices(texts, images)

    def _check(self, name: str, items: np.ndarray, batch: OfflineBatch) -> None:
        if items.shape != batch.captions.shape or not np.issubdtype(items.dtype, np.integer):
            raise PluginError(
                f"{self._draw} gave for the role '{name}' shape {list(items.shape)} and type "
                f"{items.dtype}: it must give integers [{len(batch.captions)}], one for each pair"
            )
        is_text = self.spec.roles[name] == "text"
        known = len(self.text_to_image) if is_text else len(self.captions_of)
        if ((items < 0) | (items >= known)).any():
            raise PluginError(
                f"{self._draw} gave for the role '{name}' items outside 0 to {known - 1}"
            )
        owners = self.text_to_image[items] if is_text else items
        if not self.spec.may_draw_positives and (owners == batch.images).any():
            raise PluginError(
                f"{self._draw} gave for the role '{name}' an item of the pair's own image: draw "
                "from the mined lists, or declare OfflineSpec(may_draw_positives=True)"
            )

    @property
    def _draw(self) -> str:
        return f"the draw of loss '{self.loss}'"
