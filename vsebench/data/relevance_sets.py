"""Relevance that people have collected, by name: Flickr8k's judgements, and ECCV Caption and CxC
for COCO through the package `eccv_caption`.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from vsebench.data import flickr8k
from vsebench.data.open import locate
from vsebench.data.reading import read_lines
from vsebench.data.relevance import Relation
from vsebench.plugin import DataError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from vsebench.data.relevance import Direction, Relevance

Ids = Mapping[Literal["i", "t"], "Sequence[str]"]


@dataclass(frozen=True, eq=False)
class CollectedRelevance:
    """Relevance with the ids of the test split that it was collected on.

    Attributes:
        relevance: the judgements.
        ids: ids of the split's images (`i`) and captions (`t`), in its usual order.
        relevant_from: the lowest grade that usually counts as relevant.
        unjudged: what other pairs usually are. Flickr8k's are `ignored`: few are judged, and of an
            image's own captions all but one are not.
        allow_absent: judged items that the split lacks count as relevant and are never found.
    """

    relevance: Relevance
    ids: Ids
    relevant_from: float
    unjudged: Literal["irrelevant", "ignored"] = "irrelevant"
    allow_absent: bool = False


def _flickr8k(
    name: str,
    grade: Callable[[float, float, float], float],
    relevant_from: float,
    data_roots: Sequence[Path],
) -> CollectedRelevance:
    """Judgements of Flickr8k's test images, of three numbers for each pair."""
    root = locate("flickr8k", ("Flickr8k", "flickr_8k"), lambda folder: [folder / name], data_roots)
    images, captions, grades = [], [], []
    for number, line in enumerate(read_lines(root / name), start=1):
        try:
            image, caption, *answers = line.split("\t")
            judged = grade(*map(float, answers))
        except (ValueError, TypeError, ZeroDivisionError):
            raise DataError(
                f"{root / name}, line {number}, is {line[:60]!r}, expected an image, a caption "
                "and three numbers"
            ) from None
        images.append(image)
        captions.append(caption)
        grades.append(judged)
    relation = Relation(images, captions, np.array(grades), str(root / name))
    names = read_lines(root / flickr8k.SPLITS["test"])
    ids: Ids = {
        "i": names,
        "t": [f"{image}#{number}" for image in names for number in range(flickr8k.CAPTIONS)],
    }
    return CollectedRelevance(
        {"i2t": relation, "t2i": relation.reversed()}, ids, relevant_from, unjudged="ignored"
    )


def _coco(part: Literal["eccv_gts", "cxc_gts"], _: Sequence[Path]) -> CollectedRelevance:
    metrics = _package()
    directions: tuple[Direction, ...] = ("i2t", "t2i")
    relevance = {}
    for direction in directions:
        found = getattr(metrics, part)[direction]
        queries = [str(query) for query, items in found.items() for _ in items]
        items = [str(item) for items in found.values() for item in items]
        relevance[direction] = Relation(queries, items, np.ones(len(items)), "eccv_caption")
    captions = [int(number) for number in metrics.coco_ids]
    images = dict.fromkeys(metrics.coco_gts["t2i"][caption][0] for caption in captions)
    ids: Ids = {"i": [str(i) for i in images], "t": [str(c) for c in captions]}
    return CollectedRelevance(relevance, ids, 1.0, allow_absent=True)


def _package() -> Any:
    """The package's `Metrics`, which reads its files.

    Raises:
        DataError: it is not installed.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it recommends a faster JSON reader
        try:
            from eccv_caption import Metrics
        except ImportError:
            raise DataError(
                "ECCV Caption and CxC need the package eccv_caption: pip install 'vsebench[eccv]'"
            ) from None
        return Metrics()


COLLECTED: Mapping[str, Callable[[Sequence[Path]], CollectedRelevance]] = {
    # The mean of three experts' ratings, 1 (unrelated) to 4 (no error), minus 1; relevant is
    # "minor errors" on average
    "flickr8k-expert": partial(
        _flickr8k, "ExpertAnnotations.txt", lambda a, b, c: (a + b + c) / 3 - 1, 2.0
    ),
    # The share of crowd workers who said yes
    "flickr8k-crowd": partial(
        _flickr8k, "CrowdFlowerAnnotations.txt", lambda _, yes, no: yes / (yes + no), 0.5
    ),
    "eccv": partial(_coco, "eccv_gts"),
    "cxc": partial(_coco, "cxc_gts"),
}
"""What reads each, of the data roots.

Raises:
    DataError: its files or its package are missing or damaged.
"""
