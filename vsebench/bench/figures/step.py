"""A whole training step, its batch included: towers of regions and of a BiGRU, GPO on both sides,
the hardest triplet, clipping and AdamW. The floor is the products of the encoders over what is
valid.
"""

from __future__ import annotations

import itertools
from contextlib import nullcontext
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from torch import nn
from torch.nn.functional import normalize

from vsebench.bench.figure import Figure, Work
from vsebench.bench.figures.encoders import PackedBiGRU
from vsebench.bench.figures.losses import hinges
from vsebench.bench.figures.made import REGIONS, Pairs, linear_products, pairs, products
from vsebench.bench.figures.poolings import GPO
from vsebench.kernels.gemm import true_float32
from vsebench.plugin import Key, LossCard, Progress
from vsebench.plugin.specs import create
from vsebench.results.protocol import Protocol
from vsebench.retrieval.inputs.batches import Augmenter, FeatureBatches, TokenBatches
from vsebench.retrieval.inputs.splits import ImageFeatures
from vsebench.retrieval.model import Model, Tower
from vsebench.retrieval.training.optimisation import Optimisation
from vsebench.retrieval.training.schedule import Schedule
from vsebench.retrieval.training.step import Batch, Objective, Stepper, Streams, Totals

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from vsebench.bench.figure import Setting


class Shape(NamedTuple):
    """Images to draw from, pairs of a batch, sizes of a region, of a word and of the space."""

    images: int
    batch: int
    in_dim: int
    word_dim: int
    dim: int


SMALL = {
    "tiny": Shape(8, 4, 8, 8, 8),
    "quick": Shape(300, 128, 512, 128, 128),
    "full": Shape(300, 128, 512, 128, 128),
}
PUBLISHED = {"tiny": Shape(8, 4, 8, 8, 8), "full": Shape(512, 128, 2048, 300, 1024)}


def work(shapes: dict[str, Shape], setting: Setting, *, defaults: bool = False) -> Work:
    """Steps on made-up features and captions.

    Args:
        shapes: shapes by size.
        setting: what is measured, and where.
        defaults: compute the products of the plain step as torch does by default.
    """
    shape = shapes[setting.size]
    data = pairs(shape.images, shape.in_dim)
    ours = _ours(shape, data, setting.device)
    theirs = _theirs(shape, data, setting.device)

    words = round(float(data.captions.lengths.mean()) * shape.batch * 0.92)
    return Work(
        ours=ours,
        reference=theirs,
        around=partial(true_float32, fast=False) if defaults else nullcontext,
        floor=products(_products(shape, round(0.8 * REGIONS * shape.batch), words), setting.device),
        amount=shape.batch,
        unit="pairs",
        most=15 if shape.dim < 1024 else 4,
    )


def _ours(shape: Shape, data: Pairs, device: torch.device) -> Callable[[], None]:
    torch.manual_seed(0)
    model = Model(
        Tower(
            create("image-encoder", "region", in_dim=shape.in_dim, dim=shape.dim),
            create("pooling", "gpo", dim=shape.dim),
        ),
        Tower(
            create(
                "text-encoder",
                "bigru",
                vocabulary_size=len(data.vocabulary),
                word_dim=shape.word_dim,
                dim=shape.dim,
            ),
            create("pooling", "gpo", dim=shape.dim),
        ),
        create("similarity", "dot"),
    ).to(device)
    protocol = _protocol(shape)
    objective = Objective(create("loss", "triplet"), LossCard("the hardest triplet"))
    stepper = Stepper(
        model,
        Optimisation(model, objective.loss, Schedule(protocol, len(data.captions))),
        _inputs(shape, data, device),
        data.owner,
        protocol,
    )
    order = _order(shape)
    streams = Streams((Key(0) / "pairs").generator(), (Key(0) / "offline").generator())

    def run() -> None:
        batch = Batch(next(order), objective, Progress(1, 1, 100), protocol.lr, streams, None)
        stepper.step(batch, Totals())

    return run


def _protocol(shape: Shape) -> Protocol:
    return Protocol(batch_size=shape.batch, embed_dim=shape.dim, word_dim=shape.word_dim)


