"""Graph convolutions over an item's rows, then mean or GRU: two rows of Table 1 of VSE-infinity, in
the form of VSRN (ICCV 2019).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import nn

from vsebench.kernels import masked_mean
from vsebench_learned.recurrent import Seq2Seq
from vsebench_learned.rows import zero_padding

if TYPE_CHECKING:
    from torch import Tensor


class GraphConvolution(nn.Module):
    """`X + W_r (R · g(X))` with affinities `R[i, j] = θ(x_i) · φ(x_j) / n` between the n valid
    rows, as in VSRN.

    θ, φ, g and W_r are linear maps D → D with biases: 4 (D² + D) parameters. As in VSRN's code,
    affinities are divided by the number of rows, and a layer starts as the identity (W_r = 0). Its
    batch normalisation after W_r is left out, since it would make an item depend on its batch.

    Args:
        dim: size D of the rows.
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.theta = nn.Linear(dim, dim)
        self.phi = nn.Linear(dim, dim)
        self.g = nn.Linear(dim, dim)
        self.w_r = nn.Linear(dim, dim)
        nn.init.zeros_(self.w_r.weight)
        nn.init.zeros_(self.w_r.bias)

    def forward(self, rows: Tensor, lengths: Tensor) -> Tensor:
        """`rows` [B, N, D], finite throughout, with `lengths` int64 [B], 1..N, to [B, N, D]; what
        it returns beyond a length means nothing.
        """
        affinity = self.theta(rows) @ self.phi(rows).transpose(1, 2) / lengths[:, None, None]
        messages = zero_padding(self.g(rows), lengths, affinity.dtype)
        passed: Tensor = self.w_r(affinity @ messages)
        return rows + passed


class RegionGraph(nn.Module):
    """A stack of graph convolutions.

    Args:
        dim: size D of the rows.
        layers: how many.
    """

    def __init__(self, dim: int, layers: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(GraphConvolution(dim) for _ in range(layers))

    def forward(self, features: Tensor, lengths: Tensor) -> Tensor:
        """`features` [B, N, D] with `lengths` int64 [B], 1..N, to [B, N, D], zero beyond an item's
        length; in the parameters' dtype.
        """
        dtype = next(self.parameters()).dtype
        rows = zero_padding(features, lengths, dtype)
        for layer in self.layers:
            rows = layer(rows, lengths)
        return zero_padding(rows, lengths, dtype)


class GCNMean(nn.Module):
    """`gcn-mean`: the mean of the rows after graph convolutions.

    Args:
        layers: graph convolutions.
        dim: embedding size D.
    """

    def __init__(self, layers: int = 1, *, dim: int) -> None:
        super().__init__()
        self.graph = RegionGraph(dim, layers)

    def forward(self, features: Tensor, lengths: Tensor) -> Tensor:
        return masked_mean(self.graph(features, lengths), lengths).to(features.dtype)


class GCNSeq2Seq(nn.Module):
    """`gcn-seq2seq`: the last state of a GRU over the rows after graph convolutions.

    Args:
        layers: graph convolutions; VSRN stacks four, which gives the 23.1M parameters of Table 1 of
            VSE-infinity.
        dim: embedding size D.
    """

    def __init__(self, layers: int = 1, *, dim: int) -> None:
        super().__init__()
        self.graph = RegionGraph(dim, layers)
        self.seq2seq = Seq2Seq(dim=dim)

    def forward(self, features: Tensor, lengths: Tensor) -> Tensor:
        pooled: Tensor = self.seq2seq(self.graph(features, lengths), lengths)
        return pooled.to(features.dtype)
