"""The roles that components play. A class plays a role by having its methods; there is nothing to
inherit.

Tensors: B batch, N local features (regions, grid cells, frames, tokens), D embedding size. An
item's valid features are a prefix of its rows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    from torch import Tensor
    from torch.nn import Module

    from vsebench.plugin.encoders import LocalFeatures
    from vsebench.plugin.jobs import Job, Report
    from vsebench.plugin.keys import Key
    from vsebench.plugin.params import Scalar
    from vsebench.plugin.retrieval import Embedding, LossInputs, LossOutput, PoolingOutput


class Pooling(Protocol):
    """Pools local features into one embedding per item. A `torch.nn.Module`; `__init__` may take
    `dim`.

    A pooling that is a weighted sum of each dimension's sorted values may have a method
    `position_weights(features, lengths) -> Tensor`, which figures show: the weights for a batch,
    [B, N], or [B, N, D] if each dimension has its own. Rank 0 is the largest value, and weights
    beyond an item's length are zero. `forward` returns their sum with the sorted values.
    """

    def __call__(self, features: Tensor, lengths: Tensor) -> Embedding | PoolingOutput:
        """Pools `features` [B, N, D] with `lengths` int64 [B] (1..N) into [B, D].

        It never reads rows at or beyond `lengths[b]`, does not let one item of the batch depend on
        another, and works for length 1, for an empty batch, under autocast, on CPU and on CUDA. The
        tower normalises what it returns.
        """
        ...


class Similarity(Protocol):
    """Scores every image against every caption. `__init__` may take `dim`. A similarity that is the
    inner product of plain vectors sets the attribute `inner_product = True` and is then ranked
    faster.
    """

    def __call__(self, image: Embedding, text: Embedding) -> Tensor:
        """[B_i, B_t], larger is more similar."""
        ...


class Loss(Protocol):
    """A retrieval loss. A `torch.nn.Module` if it has state; `__init__` may take `dim` and
    `batch_size`.
    """

    def __call__(self, inputs: LossInputs) -> Tensor | LossOutput:
        """The scalar loss of one batch."""
        ...


class PatternLoss(Protocol):
    """A loss of the pattern task (its card: `LossCard(task="patterns")`). It has no parameters."""

    def __call__(self, found: Tensor, target: Tensor) -> Tensor:
        """The scalar loss of what a pooling returned and what it should have, both [B, D]."""
        ...


class BatchPlan(Protocol):
    """The order in which an epoch visits the training captions. `__init__` may take
    `batch_size`.
    """

    def plan(
        self, epoch: int, n: int, embeddings: tuple[np.ndarray, np.ndarray] | None, key: Key
    ) -> np.ndarray:
        """A permutation of 0..n-1, int64 [n], cut into batches in order; a pure function of its
        arguments.

        `embeddings` are the (image, text) training embeddings at the start of the epoch if the plan
        has the attribute `needs_embeddings = True`, otherwise None.
        """
        ...


class ImageEncoder(Protocol):
    """Encodes raw local features as D-dimensional ones. A `torch.nn.Module`; `__init__` may take
    `in_dim` and `dim`.

    An encoder may have a method `parameter_groups() -> Sequence[ParameterGroup]` with learning-rate
    factors and frozen epochs. All other parameters train with factor 1 from the start.

    Its input is fp32. With the attribute `reads_half = True` it gets features that are stored on
    the device in fp16 unconverted under autocast; its first operation on them must then be a matrix
    product.
    """

    def __call__(self, features: Tensor, lengths: Tensor) -> Tensor | LocalFeatures:
        """`features` [B, N, d] with `lengths` [B] to [B, N, D]; rows beyond an item's length may
        hold anything finite.

        An encoder whose output has lengths of its own returns them beside it, as `LocalFeatures`.
        """
        ...


class RawImageEncoder(Protocol):
    """An image encoder that takes raw images; its card is an `ImageEncoderCard` with
    `raw_images=True`. `__init__` may take `dim`.

    Images are decoded, cropped and resized by the suite; the encoder normalises the pixels and
    decides the number of local features.
    """

    @property
    def image_size(self) -> int:
        """Side of the square input images in pixels."""
        ...

    @property
    def local_features(self) -> int:
        """Local features N of an image of that size, so that size augmentation can choose among
        them without waiting for the device.
        """
        ...

    def __call__(self, pixels: Tensor, lengths: Tensor) -> LocalFeatures:
        """`pixels` uint8 [B, 3, S, S], RGB, to [B, N, D]; `lengths` are ones."""
        ...


class TextEncoder(Protocol):
    """Encodes token ids as D-dimensional local features. A `torch.nn.Module`; `__init__` may take
    `vocabulary_size`, `word_dim` and `dim`.

    It may have a method `parameter_groups()`, like an image encoder.
    """

    def __call__(self, tokens: Tensor, lengths: Tensor) -> Tensor:
        """`tokens` int64 [B, N] with `lengths` [B] to [B, N, D]; rows beyond an item's length may
        hold anything finite.
        """
        ...


class FrozenEncoder(Protocol):
    """An encoder of raw images or texts with a part that never trains; its card sets `frozen`.

    It returns `head(features(values, lengths))`. With the protocol's `frozen_features=kept` the
    suite calls `features` once for every item, keeps the result, and trains only the head.
    """

    @property
    def head(self) -> Module:
        """The trained part: features [B, N, width] to [B, N, D], each row independently."""
        ...

    @property
    def width(self) -> int:
        """Size of a feature."""
        ...

    @property
    def settings(self) -> Mapping[str, Scalar]:
        """Everything that determines the features, besides the card's version and files and the
        input.
        """
        ...

    def features(self, values: Tensor, lengths: Tensor) -> Tensor:
        """The frozen part: input to features [B, N, width], a row for each token, or for each of an
        image's `local_features`. An item's features depend on no other item.
        """
        ...


class Executor(Protocol):
    """Executes jobs somewhere. `__init__` may take `workers`, the number of concurrent jobs, and
    `devices`, the CUDA devices of this machine that `--device` names, such as `("cuda:0",
    "cuda:1/2")`; empty if any will do. If it does not take them, `--device` cannot name single
    devices.

    It may have

    * a static method `default_workers(device)`, for `cpu` or `cuda`: the default of `workers`,
    `UNBOUNDED` if its own queue decides. Without it, the default is the number of this machine's
    CUDA devices, or cores;
    * an attribute `elsewhere`, true if runs are executed on other machines: this machine then needs
    no CUDA device to plan runs on CUDA;
    * a method `preview(jobs)`: a text for `vsebench run --dry-run` about what it would do; it has
    no side effects.
    """

    def execute(self, jobs: Sequence[Job], report: Report) -> None:
        """Executes every job once, after the jobs that it depends on, and returns when none is
        left.

        Each job is one call of `vsebench.plugin.execute` in a process of its own, which is not
        repeated if it fails, since the run's record says so. A `Schedule` keeps the order and
        reports. A job that another process works on is postponed with its dependents: this method
        is called again with them when that process has ended. An exception in here, or in `report`,
        must leave no process behind.
        """
        ...
