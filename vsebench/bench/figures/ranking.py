"""Evaluation and the mining of offline negatives. The floor is the products of the same tiles."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import torch

from vsebench.bench.figure import SIZES, Figure, Work
from vsebench.bench.figures.made import embeddings
from vsebench.kernels.gemm import has_bf16_products
from vsebench.kernels.rows import Rows
from vsebench.plugin import Key, OfflineSpec
from vsebench.retrieval import evaluate
from vsebench.retrieval.ranking.exact.ranks import exact_ranks
from vsebench.retrieval.training.offline_negatives import Embedded, mine

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from vsebench.bench.figure import Setting

_TILE = (512, 4096)  # of the evaluation
_ANCHORS = 256  # of a block of mining


def evaluation(setting: Setting, *, signal: float, largest: int) -> Work:
    """Every image among the captions and every caption among the images, five captions each."""
    images = setting.pick(tiny=20, quick=400, full=largest)
    dim = setting.pick(tiny=16, quick=256, full=1024)
    image, text, owner = embeddings(images, dim, signal)
    left, right = (torch.from_numpy(each).to(setting.device) for each in (image, text))

    def agree() -> None:
        ours = evaluate(left, right, owner)
        i2t, t2i = ranks_by_argsort(image, text, owner)
        np.testing.assert_array_equal(ours.i2t_ranks, i2t)
        np.testing.assert_array_equal(ours.t2i_ranks, t2i)

    return Work(
        ours=lambda: evaluate(left, right, owner),
        reference=lambda: ranks_by_argsort(image, text, owner),
        floor=tiles(left, right, *_TILE),
        agree=agree if images <= 1000 else None,
        amount=images * len(text),
        unit="scores",
        most=15 if images <= 1000 else 3,
    )


def screening(setting: Setting) -> Work:
    """The same evaluation with products in bf16 first, where the CPU has instructions for them."""
    images, dim = setting.pick(tiny=(20, 16), quick=(1000, 1024), full=(5000, 1024))
    image, text, owner = (torch.from_numpy(each) for each in embeddings(images, dim, 0.5))
    left, right = Rows.checked("image", image), Rows.checked("caption", text)

    def agree() -> None:
        for ours, plain_ranks in zip(
            exact_ranks(left, right, owner, _TILE[0]),
            exact_ranks(left, right, owner, _TILE[0], screen=False),
            strict=True,
        ):
            assert torch.equal(ours, plain_ranks)

    dtype = torch.bfloat16 if has_bf16_products() else torch.float32
    return Work(
        ours=lambda: exact_ranks(left, right, owner, _TILE[0]),
        reference=lambda: exact_ranks(left, right, owner, _TILE[0], screen=False),
        floor=tiles(image.to(dtype), text.to(dtype), *_TILE),
        agree=agree,
        amount=images * len(text),
        unit="scores",
        most=15 if images <= 1000 else 5,
    )


def ranks_by_argsort(
    image: np.ndarray, text: np.ndarray, owner: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The published procedure: a float64 product and one argsort per query; the place of the best
    match in each list.
    """
    scores = image.astype(np.float64) @ text.astype(np.float64).T
    of_images = [np.flatnonzero(owner[np.argsort(-row)] == i)[0] for i, row in enumerate(scores)]
    of_texts = [
        np.flatnonzero(np.argsort(-column) == own)[0]
        for column, own in zip(scores.T, owner, strict=True)
    ]
    return np.array(of_images), np.array(of_texts)


def tiles(left: Tensor, right: Tensor, rows: int, columns: int) -> Callable[[], None]:
    """Products of all tiles into one buffer."""
    buffer = torch.empty(rows * columns, device=left.device, dtype=left.dtype)

    def run() -> None:
        for others in torch.split(right, columns):
            for some in torch.split(left, rows):
                out = buffer[: len(some) * len(others)].view(len(some), len(others))
                torch.mm(some, others.T, out=out)

    return run


