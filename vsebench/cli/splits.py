"""What `vsebench data check` prints of each split."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vsebench.plugin import ImageSource, RetrievalData

if TYPE_CHECKING:
    from vsebench.plugin import AnnotationData, AnnotationSplit, FeatureArray, RetrievalSplit

Row = tuple[object, ...]


def split_rows(data: RetrievalData | AnnotationData) -> tuple[tuple[str, ...], list[Row]]:
    """Headers, and a row for each split."""
    if isinstance(data, RetrievalData):
        headers = ("split", "images", "captions", "features", "type", "shortest", "longest")
        return headers, [_retrieval(name, split) for name, split in data.splits.items()]
    return (
        "split",
        "images",
        "without labels",
        "labels",
        "pairs",
        "most of an image",
        "features",
    ), [_annotation(n, s) for n, s in data.splits.items()]


def _retrieval(name: str, split: RetrievalSplit) -> Row:
    features, lengths = split.features, split.lengths
    shape, dtype = (
        ("raw images", "files")
        if isinstance(features, ImageSource)
        else (_shape(features), str(features.dtype))
    )
    return (
        name,
        len(lengths),
        len(split.captions),
        shape,
        dtype,
        int(lengths.min()),
        int(lengths.max()),
    )


def _annotation(name: str, split: AnnotationSplit) -> Row:
    positives, features = split.positives, split.features
    counts = positives.counts
    return (
        name,
        len(counts),
        int((counts == 0).sum()),
        positives.n_labels,
        positives.n_pairs,
        int(counts.max()),
        "none" if features is None else _shape(features),
    )


def _shape(features: FeatureArray) -> str:
    return " × ".join(map(str, features.shape))
