"""Graph convolutions over an item's rows, then mean or GRU: two rows of Table 1 of VSE-infinity, in
the form of VSRN (ICCV 2019), with or without its normalisations.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import nn
from torch.nn import functional

from vsebench.kernels import masked_mean, valid_mask
from vsebench.kernels.batch_norm import MaskedBatchNorm
from vsebench_plugins.learned.rows import Seq2Seq, zero_padding

if TYPE_CHECKING:
    from torch import Tensor

_EPS = 1e-8  # of an L2 norm, as where embeddings are normalised


class GraphConvolution(nn.Module):
    """`X + norm(W_r (R · g(X)))` with affinities `R[i, j] = θ(x_i) · φ(x_j) / n` between the n
    valid rows, as in VSRN.

    θ, φ, g and W_r are linear maps D → D with biases: 4 (D² + D) parameters, and 2 D more with
    batch normalisation. As in VSRN's code, affinities are divided by the number of rows, and a
    layer starts as the identity: W_r is zero, or the gain and the bias of its normalisation are.

    Args:
        dim: size D of the rows.
        batch_norm: whether `norm` is batch normalisation over the valid rows of the batch; without
            it, `norm` is nothing, and an item does not depend on its batch.
    """

    def __init__(self, dim: int, batch_norm: bool = False) -> None:
        super().__init__()
        self.theta = nn.Linear(dim, dim)
        self.phi = nn.Linear(dim, dim)
        self.g = nn.Linear(dim, dim)
        self.w_r = nn.Linear(dim, dim)
        self.norm = MaskedBatchNorm(dim) if batch_norm else None
        last = self.w_r if self.norm is None else self.norm
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)

    def forward(self, rows: Tensor, lengths: Tensor) -> Tensor:
        """`rows` [B, N, D], finite throughout, with `lengths` int64 [B], 1..N, to [B, N, D]; what
        it returns beyond a length means nothing.
        """
        affinity = self.theta(rows) @ self.phi(rows).transpose(1, 2) / lengths[:, None, None]
        messages = zero_padding(self.g(rows), lengths, affinity.dtype)
        passed: Tensor = self.w_r(affinity @ messages)
        if self.norm is not None:
            passed = self.norm(passed, valid_mask(lengths, rows.shape[1]))
        return rows + passed


class RegionGraph(nn.Module):
    """A stack of graph convolutions.

    Args:
        dim: size D of the rows.
        layers: number of layers.
        batch_norm: whether each normalises what it adds over the batch.
        region_l2: where each dimension is scaled to L2 norm 1 over an item's rows: `none`, `after`
            the stack, or `both` before and after it.
    """

    def __init__(
        self, dim: int, layers: int, batch_norm: bool = False, region_l2: str = "none"
    ) -> None:
        super().__init__()
        self.layers = nn.ModuleList(GraphConvolution(dim, batch_norm) for _ in range(layers))
        self.l2_before, self.l2_after = region_l2 == "both", region_l2 in ("after", "both")

    def forward(self, features: Tensor, lengths: Tensor) -> Tensor:
        """`features` [B, N, D] with `lengths` int64 [B], 1..N, to [B, N, D], zero beyond an item's
        length; in the parameters' dtype.
        """
        dtype = next(self.parameters()).dtype
        rows = zero_padding(features, lengths, dtype)
        if self.l2_before:
            rows = functional.normalize(rows, dim=1, eps=_EPS)
        for layer in self.layers:
            rows = layer(rows, lengths)
        rows = zero_padding(rows, lengths, dtype)
        return functional.normalize(rows, dim=1, eps=_EPS) if self.l2_after else rows


class GCNMean(nn.Module):
    """`gcn-mean`: the mean of the rows after graph convolutions.

    Args:
        layers: graph convolutions.
        batch_norm: batch norms, as in `RegionGraph`.
        region_l2: L2 norm over regions, as in `RegionGraph`.
        dim: embedding size D.
    """

    def __init__(
        self, layers: int = 1, batch_norm: bool = False, region_l2: str = "none", *, dim: int
    ) -> None:
        super().__init__()
        self.graph = RegionGraph(dim, layers, batch_norm, region_l2)

    def forward(self, features: Tensor, lengths: Tensor) -> Tensor:
        return masked_mean(self.graph(features, lengths), lengths).to(features.dtype)


class GCNSeq2Seq(nn.Module):
    """`gcn-seq2seq`: the last state of a GRU over the rows after graph convolutions.

    VSRN has `layers=4:batch_norm=true` and, on MS-COCO, `region_l2=both`, on Flickr30K
    `region_l2=after:state_norm=true`.

    Args:
        layers: graph convolutions; VSRN stacks four, which gives the 23.1M parameters of Table 1 of
            VSE-infinity.
        batch_norm: batch norms, as in `RegionGraph`.
        region_l2: L2 norm over regions, as in `RegionGraph`.
        state_norm: whether the last state is normalised over the batch; 2 D parameters.
        dim: embedding size D.
    """

    def __init__(
        self,
        layers: int = 1,
        batch_norm: bool = False,
        region_l2: str = "none",
        state_norm: bool = False,
        *,
        dim: int,
    ) -> None:
        super().__init__()
        self.graph = RegionGraph(dim, layers, batch_norm, region_l2)
        self.seq2seq = Seq2Seq(dim=dim)
        self.norm = MaskedBatchNorm(dim) if state_norm else None

    def forward(self, features: Tensor, lengths: Tensor) -> Tensor:
        pooled: Tensor = self.seq2seq(self.graph(features, lengths), lengths)
        if self.norm is not None:
            pooled = self.norm(pooled)
        return pooled.to(features.dtype)