def mining(setting: Setting, *, dim: int) -> Work:
    """The 300 hardest captions of 1,024 images among 30,000, and no images, at full size."""
    anchors, captions, h = setting.pick(
        tiny=(8, 40, 5), quick=(256, 5_000, 100), full=(1024, 30_000, 300)
    )
    dim = setting.pick(tiny=16, quick=dim // 2, full=dim)
    rng = np.random.default_rng(0)
    image, text = (
        rng.standard_normal((rows, dim), dtype=np.float32) for rows in (anchors, captions)
    )
    owner = np.arange(captions) % anchors
    spec = OfflineSpec(text_h=h, image_h=0, roles={"text": "text"})
    left, right = (torch.from_numpy(each).to(setting.device) for each in (image, text))
    some = min(anchors, 64)

    def ours() -> np.ndarray:
        return mine(Embedded(left, right, owner), spec, Key(0)).texts

    def theirs() -> np.ndarray:
        return hardest_by_argsort(image[:some], text, np.arange(some), owner, h)

    def agree() -> None:
        scores = image[:some] @ text.T
        found, wanted = (np.take_along_axis(scores, each[:some], 1) for each in (ours(), theirs()))
        np.testing.assert_allclose(found, wanted, rtol=1e-3, atol=1e-3)

    return Work(
        ours=ours,
        reference=theirs,
        floor=tiles(left, right, _ANCHORS, captions),
        agree=agree,
        amount=anchors,
        unit="anchors",
        reference_share=some / anchors,
        most=5,
    )


def hardest_by_argsort(
    anchors: np.ndarray, items: np.ndarray, anchor_group: np.ndarray, group: np.ndarray, h: int
) -> np.ndarray:
    """The `h` items of another group with the highest scores, by one argsort per anchor."""
    lists = []
    for anchor, own in zip(anchors, anchor_group, strict=True):
        scores = items @ anchor
        scores[group == own] = -np.inf
        lists.append(np.argsort(-scores)[:h])
    return np.array(lists)


def coco(setting: Setting) -> Work:
    """Both lists of `aoq` over the training set of COCO, at full size."""
    images, dim, text_h, image_h = setting.pick(
        tiny=(30, 16, 5, 4), quick=(2_000, 256, 100, 20), full=(113_287, 1024, 300, 60)
    )
    generator = torch.Generator(setting.device).manual_seed(0)
    image, text = (
        torch.randn(rows, dim, device=setting.device, generator=generator)
        for rows in (images, 5 * images)
    )
    owner = np.repeat(np.arange(images), 5)
    spec = OfflineSpec(text_h=text_h, image_h=image_h)
    forward, backward = (
        tiles(image, text, _ANCHORS, len(text)),
        tiles(text, image, _ANCHORS, images),
    )
    return Work(
        ours=lambda: mine(Embedded(image, text, owner), spec, Key(0)),
        floor=lambda: (forward(), backward()),
        amount=6 * images,
        unit="anchors",
        most=3,
    )


FIGURES = (
    *(
        Figure(
            f"evaluation/{name}",
            partial(evaluation, signal=signal, largest=largest),
            reference="as published: float64, argsort",
            floor="its products in fp32",
            on_cpu=SIZES if largest == 1000 else ("tiny", "full"),
            on_cuda=SIZES if largest == 1000 else ("tiny", "full"),
        )
        for name, signal, largest in (
            ("1k trained", 0.5, 1000),
            ("1k untrained", 0.0, 1000),
            ("5k trained", 0.5, 5000),
        )
    ),
    Figure(
        "evaluation/screened in bf16",
        screening,
        reference="products in fp32 only",
        floor="its products in bf16",
        on_cuda=(),
    ),
    *(
        Figure(
            f"mining/{dim} dimensions",
            partial(mining, dim=dim),
            reference="argsort per anchor",
            floor="its products",
        )
        for dim in (128, 1024)
    ),
    Figure("mining/coco", coco, floor="its products", on_cpu=("tiny",)),
)
