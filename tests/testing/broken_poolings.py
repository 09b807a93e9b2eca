"""A pooling that keeps every promise, and poolings that break one."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from vsebench.kernels import sorted_values, valid_mask
from vsebench.plugin import GaussianEmbedding, PoolingOutput, SetEmbedding


class Sound(nn.Module):
    """A linear map of the mean."""

    def __init__(self, *, dim: int) -> None:
        super().__init__()
        self.linear = nn.Linear(dim, dim)

    def forward(self, features: Tensor, lengths: Tensor) -> Tensor:
        return self.linear(mean(features, lengths).to(self.linear.weight.dtype)).to(features.dtype)


def mean(features: Tensor, lengths: Tensor) -> Tensor:
    mask = valid_mask(lengths, features.shape[1])[..., None]
    return torch.where(mask, features, 0).sum(dim=1) / lengths[:, None].to(features.dtype)


class SoundSet(nn.Module):
    """Mean and first row as a set."""

    def forward(self, features: Tensor, lengths: Tensor) -> SetEmbedding:
        vectors = torch.stack([mean(features, lengths), features[:, 0]], dim=1)
        return SetEmbedding(vectors, torch.stack([lengths > 0, lengths > 1], dim=1))


class SoundGaussian(nn.Module):
    def forward(self, features: Tensor, lengths: Tensor) -> PoolingOutput:
        centre = mean(features, lengths)
        return PoolingOutput(
            GaussianEmbedding(centre, centre.square()),
            losses={"spread": centre.square().sum()},
            diagnostics={"mean": centre.detach()},
        )


class Plain(nn.Module):
    def forward(self, features: Tensor, lengths: Tensor) -> Tensor:
        return mean(features, lengths)


class LiveDiagnostics(Plain):
    def forward(self, features: Tensor, lengths: Tensor) -> PoolingOutput:  # type: ignore[override]
        out = mean(features * nn.Parameter(torch.ones(())), lengths)
        return PoolingOutput(out, diagnostics={"mean": out})


class ReturnsAList(Plain):
    def forward(self, features: Tensor, lengths: Tensor) -> list[float]:  # type: ignore[override]
        return mean(features, lengths).tolist()


class WrongDtype(Plain):
    def forward(self, features: Tensor, lengths: Tensor) -> Tensor:
        return mean(features, lengths).double()


class OneRowIsZero(Plain):
    def forward(self, features: Tensor, lengths: Tensor) -> Tensor:
        return mean(features, lengths) * float(features.shape[1] > 1)


class NeedsAnItem(Plain):
    def forward(self, features: Tensor, lengths: Tensor) -> Tensor:
        return mean(features[:, : int(lengths.max())], lengths)


class NeedsContiguous(Plain):
    def forward(self, features: Tensor, lengths: Tensor) -> Tensor:
        features.view(-1)
        return mean(features, lengths)


class ZeroesPaddingInPlace(Plain):
    def forward(self, features: Tensor, lengths: Tensor) -> Tensor:
        if not torch.is_grad_enabled():
            features.masked_fill_(~valid_mask(lengths, features.shape[1])[..., None], 0)
        return mean(features, lengths)


class MultipliesByTheMask(Plain):
    def forward(self, features: Tensor, lengths: Tensor) -> Tensor:
        return (features * valid_mask(lengths, features.shape[1])[..., None]).sum(dim=1) / lengths[
            :, None
        ].to(features.dtype)


class DividesByAllRows(Plain):
    def forward(self, features: Tensor, lengths: Tensor) -> Tensor:
        return mean(features, lengths) * lengths[:, None].to(features.dtype) / features.shape[1]


class SubtractsTheBatch(Plain):
    def forward(self, features: Tensor, lengths: Tensor) -> Tensor:
        out = mean(features, lengths)
        return out - out.mean(dim=0) if len(out) else out


class BatchNormalised(nn.Module):
    def __init__(self, *, dim: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(dim)

    def forward(self, features: Tensor, lengths: Tensor) -> Tensor:
        return self.norm(mean(features, lengths))


class First(Plain):
    def forward(self, features: Tensor, lengths: Tensor) -> Tensor:
        return features[:, 0]


class HidesNaN(Plain):
    def forward(self, features: Tensor, lengths: Tensor) -> Tensor:
        return mean(features, lengths).nan_to_num()


class WrongGradient(Plain):
    def forward(self, features: Tensor, lengths: Tensor) -> Tensor:
        out = mean(features, lengths)
        return 2 * out - out.detach()


class DiffersUnderAutocast(Plain):
    def forward(self, features: Tensor, lengths: Tensor) -> Tensor:
        return mean(features, lengths) * (2 if torch.is_autocast_enabled("cpu") else 1)


class SinglePrecisionOnly(Plain):
    def forward(self, features: Tensor, lengths: Tensor) -> Tensor:
        return mean(features, lengths) @ torch.eye(features.shape[2], device=features.device)


class DiffersWithoutGradients(Plain):
    def forward(self, features: Tensor, lengths: Tensor) -> Tensor:
        return mean(features, lengths) * (1 if torch.is_grad_enabled() else 1.01)


class StateInAnAttribute(Plain):
    def __init__(self) -> None:
        super().__init__()
        self.scale = torch.rand(()).item()

    def forward(self, features: Tensor, lengths: Tensor) -> Tensor:
        return self.scale * mean(features, lengths)


class BreaksTheGraph(Plain):
    def forward(self, features: Tensor, lengths: Tensor) -> Tensor:
        out = mean(features, lengths)
        torch._dynamo.graph_break()
        return out * 2


class CPUOnly(Plain):
    def forward(self, features: Tensor, lengths: Tensor) -> Tensor:
        return torch.where(
            (torch.arange(features.shape[1]) < lengths[:, None])[..., None], features, 0
        ).sum(dim=1)


class Narrows(Plain):
    """Computes in float32 whatever the dtype of its features, and leaves it at that."""

    def forward(self, features: Tensor, lengths: Tensor) -> Tensor:
        return mean(features.float(), lengths)


class ShowsItsWeights(nn.Module):
    """Half of the largest value of each dimension, and half of the mean."""

    def forward(self, features: Tensor, lengths: Tensor) -> Tensor:
        values = sorted_values(features, lengths)
        return ((values[:, 0] + values.sum(dim=1) / lengths[:, None]) / 2).to(features.dtype)

    def position_weights(self, features: Tensor, lengths: Tensor) -> Tensor:
        weights = valid_mask(lengths, features.shape[1]) / lengths[:, None] / 2
        weights[:, 0] += 0.5
        return weights


class ShowsOtherWeights(ShowsItsWeights):
    def position_weights(self, features: Tensor, lengths: Tensor) -> Tensor:
        return valid_mask(lengths, features.shape[1]) / lengths[:, None]


class WeighsPadding(ShowsItsWeights):
    """Of which the values are zeros, so that the sum is right."""

    def position_weights(self, features: Tensor, lengths: Tensor) -> Tensor:
        weights = super().position_weights(features, lengths)
        return weights + 0.1 * ~valid_mask(lengths, features.shape[1])


class WeighsInAnotherShape(ShowsItsWeights):
    def position_weights(self, features: Tensor, lengths: Tensor) -> Tensor:
        return super().position_weights(features, lengths).sum(dim=0)
