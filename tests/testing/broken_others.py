"""Similarities, batch plans, encoders and parameters that break a promise each."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from vsebench.plugin import SetEmbedding, SpecError

if TYPE_CHECKING:
    from vsebench.plugin import Key


class SumOfMaxima:
    """Late interaction of sets, and the inner product of vectors."""

    def __call__(self, image: object, text: object) -> Tensor:
        if isinstance(image, Tensor) and isinstance(text, Tensor):
            return image @ text.T
        if isinstance(image, SetEmbedding) and isinstance(text, SetEmbedding):
            scores = torch.einsum("ikd,tld->itkl", image.vectors, text.vectors)
            scores = scores.masked_fill(~self.mask(image, text), -4).amax(dim=2)
            return scores.masked_fill(~text.mask, 0).sum(dim=2)
        raise SpecError("similarity 'maxima' scores vectors and sets")

    def mask(self, image: SetEmbedding, text: SetEmbedding) -> Tensor:
        return image.mask[:, None, :, None] & text.mask[None, :, None, :]


class ReadsMaskedVectors(SumOfMaxima):
    def mask(self, image: SetEmbedding, text: SetEmbedding) -> Tensor:
        return torch.ones((), dtype=torch.bool, device=image.mask.device)


class Transposed(SumOfMaxima):
    def __call__(self, image: object, text: object) -> Tensor:
        return super().__call__(image, text).T


class NormalisedOverTheBlock(SumOfMaxima):
    def __call__(self, image: object, text: object) -> Tensor:
        return super().__call__(image, text).softmax(dim=1)


class WrongGradient(SumOfMaxima):
    def __call__(self, image: object, text: object) -> Tensor:
        scores = super().__call__(image, text)
        return 2 * scores - scores.detach()


class CPUOnly(SumOfMaxima):
    def __call__(self, image: object, text: object) -> Tensor:
        scores = super().__call__(image, text)
        return scores + torch.zeros(scores.shape)


class ClaimsInnerProducts(SumOfMaxima):
    inner_product = True

    def __call__(self, image: object, text: object) -> Tensor:
        return super().__call__(image, text) + 1


class ScoresNothing:
    def __call__(self, image: object, text: object) -> Tensor:
        raise SpecError("similarity 'nothing' scores nothing")


class Hardest:
    """Orders by the sum of the embeddings: needs them."""

    needs_embeddings = True

    def plan(
        self, epoch: int, n: int, embeddings: tuple[np.ndarray, np.ndarray], key: Key
    ) -> np.ndarray:
        return np.argsort(embeddings[0].sum(axis=1) + epoch, kind="stable")


class WithReplacement:
    def plan(self, epoch: int, n: int, embeddings: None, key: Key) -> np.ndarray:
        return (key / epoch).generator().integers(0, max(n, 1), n)


class GlobalOrder:
    def plan(self, epoch: int, n: int, embeddings: None, key: Key) -> np.ndarray:
        return np.random.default_rng().permutation(n)


class SumsPadding(nn.Module):
    """An image encoder that mixes every row of an item, padding too."""

    def __init__(self, *, in_dim: int, dim: int) -> None:
        super().__init__()
        self.linear = nn.Linear(in_dim, dim)

    def forward(self, features: Tensor, lengths: Tensor) -> Tensor:
        return self.linear(features + features.sum(dim=1, keepdim=True))


class Centred(SumsPadding):
    def forward(self, features: Tensor, lengths: Tensor) -> Tensor:
        return self.linear(features - features[:, :1].mean(dim=0))


class ClaimsHalf(SumsPadding):
    """Its squares overflow in float16, and lose what float32 keeps."""

    reads_half = True

    def forward(self, features: Tensor, lengths: Tensor) -> Tensor:
        return self.linear(features * features)


class CountsPadding(nn.Module):
    """A text encoder whose features depend on how long the batch is."""

    def __init__(self, *, vocabulary_size: int, word_dim: int, dim: int) -> None:
        super().__init__()
        self.table = nn.Embedding(vocabulary_size, dim)

    def forward(self, tokens: Tensor, lengths: Tensor) -> Tensor:
        return self.table(tokens) * tokens.shape[1]


class Frozen(nn.Module):
    """A text encoder with a part that never trains, and a head."""

    settings: ClassVar[dict[str, int]] = {}

    def __init__(self, *, vocabulary_size: int, word_dim: int, dim: int) -> None:
        super().__init__()
        self.table = nn.Embedding(vocabulary_size, word_dim)
        self.head = nn.Linear(word_dim, dim)

    @property
    def width(self) -> int:
        return self.table.embedding_dim

    def forward(self, tokens: Tensor, lengths: Tensor) -> Tensor:
        return self.head(self.table(tokens))

    def features(self, tokens: Tensor, lengths: Tensor) -> Tensor:
        return self.table(tokens)


class ForgetsAStep(Frozen):
    def forward(self, tokens: Tensor, lengths: Tensor) -> Tensor:
        return super().forward(tokens, lengths).tanh()


class MiscountsItsWidth(Frozen):
    @property
    def width(self) -> int:
        return 1


class TakesTwo:
    def __init__(self, a: int = 1, *, b: int = 2) -> None:
        pass


class NeedsSize:
    def __init__(self, size: int) -> None:
        pass
