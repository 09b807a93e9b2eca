"""The roles that components play. A class plays one by having its methods; nothing needs to be
inherited.

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

    from vsebench.plugin.embeddings import Embedding, PoolingOutput
    from vsebench.plugin.encoders import LocalFeatures
    from vsebench.plugin.executors import Job, Report
    from vsebench.plugin.keys import Key
    from vsebench.plugin.params import Scalar
    from vsebench.plugin.retrieval import LossInputs, LossOutput


class Pooling(Protocol):
    """Local features to one embedding per item. A `torch.nn.Module`; `__init__` may take `dim`.

    One that sums each dimension's sorted values with weights may have a method
    `position_weights(features, lengths) -> Tensor`: those weights for a batch, [B, N] or, where
    each dimension has its own, [B, N, D]; rank 0 is the largest value, and what is beyond an item's
    length is zero. Their sum with the sorted values is what `forward` returns. Figures show them.
    """

    def __call__(self, features: Tensor, lengths: Tensor) -> Embedding | PoolingOutput:
        """Pools `features` [B, N, D] with `lengths` int64 [B] (1..N) into [B, D].

        It never reads rows at or beyond `lengths[b]`, does not let one item of the batch depend on
        another, and works for length 1, for an empty batch, under autocast, on CPU and on CUDA. The
        tower normalises what it returns.
        """
        ...


class Similarity(Protocol):
    """Scores of every image against every caption. `__init__` may take `dim`. One that is the inner
    product of plain vectors says so by a true attribute `inner_product`, and is then ranked faster.
    """

    def __call__(self, image: Embedding, text: Embedding) -> Tensor:
        """[B_i, B_t], larger is more similar."""
        ...


class Loss(Protocol):
    """A retrieval loss. A `torch.nn.Module` where it has state; `__init__` may take `dim` and
    `batch_size`.
    """

    def __call__(self, inputs: LossInputs) -> Tensor | LossOutput:
        """The scalar loss of one batch."""
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

        `embeddings` are the (image, text) training embeddings at the start of the epoch when the
        plan has a true attribute `needs_embeddings`, else None.
        """
        ...


class ImageEncoder(Protocol):
    """Raw local features to D-dimensional ones. A `torch.nn.Module`; `__init__` may take `in_dim`
    and `dim`.

    An encoder may have a method `parameter_groups() -> Sequence[ParameterGroup]`: learning-rate
    factors and epochs in which parameters are frozen. What it does not name trains with factor 1
    from the start.

    It is given fp32. One with a true attribute `reads_half` gets features that lie on the device in
    fp16 as they are, where autocast is on: its first operation on them must be a product.
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

    Images are decoded, cropped and resized by the suite; the encoder normalises the pixels. How
    many local features there are is its business.
    """

    @property
    def image_size(self) -> int:
        """Side of the squares that it wants, in pixels."""
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
    """Token ids to D-dimensional local features. A `torch.nn.Module`; `__init__` may take
    `vocabulary_size`, `word_dim` and `dim`.

    It may have a method `parameter_groups()`, as an image encoder may.
    """

    def __call__(self, tokens: Tensor, lengths: Tensor) -> Tensor:
        """`tokens` int64 [B, N] with `lengths` [B] to [B, N, D]; rows beyond an item's length may
        hold anything finite.
        """
        ...


class FrozenEncoder(Protocol):
    """An encoder of raw images or of texts with a part that never trains; its card says so with
    `frozen`.

    It gives `head(features(values, lengths))`. With the protocol's `frozen_features=kept` the suite
    calls `features` once for every item, keeps what it gives, and trains the head alone.
    """

    @property
    def head(self) -> Module:
        """What trains: features [B, N, width] to [B, N, D], each row by itself."""
        ...

    @property
    def width(self) -> int:
        """Size of a feature."""
        ...

    @property
    def settings(self) -> Mapping[str, Scalar]:
        """What decides the features, besides its card's version and files and what it reads."""
        ...

    def features(self, values: Tensor, lengths: Tensor) -> Tensor:
        """What the encoder reads to [B, N, width]: a row for each token, or for each of an image's
        `local_features`. An item's features depend on no other item.
        """
        ...


class Executor(Protocol):
    """Executes jobs somewhere. `__init__` may take `workers`, how many at a time, and `devices`,
    the CUDA devices of this machine that `--device` names, such as `("cuda:0", "cuda:1/2")`; none
    where any will do. An executor that does not take them cannot be asked for single devices.

    It may have

    * a static method `default_workers(device)`, `cpu` or `cuda`: how many where nobody says,
      `UNBOUNDED` where a queue of its own decides. Without it, that is as many as this machine has
      CUDA devices, or cores;
    * an attribute `elsewhere`, true where runs are executed on other machines: then this one needs
      no CUDA device to plan runs that do;
    * a method `preview(jobs)`: what it would do with them, as text, for `vsebench run --dry-run`;
      it does and writes nothing.
    """

    def execute(self, jobs: Sequence[Job], report: Report) -> None:
        """Executes every job once, after the jobs that it depends on, and returns when none is
        left.

        Each is one call of `vsebench.plugin.execute` in a process of its own, which is not made
        again when it fails: the run's record says so. A `Schedule` keeps the order and reports. A
        job that another process works on is put off with those that need it: this is called again
        with them when that process has ended. Whatever is raised in here, by `report` too, leaves
        no process behind.
        """
        ...
