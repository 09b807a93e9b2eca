"""The similarity of Gaussians."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vsebench.plugin import GaussianEmbedding, SpecError

if TYPE_CHECKING:
    from torch import Tensor

    from vsebench.plugin import Embedding


class ClosedFormSampled:
    """`csd`: 1 − d/2, where d is the expected squared distance of a sample of either Gaussian, ‖μ₁
    − μ₂‖² + Σσ₁² + Σσ₂².
    """

    def __call__(self, image: Embedding, text: Embedding) -> Tensor:
        """[B_i, B_t] from Gaussians [B_i, D] and [B_t, D].

        Raises:
            SpecError: the poolings returned something else.
        """
        if not isinstance(image, GaussianEmbedding) or not isinstance(text, GaussianEmbedding):
            raise SpecError(
                "similarity 'csd' compares Gaussians: choose the pooling 'gaussian' for both sides"
            )
        own = [g.mean.square().sum(1) + g.log_variance.exp().sum(1) for g in (image, text)]
        return 1 - (own[0][:, None] + own[1]) / 2 + image.mean @ text.mean.T
