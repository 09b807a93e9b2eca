"""The promises of similarities."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn.functional import normalize

from vsebench.plugin import GaussianEmbedding, SetEmbedding, SpecError
from vsebench.retrieval.embeddings import apply
from vsebench.testing.check import ConformanceError, promise
from vsebench.testing.devices import unmixed
from vsebench.testing.subject import DIM
from vsebench.testing.trial import IN_DOUBLE, Trial

if TYPE_CHECKING:
    from typing import Any

    from torch import Tensor

    from vsebench.plugin.retrieval import Embedding
    from vsebench.testing.subject import Subject

IMAGES, TEXTS = 4, 6


def embeddings(items: int, seed: int, dtype: torch.dtype = torch.float32) -> list[Embedding]:
    """Vectors, a set of three vectors an item of which the last may be masked, and a Gaussian."""
    generator = torch.Generator().manual_seed(seed)
    vectors = normalize(
        torch.randn(items, 3, DIM, generator=generator, dtype=torch.float64), dim=2
    ).to(dtype)
    mask = torch.ones(items, 3, dtype=torch.bool)
    mask[1::2, 2] = False
    return [
        vectors[:, 0],
        SetEmbedding(vectors, mask),
        GaussianEmbedding(vectors[:, 0], -1 + 0.1 * vectors[:, 1]),
    ]


def _accepted(
    subject: Subject, dtype: torch.dtype = torch.float32
) -> tuple[Any, list[tuple[Embedding, Embedding]]]:
    """A similarity, and image and text embeddings of each type that it scores.

    Raises:
        ConformanceError: it scores none.
    """
    similarity = subject.build(dim=DIM)
    similarity = similarity.to(dtype) if isinstance(similarity, nn.Module) else similarity
    pairs = []
    for image, text in zip(embeddings(IMAGES, 0, dtype), embeddings(TEXTS, 1, dtype), strict=True):
        try:
            similarity(image, text)
        except SpecError:  # which says what it cannot score
            continue
        pairs.append((image, text))
    if not pairs:
        raise ConformanceError(
            "it scores no type of embedding",
            expected="tensors, SetEmbedding or GaussianEmbedding",
            found="a SpecError for each",
        )
    return similarity, pairs


def _tensors(embedding: Embedding) -> list[Tensor]:
    return (
        [embedding]
        if isinstance(embedding, torch.Tensor)
        else [getattr(embedding, field.name) for field in dataclasses.fields(embedding)]
    )


def _trial(subject: Subject, image: Embedding, *, expected: str = "no error") -> Trial:
    place = [type(each) for each in embeddings(1, 0)].index(type(image))
    code = (
        "from vsebench.testing import build; from vsebench.testing.similarities import "
        f"embeddings; s = {subject.source(dim=DIM)}; "
    )
    return Trial(
        f"{IMAGES} images and {TEXTS} texts of type {type(image).__name__}, size {DIM}",
        f"{code}s(embeddings({IMAGES}, 0)[{place}], embeddings({TEXTS}, 1)[{place}])",
        expected,
    )


@promise
def scores_every_pair(subject: Subject) -> None:
    """It gives finite scores [images, texts]; what it cannot score it refuses with a SpecError."""
    similarity, pairs = _accepted(subject)
    for image, text in pairs:
        with _trial(subject, image) as case:
            scores = similarity(image, text)
            shape = tuple(scores.shape)
            case.require(
                shape == (IMAGES, TEXTS),
                "its scores have the wrong shape",
                expected=f"[{IMAGES}, {TEXTS}]",
                found=str(list(shape)),
            )
            case.finite(scores, "a score is not finite")


@promise
def a_score_depends_on_its_pair_only(subject: Subject) -> None:
    """A pair has the same score in any block, so that evaluation may go block by block."""
    similarity, pairs = _accepted(subject)
    for image, text in pairs:
        with torch.no_grad(), _trial(subject, image) as case:
            whole = similarity(image, text)
            for i, j in ((0, 0), (3, 5), (1, 4)):
                rows, columns = slice(i, i + 1), slice(j, j + 1)
                alone = similarity(
                    apply(image, lambda t, s=rows: t[s]),  # type: ignore[misc]  # bound now
                    apply(text, lambda t, s=columns: t[s]),  # type: ignore[misc]  # bound now
                )
                what = "a score depends on the other items of its block"
                case.close(
                    whole[rows, columns],
                    alone,
                    what,
                    expected=f"image {i} and text {j} as alone",
                    rtol=1e-4,
                    atol=1e-5,
                )


@promise
def is_the_inner_product_it_claims(subject: Subject) -> None:
    """Where it says `inner_product`, its scores of vectors are inner products: it is then ranked by
    them, and never called.
    """
    similarity, pairs = _accepted(subject)
    for image, text in pairs:
        if not getattr(similarity, "inner_product", False) or not isinstance(image, torch.Tensor):
            continue
        with torch.no_grad(), _trial(subject, image) as case:
            assert isinstance(text, torch.Tensor)
            case.close(
                similarity(image, text),
                image @ text.T,
                "a score is not the inner product",
                expected="image @ text.T",
                rtol=1e-4,
                atol=1e-5,
            )


@promise
def what_a_set_masks_is_never_read(subject: Subject) -> None:
    """Vectors that a set masks out change no score."""
    similarity, pairs = _accepted(subject)
    for image, text in pairs:
        if isinstance(image, SetEmbedding):
            with torch.no_grad(), _trial(subject, image) as case:
                other = SetEmbedding(
                    image.vectors.masked_fill(~image.mask[..., None], 7.0), image.mask
                )
                what = "it reads vectors that are masked out"
                case.close(
                    similarity(other, text),
                    similarity(image, text),
                    what,
                    expected="as with others in their place",
                    rtol=1e-5,
                    atol=1e-6,
                )


@promise
def gradients_are_right(subject: Subject) -> None:
    """In float64 its gradients equal finite differences (torch.autograd.gradcheck)."""
    similarity, pairs = _accepted(subject, torch.float64)
    for image, text in pairs:
        with _trial(subject, image, expected=IN_DOUBLE):

            def compute(
                *leaves: Tensor, image: Embedding = image, text: Embedding = text
            ) -> Tensor:
                given = iter(leaves)
                again = [
                    apply(each, lambda t: next(given) if t.is_floating_point() else t)
                    for each in (image, text)
                ]
                scores: Tensor = similarity(*again)
                return scores

            leaves = [
                tensor.clone().requires_grad_()
                for each in (image, text)
                for tensor in _tensors(each)
                if tensor.is_floating_point()
            ]
            torch.autograd.gradcheck(compute, tuple(leaves), fast_mode=True)


@promise
def follows_the_device_of_its_inputs(subject: Subject) -> None:
    """It works wherever its inputs are: tested on the meta device, which refuses tensors of the
    CPU.
    """
    similarity, pairs = _accepted(subject)
    similarity = similarity.to("meta") if isinstance(similarity, nn.Module) else similarity
    for image, text in pairs:
        with _trial(subject, image) as case:
            there = [apply(each, lambda t: t.to("meta")) for each in (image, text)]
            scores: Tensor = unmixed(lambda a=there: similarity(*a), case)  # type: ignore[misc]  # bound now, called now
            case.require(
                scores.device.type == "meta",
                "its scores are on another device than its inputs",
                expected="meta",
                found=str(scores.device),
            )


PROMISES = (
    scores_every_pair,
    a_score_depends_on_its_pair_only,
    is_the_inner_product_it_claims,
    what_a_set_masks_is_never_read,
    gradients_are_right,
    follows_the_device_of_its_inputs,
)
