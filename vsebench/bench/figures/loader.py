"""Batches out of memory maps: of region features, size augmentation applied, against fetching image
by image; and of what a frozen text encoder gives, kept (`frozen_features=kept`), against the
encoder in every batch. The floor copies as many bytes.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from torch import nn

from vsebench.bench.figure import Figure, Work
from vsebench.bench.figures.made import REGIONS, text_lengths
from vsebench.plugin import TokenTable
from vsebench.retrieval.inputs.augment import compact, keep_features
from vsebench.retrieval.inputs.splits import Captions, CaptionStates, ImageFeatures

if TYPE_CHECKING:
    from torch import Tensor

    from vsebench.bench.figure import Setting


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

    def plain() -> Tensor:
        return torch.from_numpy(stacked(features, batch, rows)).to(setting.device)

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


def stacked(features: np.ndarray, images: np.ndarray, keep: list[np.ndarray]) -> np.ndarray:
    """A batch made as a data set and its `collate` make it: each image fetched, its kept regions
    picked, all copied into one padded array.
    """
    items = [np.array(features[i])[kept] for i, kept in zip(images, keep, strict=True)]
    out = np.zeros((len(items), max(map(len, items)), features.shape[2]), np.float32)
    for row, item in zip(out, items, strict=True):
        row[: len(item)] = item
    return out


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
            reference="image by image, then stacked",
            floor="a copy of the batch",
        )
        for dtype in ("float32", "float16")
    ),
    Figure(
        "loader/kept states",
        states,
        reference="the frozen encoder in every batch",
        floor="a copy of the batch",
    ),
)
