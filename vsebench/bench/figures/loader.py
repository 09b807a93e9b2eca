"""Batches out of memory maps: of region features, size augmentation applied, and of whole training
pairs, against a `DataLoader` that fetches item by item; and of what a frozen text encoder gives,
kept (`frozen_features=kept`), against the encoder in every batch. The floor copies as many bytes.
"""

from __future__ import annotations

import itertools
import random
from contextlib import contextmanager, nullcontext
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from vsebench.bench.figure import Figure, Work
from vsebench.bench.figures.made import REGIONS, Pairs, pairs, text_lengths
from vsebench.bench.timing import default_allocator
from vsebench.plugin import TokenTable
from vsebench.retrieval.inputs.augment import MASKED, REPLACED, compact, keep_features
from vsebench.retrieval.inputs.batches import FeatureBatches, TokenBatches
from vsebench.retrieval.inputs.splits import Captions, CaptionStates, ImageFeatures

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from vsebench.bench.figure import Setting
    from vsebench.retrieval.inputs.padded import Padded


def regions(dtype: str, setting: Setting) -> Work:
    """128 of 1,000 images of 36 × 2,048 at full size."""
    images, size, dim = setting.pick(tiny=(20, 4, 8), quick=(300, 64, 512), full=(1000, 128, 2048))
    rng = np.random.default_rng(0)
    path = setting.folder / "ims.npy"
    np.save(path, rng.standard_normal((images, REGIONS, dim), dtype=np.float32).astype(dtype))
    features = np.load(path, mmap_mode="r")
    table = ImageFeatures(features, np.full(images, REGIONS), setting.device)
    batch = rng.integers(0, images, size)
    kept = keep_features(np.full(size, REGIONS), REGIONS, 0.2, "region", rng)
    positions, lengths = compact(kept)
    rows = [np.flatnonzero(row) for row in kept]
    block = np.empty((size, positions.shape[1], dim), np.float32)
    loader: Iterable[Tensor] = DataLoader(_Regions(features, batch, rows), size, collate_fn=_padded)

    def plain() -> Tensor:
        (only,) = loader
        return only.to(setting.device)

    def agree() -> None:
        ours, theirs = table.gather(batch, positions), plain()
        for i, length in enumerate(lengths.tolist()):
            tolerance = 0.0 if setting.device.type == "cpu" else 1e-2  # fp16 on other devices
            torch.testing.assert_close(
                ours[i, :length], theirs[i, :length], rtol=tolerance, atol=tolerance
            )

    return Work(
        ours=lambda: table.gather(batch, positions),
        reference=plain,
        floor=lambda: torch.from_numpy(block.copy()).to(setting.device),
        agree=agree,
        amount=size,
        unit="images",
    )


class _Regions(Dataset[Tensor]):
    """A batch's items: each image fetched, and its kept regions picked."""

    def __init__(self, features: np.ndarray, images: np.ndarray, keep: list[np.ndarray]) -> None:
        self.features, self.images, self.keep = features, images, keep

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, place: int) -> Tensor:
        return torch.Tensor(self.features[self.images[place]][self.keep[place]])


def _padded(items: Sequence[Tensor]) -> Tensor:
    out = torch.zeros(len(items), max(map(len, items)), *items[0].shape[1:], dtype=items[0].dtype)
    for row, item in zip(out, items, strict=True):
        row[: len(item)] = item
    return out


def training_pairs(setting: Setting, *, defaults: bool = False) -> Work:
    """Batches of training, what is dropped and masked being drawn: 128 pairs at full size.

    Args:
        setting: what is measured, and where.
        defaults: leave the memory of the plain version to glibc's defaults.
    """
    images, size, dim = setting.pick(tiny=(20, 4, 8), quick=(300, 64, 512), full=(1000, 128, 2048))
    data, rng, device = pairs(images, dim), np.random.default_rng(0), setting.device
    path = setting.folder / "ims.npy"
    np.save(path, data.features)
    data = data._replace(features=np.load(path, mmap_mode="r"))
    table = ImageFeatures(data.features, np.full(images, REGIONS), device)
    regions = FeatureBatches(table, "region", _RATE)
    words = TokenBatches(data.captions, data.vocabulary, _RATE, device)
    batches = [rng.integers(0, len(data.owner), size).tolist() for _ in range(8)]
    order = itertools.cycle(batches)
    loader = DataLoader(_Pairs(data), batch_sampler=batches, collate_fn=_collated)
    plain = itertools.chain.from_iterable(itertools.repeat(loader))
    block = np.empty((size, round(0.9 * REGIONS), dim), np.float32)

    def ours() -> tuple[Padded, Padded]:
        captions = np.array(next(order))
        return regions.others(data.owner[captions], rng), words.batch(captions, rng)

    @contextmanager
    def by_default() -> Iterator[None]:
        with default_allocator():
            yield
        ours()  # a run's batch has the memory of the one before it

    return Work(
        ours=ours,
        reference=lambda: [tensor.to(device) for tensor in next(plain)],
        around=by_default if defaults else nullcontext,
        floor=lambda: torch.from_numpy(block.copy()).to(device),
        amount=size,
        unit="pairs",
    )


_RATE = 0.2


