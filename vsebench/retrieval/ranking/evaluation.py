"""Retrieval evaluation of embeddings: `vsebench.retrieval.evaluate`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, Literal, NamedTuple, TypeVar, get_args

import numpy as np
import torch

from vsebench.kernels.rows import Rows
from vsebench.plugin.errors import DataError, SpecError, did_you_mean
from vsebench.plugin.metrics import FOLD
from vsebench.plugin.retrieval import GaussianEmbedding, SetEmbedding
from vsebench.retrieval.ranking.equal_captions import groups_of, ranks_with_equals
from vsebench.retrieval.ranking.exact.places import exact_best
from vsebench.retrieval.ranking.exact.queued import BLOCK, queued_ranks, queues
from vsebench.retrieval.ranking.exact.ranks import exact_ranks
from vsebench.retrieval.ranking.judgements import Judgements, Lists
from vsebench.retrieval.ranking.metrics import Ranks, RetrievalMetrics
from vsebench.retrieval.ranking.scored import Items, Transposed, scored_places, scored_ranks

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import Tensor

    from vsebench.plugin.protocols import Similarity
    from vsebench.plugin.retrieval import Embedding

EvaluationProtocol = Literal["full", "1k-5fold"]

Side = TypeVar("Side", Rows, Items)


@torch.inference_mode()
def evaluate(  # noqa: PLR0913  # the options have defaults
    image_emb: Embedding | np.ndarray,
    text_emb: Embedding | np.ndarray,
    text_to_image: Tensor | np.ndarray | Sequence[int],
    *,
    protocol: EvaluationProtocol = "full",
    similarity: Similarity | None = None,
    equal_captions: Sequence[str] | None = None,
    block: int | None = None,
) -> RetrievalMetrics:
    """Ranks each image's captions and each caption's image, exactly, in memory bounded by the
    block.

    Scores are inner products of the rows as given: normalise them for cosines. A competitor that
    scores as high as the best match counts against the model, so that a constant model is at or
    below chance. The result does not depend on block size, device or threads.

    Args:
        image_emb: [n, D] floats of any width, on any device, or a memory map; with a `similarity`,
            any embedding that it takes.
        text_emb: [m, D] likewise.
        text_to_image: [m] integers, the image of each caption: any number of captions per image, in
            any order.
        protocol: `full` ranks among all; `1k-5fold` cuts the images, in their order, into folds of
            1,000 with their captions, ranks within each fold and averages every metric over the
            folds.
        similarity: scores a block of images against a block of captions, instead of the inner
            product. It gets float64, and scores within a relative 1e-9 of each other (absolute
            below 1) are ties.
        equal_captions: the captions themselves; those that are equal word for word then match the
            images of all their equals, instead of their own alone.
        block: images per tile of scores; a tile has eight times as many captions, with a
            `similarity` as many. By default 512, on CUDA 2,048, and 128 with a `similarity`.

    Raises:
        DataError: embeddings that are not finite, or do not fit each other or `text_to_image`; an
            image without a caption; no images; `1k-5fold` on anything but a multiple of 1,000
            images.
        SpecError: an unknown protocol, a block below 1, or embeddings that are not vectors without
            a `similarity`.
    """
    if protocol not in get_args(EvaluationProtocol):
        raise SpecError(
            f"unknown evaluation protocol '{protocol}': "
            f"{did_you_mean(protocol, get_args(EvaluationProtocol))}"
        )
    if block is not None and block < 1:
        raise SpecError(f"block is the number of images per tile, at least 1, found {block}")
    if similarity is not None:
        items = Items.checked("image", image_emb)
        others = Items.checked("caption", text_emb, items.device)
        scored: _Counting[Items] = _Counting(
            lambda i, t, owner: scored_ranks(i, t, owner, similarity, block or 128),
            lambda i, t, judged, turned: _scored_best(
                i, t, judged, Transposed(similarity) if turned else similarity, block or 128
            ),
        )
        return _metrics((items, others), text_to_image, protocol, scored, equal_captions)
    if isinstance(image_emb, (SetEmbedding, GaussianEmbedding)) or isinstance(
        text_emb, (SetEmbedding, GaussianEmbedding)
    ):
        raise SpecError(
            "embeddings that are sets or distributions have no inner product: pass the similarity "
            "that scores them"
        )
    images = Rows.checked("image", image_emb)
    texts = Rows.checked("caption", text_emb, images.device)
    if images.width != texts.width:
        raise DataError(
            f"image and caption embeddings must have one width, found {images.width} and "
            f"{texts.width}"
        )
    exact: _Counting[Rows] = _Counting(
        lambda i, t, owner: (
            queued_ranks(i, t, owner, block or BLOCK)
            if queues(i.device)
            else exact_ranks(i, t, owner, block or 512)
        ),
        lambda i, t, judged, _: exact_best(i, t, judged, block or 512),
    )
    return _metrics((images, texts), text_to_image, protocol, exact, equal_captions)


class _Counting(NamedTuple, Generic[Side]):
    """The functions that count ranks.

    Attributes:
        rank: ranks of images and of captions, from both and each caption's image.
        best: competitors of the best of each query's matches, int64 [q], from queries, items and
            what matches; the last argument says whether the queries are captions.
    """

    rank: Callable[[Side, Side, Tensor], tuple[Tensor, Tensor]]
    best: Callable[[Side, Side, Judgements, bool], np.ndarray]


def _scored_best(
    queries: Items, items: Items, judged: Judgements, similarity: Similarity, block: int
) -> np.ndarray:
    places = scored_places(queries, items, judged, Lists(), block, similarity)
    found: np.ndarray = np.minimum.reduceat(places, judged.offsets[:-1])
    return found


def _metrics(
    sides: tuple[Side, Side],
    text_to_image: Tensor | np.ndarray | Sequence[int],
    protocol: EvaluationProtocol,
    counting: _Counting[Side],
    equal_captions: Sequence[str] | None,
) -> RetrievalMetrics:
    images, texts = sides
    owner = torch.from_numpy(checked_owner(text_to_image, len(images), len(texts))).to(
        images.device
    )
    if equal_captions is not None and len(equal_captions) != len(texts):
        raise DataError(
            f"{len(equal_captions):,} captions are given for {len(texts):,} embeddings of "
            "captions: expected one for each"
        )
    groups = None if equal_captions is None else groups_of(equal_captions)

    def ranks(i: Side, t: Side, owner: Tensor, captions: Tensor | None) -> Ranks:
        if groups is None:
            return _numpy(counting.rank(i, t, owner))
        chosen = groups if captions is None else groups[captions.cpu().numpy()]
        return ranks_with_equals(
            owner.cpu().numpy(),
            chosen,
            len(i),
            (
                lambda judged: counting.best(i, t, judged, False),
                lambda judged: counting.best(t, i, judged, True),
            ),
        )

    if protocol == "full":
        return RetrievalMetrics.from_ranks(ranks(images, texts, owner, None))
    if len(images) % FOLD:
        raise DataError(
            f"1k-5fold needs a multiple of 1,000 images, found {len(images):,}: use the protocol "
            "'full'"
        )
    image_ranks, text_ranks = np.empty(len(images), np.int64), np.empty(len(texts), np.int64)
    folds = []
    for start in range(0, len(images), FOLD):
        captions = ((owner >= start) & (owner < start + FOLD)).nonzero().squeeze(1)
        members = torch.arange(start, start + FOLD, device=owner.device)
        fold = ranks(
            images.select(members), texts.select(captions), owner[captions] - start, captions
        )
        image_ranks[start : start + FOLD], text_ranks[captions.cpu().numpy()] = fold
        folds.append(fold)
    return RetrievalMetrics.from_ranks(Ranks(image_ranks, text_ranks), folds)


def _numpy(ranks: tuple[Tensor, Tensor]) -> Ranks:
    both = torch.cat(ranks).cpu().numpy()  # which waits for a device once
    return Ranks(both[: len(ranks[0])], both[len(ranks[0]) :])


def checked_owner(
    text_to_image: Tensor | np.ndarray | Sequence[int], images: int, texts: int
) -> np.ndarray:
    """The image of each caption, int64 [texts].

    Raises:
        DataError: there are no images, an index is not a whole number or out of range, or an image
            has no caption.
    """
    if images == 0:
        raise DataError("there are no images to rank")
    owner = np.asarray(
        text_to_image.cpu() if isinstance(text_to_image, torch.Tensor) else text_to_image
    )
    if owner.size and owner.dtype.kind not in "iu":
        raise DataError(
            f"text_to_image must hold integers, the image of each caption, found {owner.dtype}"
        )
    if owner.shape != (texts,):
        raise DataError(
            f"text_to_image must name one image for each of the {texts:,} captions, found shape "
            f"{owner.shape}"
        )
    if len(bad := np.flatnonzero((owner < 0) | (owner >= images))):
        raise DataError(
            f"text_to_image[{bad[0]}] is {owner[bad[0]]}: the images are numbered 0 to "
            f"{images - 1:,}"
        )
    if len(bare := np.flatnonzero(np.bincount(owner.astype(np.int64), minlength=images) == 0)):
        raise DataError(
            f"image {bare[0]} has no caption ({len(bare):,} such images): every image needs one "
            "to be ranked"
        )
    return owner.astype(np.int64)
