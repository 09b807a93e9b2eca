"""What each test image contributed to a run's metrics: their mean over images is the metric."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from vsebench.results.reader import PER_IMAGE, RANKS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from vsebench.report.runs import Run
    from vsebench.results.reader import RunReader
    from vsebench.results.record import RunRecord

RECALLS = (1, 5, 10)


def contributions(record: RunRecord, reader: RunReader) -> dict[str, NDArray[np.float64]]:
    """What each test image contributed, by metric, float64 [images]; empty where the run left
    neither ranks nor values by image.

    A metric that is not the mean of what is found is left out, so that no error is computed from
    other numbers than the mean beside it.

    Raises:
        VsebenchError: the file is damaged.
    """
    ranks = reader.read_arrays(RANKS)
    values = recalls(ranks) if ranks else reader.read_arrays(PER_IMAGE)
    return {
        key: found.astype(np.float64)
        for key, found in values.items()
        if key in record.test and np.isclose(found.mean(), record.test[key])
    }


def recalls(ranks: Mapping[str, NDArray[np.integer]]) -> dict[str, NDArray[np.float64]]:
    """Recalls in per cent and their sum. An image's share of a recall over captions is that of its
    own captions, weighted so that the mean over images is the mean over captions.

    Args:
        ranks: `i2t` [n] and `t2i` [m], 0 for the top, and `text_to_image` [m]. Records without the
            last are of data sets that list as many captions for each image, image by image.
    """
    i2t, t2i = ranks["i2t"], ranks["t2i"]
    images, captions = len(i2t), len(t2i)
    if "text_to_image" in ranks:
        owners = ranks["text_to_image"]
    elif captions % images == 0:
        owners = np.repeat(np.arange(images), captions // images)
    else:
        return {}
    found: dict[str, NDArray[np.float64]] = {}
    for k in RECALLS:
        found[f"i2t_r{k}"] = np.where(i2t < k, 100.0, 0.0)
        hits = np.bincount(owners, weights=t2i < k, minlength=images).astype(np.float64)
        found[f"t2i_r{k}"] = hits * (100 * images / captions)
    found["rsum"] = np.asarray(sum(found.values()), dtype=np.float64)
    return found


def on_same_images(runs: Sequence[Run], key: str) -> NDArray[np.float64] | None:
    """What the test images contributed to one metric of several runs, [runs, images]; None where a
    run does not say, or ranked other images.
    """
    found = [run.per_image[key] for run in runs if key in run.per_image]
    alike = len(found) == len(runs) > 0 and len({len(values) for values in found}) == 1
    return np.stack(found) if alike else None
