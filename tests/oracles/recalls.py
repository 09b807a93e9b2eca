"""What images contributed to recalls: query by query."""

from collections.abc import Sequence


def recall(
    k: int, i2t: Sequence[int], t2i: Sequence[int], owners: Sequence[int], fold: int
) -> tuple[list[float], list[float]]:
    """Of each image to its recall at `k`, and to that of captions, in per cent.

    Args:
        k: depth.
        i2t: rank of each image, from 0.
        t2i: rank of each caption, from 0.
        owners: image of each caption.
        fold: images that are ranked among each other; a fold counts as much as any other.
    """
    captions = [0] * len(i2t)
    for owner in owners:
        captions[owner // fold] += 1
    of_images = [100.0 if rank < k else 0.0 for rank in i2t]
    of_captions = []
    for image in range(len(i2t)):
        hits = sum(rank < k for rank, owner in zip(t2i, owners, strict=True) if owner == image)
        of_captions.append(hits * (100 * fold / captions[image // fold]))
    return of_images, of_captions