class _Pairs(Dataset[tuple[Tensor, Tensor]]):
    """Pairs as released code makes them: regions dropped, then words masked, replaced or dropped
    one by one.
    """

    def __init__(self, data: Pairs) -> None:
        self.features, self.owner = data.features, data.owner
        self.mask, self.random = data.vocabulary.mask, random.Random(0)
        tokens, lengths = data.captions.gather(np.arange(len(data.owner)))
        self.tokens = [row[:n].tolist() for row, n in zip(tokens, lengths, strict=True)]

    def __len__(self) -> int:
        return len(self.owner)

    def __getitem__(self, caption: int) -> tuple[Tensor, Tensor]:
        regions = self.features[self.owner[caption]]
        kept = torch.Tensor(regions[np.random.rand(len(regions)) > _RATE])  # noqa: NPY002  # as released
        return kept, torch.tensor([*self._words(caption)] or self.tokens[caption][:1])

    def _words(self, caption: int) -> Iterator[int]:
        for word in self.tokens[caption]:
            draw = self.random.random() / _RATE
            if draw < MASKED:
                yield self.mask
            elif draw < MASKED + REPLACED:
                yield self.random.randrange(self.mask)
            elif draw >= 1:
                yield word


def _collated(items: Sequence[tuple[Tensor, Tensor]]) -> tuple[Tensor, ...]:
    """Longest captions first, as packed recurrent networks once asked."""
    images, words = zip(*sorted(items, key=lambda pair: -len(pair[1])), strict=True)
    lengths = [torch.tensor([*map(len, each)]) for each in (images, words)]
    return _padded(images), lengths[0], _padded(words), lengths[1]


class Shape(NamedTuple):
    """Captions kept, captions of a batch, layers, heads, width of a state."""

    captions: int
    batch: int
    layers: int
    heads: int
    width: int


SHAPES = {
    "tiny": Shape(20, 4, 1, 2, 8),
    "quick": Shape(300, 64, 2, 4, 128),
    "full": Shape(1000, 128, 6, 12, 384),  # MiniLM-L6
}
_PIECES = 30_522


def states(setting: Setting) -> Work:
    """A batch of captions, their pieces as long as the words of Flickr30K's captions."""
    shape, device = SHAPES[setting.size], setting.device
    rng = np.random.default_rng(0)
    lengths = text_lengths(shape.captions).numpy()
    tokens = rng.integers(1, _PIECES, lengths.sum(), dtype=np.int32)
    texts = Captions(TokenTable(tokens, np.concatenate([[0], np.cumsum(lengths)])))
    torch.manual_seed(0)
    encoder = _Encoder(shape).eval().to(device)
    path = setting.folder / "states.npy"
    np.save(path, np.concatenate(_by_caption(encoder, texts, device)).astype(np.float16))
    table = CaptionStates(np.load(path, mmap_mode="r"), texts, device)
    batch = rng.integers(0, shape.captions, shape.batch)
    rows = np.empty((shape.batch, int(lengths[batch].max()), shape.width), np.float32)

    def kept() -> Tensor:
        return table.batch(batch, device).values

    @torch.no_grad()
    def live() -> Tensor:
        return encoder(*texts.batch(batch, device)[:2])  # type: ignore[no-any-return]

    def agree() -> None:
        valid = (
            torch.arange(rows.shape[1], device=device) < table.batch(batch, device).lengths[:, None]
        )
        torch.testing.assert_close(kept()[valid], live()[valid], rtol=1e-2, atol=1e-2)

    return Work(
        ours=kept,
        reference=live,
        floor=lambda: torch.from_numpy(rows.copy()).to(device),
        agree=agree,
        amount=shape.batch,
        unit="captions",
    )


class _Encoder(nn.Module):
    """A transformer over pieces, in plain torch."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.embedding = nn.Embedding(_PIECES, shape.width)
        layer = nn.TransformerEncoderLayer(
            shape.width, shape.heads, 4 * shape.width, activation="gelu", batch_first=True
        )
        self.layers = nn.TransformerEncoder(layer, shape.layers, enable_nested_tensor=False)

    def forward(self, tokens: Tensor, lengths: Tensor) -> Tensor:
        """`tokens` int64 [B, N] with `lengths` [B] to [B, N, width]."""
        padding = torch.arange(tokens.shape[1], device=tokens.device) >= lengths[:, None]
        return self.layers(self.embedding(tokens), src_key_padding_mask=padding)  # type: ignore[no-any-return]


@torch.no_grad()
def _by_caption(encoder: nn.Module, texts: Captions, device: torch.device) -> list[np.ndarray]:
    """The states of each caption, float32 [length, width]."""
    return [
        encoder(*texts.batch(np.array([caption]), device)[:2])[0].cpu().numpy()
        for caption in range(len(texts))
    ]


FIGURES = (
    *(
        Figure(
            f"loader/{dtype} regions",
            partial(regions, dtype),
            reference="a DataLoader, image by image",
            floor="a copy of the batch",
        )
        for dtype in ("float32", "float16")
    ),
    Figure(
        "loader/training pairs",
        training_pairs,
        reference="a DataLoader, pair by pair",
        floor="a copy of the regions",
    ),
    Figure(
        "loader/training pairs in glibc",
        partial(training_pairs, defaults=True),
        reference="the same by glibc's defaults",
        floor="a copy of the regions",
        on_cuda=(),
    ),
    Figure(
        "loader/kept states",
        states,
        reference="the frozen encoder in every batch",
        floor="a copy of the batch",
    ),
)