def _inputs(shape: Shape, data: Pairs, device: torch.device) -> Augmenter:
    """Batches as in training: regions and words lose a share, and items are padded to the longest
    of the batch.
    """
    protocol, static = _protocol(shape), device.type == "cuda"
    images = ImageFeatures(data.features, np.full(shape.images, REGIONS), device)
    return Augmenter(
        FeatureBatches(images, "region", protocol.drop_regions, static),
        TokenBatches(data.captions, data.vocabulary, protocol.augment_words, device, static),
        device,
    )


def _order(shape: Shape) -> itertools.cycle[np.ndarray]:
    """Captions of one batch after another."""
    rng = np.random.default_rng(1)
    return itertools.cycle([rng.permutation(5 * shape.images)[: shape.batch] for _ in range(8)])


class _Regions(nn.Module):
    """A linear layer beside a perceptron, on every region, padding too.

    Args:
        in_dim: size of a region.
        dim: embedding size D.
    """

    def __init__(self, in_dim: int, dim: int) -> None:
        super().__init__()
        self.fc = nn.Linear(in_dim, dim)
        self.first, self.norm = nn.Linear(in_dim, dim // 2), nn.BatchNorm1d(dim // 2)
        self.second = nn.Linear(dim // 2, dim)

    def forward(self, regions: Tensor) -> Tensor:
        hidden = self.norm(self.first(regions).flatten(0, 1)).view(*regions.shape[:2], -1)
        out: Tensor = self.fc(regions) + self.second(hidden.relu())
        return out


class _PlainModel(nn.Module):
    def __init__(self, shape: Shape, words: int) -> None:
        super().__init__()
        self.regions = _Regions(shape.in_dim, shape.dim)
        self.words = PackedBiGRU(words, shape.word_dim, shape.dim)
        self.image_gpo, self.text_gpo = GPO(), GPO()

    def forward(
        self, regions: Tensor, region_counts: Tensor, words: Tensor, word_counts: Tensor
    ) -> tuple[Tensor, Tensor]:
        return (
            self.image_gpo(self.regions(regions), region_counts),
            self.text_gpo(self.words(words, word_counts), word_counts),
        )


def _hardest_triplet(image: Tensor, text: Tensor) -> Tensor:
    """The loss of a step, from embeddings before normalisation."""
    captions, images = hinges(normalize(image, dim=1) @ normalize(text, dim=1).T)
    return captions.max(1)[0].sum() + images.max(0)[0].sum()


def _theirs(shape: Shape, data: Pairs, device: torch.device) -> Callable[[], None]:
    """The plain step on batches drawn alike, which are ready. It computes on the padding of regions
    too, as the released code does.
    """
    torch.manual_seed(0)
    model = _PlainModel(shape, len(data.vocabulary)).to(device)
    optimiser = torch.optim.AdamW(model.parameters(), lr=5e-4)
    inputs, rng = _inputs(shape, data, device), (Key(0) / "pairs").generator()
    batches = []
    for captions in itertools.islice(_order(shape), 8):
        regions = inputs.images.others(data.owner[captions], rng)
        words = inputs.texts.batch(captions, rng)
        batches.append([regions.values, regions.lengths, words.values, words.lengths])
    ready = itertools.cycle(batches)

    def run() -> None:
        optimiser.zero_grad()
        _hardest_triplet(*model(*next(ready))).backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(model.parameters(), 2.0)
        optimiser.step()

    return run


def _products(shape: Shape, regions: int, words: int) -> list[tuple[int, int, int]]:
    """Those of the encoders: the features themselves get no gradient."""
    half = shape.dim // 2
    return [
        *linear_products(regions, shape.in_dim, shape.dim, to_inputs=False),
        *linear_products(regions, shape.in_dim, half, to_inputs=False),
        *linear_products(regions, half, shape.dim),
        *linear_products(words, shape.word_dim, 3 * shape.dim) * 2,
        *linear_products(words, shape.dim, 3 * shape.dim) * 2,
    ]


FIGURES = (
    Figure(
        "step/small",
        partial(work, SMALL),
        reference="packed GRUs, batches ready",
        floor="its products",
    ),
    Figure(
        "step/published size",
        partial(work, PUBLISHED),
        reference="packed GRUs, batches ready",
        floor="its products",
        on_cpu=("tiny", "full"),
        on_cuda=("tiny", "full"),
    ),
    Figure(
        "step/published size in torch",
        partial(work, PUBLISHED, defaults=True),
        reference="the same by torch's defaults",
        floor="its products",
        on_cpu=("tiny", "full"),
        on_cuda=(),
    ),
)
