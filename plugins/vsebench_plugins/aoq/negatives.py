"""The offline negatives of a pair (image 1, caption 1), drawn as the released code draws them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    from vsebench.plugin import OfflineBatch

ROLES: dict[str, Literal["image", "text"]] = {
    "text3": "text",
    "image3": "image",
    "image4": "image",
    "text4": "text",
}
"""Caption 3 is hard for image 1 and image 3 for caption 1; image 4 is the image of caption 3, and
caption 4 a caption of image 3.
"""


def draw(batch: OfflineBatch) -> dict[str, np.ndarray]:
    """One rank per pair, used for both lists: rank n of the captions, n · image_h / text_h of the
    images.

    Under the protocol's sibling mask, an image 3 that caption 3 belongs to, which would make no
    negative pair with it, gives way to the next of the list.
    """
    texts, images = batch.lists.texts, batch.lists.images
    text_h, image_h = texts.shape[1], images.shape[1]
    rank = batch.rng.integers(text_h, size=len(batch.captions))
    text3 = texts[batch.images, rank]
    image4 = batch.text_to_image[text3]
    image_rank = rank * image_h // text_h
    image3 = images[batch.captions, image_rank]
    if batch.sibling_mask and image_h > 1:
        following = images[batch.captions, (image_rank + 1) % image_h]
        image3 = np.where(image3 == image4, following, image3)
    text4 = batch.captions_of.pick(image3, batch.rng)
    return {"text3": text3, "image3": image3, "image4": image4, "text4": text4}
