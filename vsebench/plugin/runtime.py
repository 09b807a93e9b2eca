"""The data that run-time hooks and stopping rules see, and trackers, whose hooks are called on
request.

Hooks observe and stopping rules act. A hook sees plain data and never the model, so a run gives the
same numbers with and without it, and its id does not depend on it. A stopping rule is a
component that the protocol names (`--set stop=patience:epochs=3`), and is part of the id.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import numpy as np
    from torch import Tensor

    from vsebench.plugin.metrics import TaskName
    from vsebench.plugin.params import Scalar
    from vsebench.plugin.positives import Positives
    from vsebench.plugin.protocols import Similarity
    from vsebench.plugin.retrieval import Embedding

VARIABLE = "VSEBENCH_TRACK"
"""Names the trackers that runs use, comma-separated; `vsebench run --track` sets it. It is no part
of a run's spec: records are the same with a tracker and without.
"""


@dataclass(frozen=True)
class RunInfo:
    """The run that a hook is called for.

    Attributes:
        run_id: 16 hexadecimal digits.
        label: name in progress lines and errors.
        task: task of the run.
        dataset: canonical spec of the data set.
        components: canonical spec of every other component by role, such as `loss`, `image_pooling`
            or `sampler`.
        protocol: every key with its value.
        seed: seed of the run.
        device: `cpu` or `cuda`.
        directory: the run's folder, in which a plugin may write files under a name of its own.
    """

    run_id: str
    label: str
    task: TaskName
    dataset: str
    components: Mapping[str, str]
    protocol: Mapping[str, Scalar]
    seed: int
    device: str
    directory: Path


class CurvePoint(Protocol):
    """One evaluation on dev: a point of the training curve."""

    @property
    def step(self) -> int:
        """Optimiser steps done; updates on the annotation task."""
        ...

    @property
    def epoch(self) -> float:
        """Steps over steps per epoch."""
        ...

    @property
    def seconds(self) -> float:
        """Training time so far, evaluation excluded."""
        ...

    @property
    def loss(self) -> float:
        """Mean training loss since the point before."""
        ...

    @property
    def lr(self) -> float:
        """Learning rate of the last step."""
        ...

    @property
    def metrics(self) -> Mapping[str, float]:
        """Dev metrics by row key: `rsum`, `i2t_r1` and so on, or `map`, `p_at_5` and so on."""
        ...

    @property
    def diagnostics(self) -> Mapping[str, float]:
        """Diagnostics of the loss and the poolings, means since the previous point; on the
        retrieval task also the spread of embeddings, and `collapsed`, 1 or 0.
        """
        ...

    @property
    def epoch_end(self) -> bool:
        """Whether an epoch ended here."""
        ...


@dataclass(frozen=True)
class TrainingStep:
    """One step of training: of the retrieval task an optimiser step; of the annotation task a
    batch, or 1,024 updates of its sequential engine.

    Attributes:
        step: its number, from 1; of the annotation task the updates done after it.
        loss: training loss of its batch; of the annotation task the mean over updates that found a
            negative, and 0 where none did.
        lr: learning rate.
        grad_norm: norm of all gradients before they were clipped; None of the annotation task,
            whose engines move single rows.
    """

    step: int
    loss: float
    lr: float
    grad_norm: float | None = None


class StoppingRule(Protocol):
    """Decides when to stop training a run.

    It depends on the curve alone and keeps no state between calls, so that a resumed run stops
    where the uninterrupted one would have.
    """

    def should_stop(self, curve: Sequence[CurvePoint]) -> bool:
        """Whether to stop training; `curve` has at least one point.

        Called at the end of every epoch, in the annotation task after every evaluation.
        """
        ...


@dataclass(frozen=True, eq=False)
class RetrievalTest:
    """The selected model's embeddings of the test split: n images and m captions.

    Attributes:
        image: embeddings of the images, normalised as by the towers.
        text: embeddings of the captions.
        text_to_image: int64 [m], the image of each caption.
        similarity: scores `image` against `text`.
        i2t_ranks: int64 [n], how many captions of other images score at least as high as the
            image's best caption: its rank, from 0.
        t2i_ranks: int64 [m], how many other images score at least as high as the caption's own.
        metrics: the run's test metrics by row key.
    """

    image: Embedding
    text: Embedding
    text_to_image: np.ndarray
    similarity: Similarity
    i2t_ranks: np.ndarray
    t2i_ranks: np.ndarray
    metrics: Mapping[str, float]


@dataclass(frozen=True, eq=False)
class AnnotationTest:
    """The selected model's vectors of the test split: n images and A labels; a label's score for an
    image is their inner product.

    Attributes:
        images: float32 [n, K].
        labels: float32 [A, K].
        positives: labels to find.
        known: labels of the same images that are excluded from their rankings.
        metrics: the run's test metrics by row key.
    """

    images: Tensor
    labels: Tensor
    positives: Positives
    known: Positives | None
    metrics: Mapping[str, float]


@dataclass(frozen=True, eq=False)
class PatternsTest:
    """What the trained pooling returned for the test sets, those of sizes seen in training first.

    Attributes:
        found: float32 [n, D].
        target: float32 [n, D], what it was to return.
        lengths: int64 [n], size of each set.
        metrics: the run's test metrics by row key.
    """

    found: Tensor
    target: Tensor
    lengths: Tensor
    metrics: Mapping[str, float]


@dataclass(frozen=True)
class Outcome:
    """The end of a run; its record is on disk.

    Attributes:
        status: `done` if it was trained to its end and tested, otherwise `failed`.
        test: test metrics by row key; empty when it failed.
        columns: additional metrics measured by plugins.
        error: the traceback of a run that failed.
    """

    status: Literal["done", "failed"]
    test: Mapping[str, float]
    columns: Mapping[str, float]
    error: str | None = None


@dataclass(frozen=True)
class Tracker:
    """A plugin whose module has one as `vsebench_tracker` is a tracker: its hooks are called only
    if its name is requested.

    Attributes:
        name: its name, as `--track` takes it.
        library: module that it needs; empty where it needs none.
        extra: extra of vsebench that installs the library.
    """

    name: str
    library: str = ""
    extra: str = ""


def asked_trackers() -> tuple[str, ...]:
    """The names that the environment asks for."""
    names = os.environ.get(VARIABLE, "").split(",")
    return tuple(name.strip() for name in names if name.strip())
