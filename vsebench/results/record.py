"""What a run leaves behind."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from vsebench.plugin.errors import VsebenchError
from vsebench.results.protocol import Frozen, Sparse
from vsebench.results.run_base import METRIC_VERSION
from vsebench.results.spec import AnySpec, RunSpec

SCHEMA = 1


class Evaluation(Frozen):
    """One line of the training curve: training state and dev metrics at one step.

    Attributes:
        step: optimiser steps done.
        epoch: steps over steps per epoch.
        seconds: training time so far, evaluation excluded.
        cpu_seconds: the same in CPU seconds of the process; None on CUDA, and in records that do
            not say.
        loss: mean training loss since the last evaluation; 0 of a model that took no step.
        lr: learning rate of the last step.
        metrics: dev metrics by row key.
        diagnostics: what the loss and the poolings reported, means since the last evaluation. The
            retrieval task adds `mean_unrelated_cosine`, `mean_image_cosine` and `mean_text_cosine`
            of the dev embeddings; after the warm-up `loss_at_equal`, the loss of equal embeddings;
            and `collapsed`, 1 where the model has collapsed by them, else 0.
        epoch_end: whether an epoch ended here.
    """

    step: int
    epoch: float
    seconds: float
    loss: float
    lr: float
    metrics: dict[str, float]
    diagnostics: dict[str, float] = Field(default_factory=dict)
    epoch_end: bool = False
    cpu_seconds: float | None = None


class DivergenceError(VsebenchError):
    """Training left the numbers that a float can hold, as it does at too large a rate; the run's
    record is marked `diverged`.
    """


class Cost(Frozen):
    """What a run cost. Seconds are wall-clock.

    Attributes:
        train_seconds: optimiser steps of this run.
        mining_seconds: encoding the training set and mining offline negatives.
        prior_seconds: training of the runs that this one depends on.
        evaluation_seconds: dev and test evaluations.
        samples_seen: image–caption pairs that training steps consumed.
        tower_forwards: items passed through a tower in training steps, offline negatives included.
        parameters: trainable parameters.
        peak_memory_mb: peak resident memory of the run's process (MiB); on CUDA, peak allocated
            device memory.
        concurrency: see `Environment`.
        sampling_seconds: training seconds in which a sampler drew negatives.
        refresh_seconds: training seconds that went into the sampler's tables; on the retrieval task
            also those of embedding the training set for it.
        update_seconds: training seconds of updates, on the annotation task.
        train_cpu_seconds: CPU seconds of the optimiser steps, which other load on the machine does
            not lengthen; None on CUDA, and in records that do not say.
        mining_cpu_seconds: CPU seconds of mining.
        prior_cpu_seconds: CPU seconds of the runs that this one depends on.
    """

    train_seconds: float
    mining_seconds: float = 0.0
    prior_seconds: float = 0.0
    evaluation_seconds: float = 0.0
    samples_seen: int = 0
    tower_forwards: int = 0
    parameters: int = 0
    peak_memory_mb: float = 0.0
    concurrency: int = 1
    sampling_seconds: float = 0.0
    refresh_seconds: float = 0.0
    update_seconds: float = 0.0
    train_cpu_seconds: float | None = None
    mining_cpu_seconds: float | None = None
    prior_cpu_seconds: float | None = None

    @property
    def own_seconds(self) -> float:
        """What the run adds where those that it depends on are there already."""
        return self.train_seconds + self.mining_seconds

    @property
    def total_seconds(self) -> float:
        """Everything but evaluation: a method's whole price."""
        return self.own_seconds + self.prior_seconds

    @property
    def own_cpu_seconds(self) -> float | None:
        """`own_seconds` in CPU seconds."""
        return _sum(self.train_cpu_seconds, self.mining_cpu_seconds)

    @property
    def total_cpu_seconds(self) -> float | None:
        """`total_seconds` in CPU seconds."""
        return _sum(self.own_cpu_seconds, self.prior_cpu_seconds)


def _sum(*parts: float | None) -> float | None:
    return None if None in parts else sum(part for part in parts if part is not None)


class Collapse(Frozen):
    """That a run ended with a model that no longer tells items apart: a loss no better than that of
    equal embeddings, a side in one narrow cone, and worse retrieval than before.

    Attributes:
        step: step of the evaluation from which on this holds.
        cosine: the mean cosine of unrelated pairs at the end.
        image_cosine: mean cosine of the images among themselves; None in records that do not say.
        text_cosine: mean cosine of the captions among themselves; None in records that do not say.
        best_rsum: the best dev RSUM of the run.
        last_rsum: its last.
        last_loss: the mean training loss before the last evaluation.
        plateau: the loss of a batch of equal embeddings, 2·B·m for the hard triplet; None where it
            is not finite.
    """

    step: int
    cosine: float
    image_cosine: float | None = None
    text_cosine: float | None = None
    best_rsum: float
    last_rsum: float
    last_loss: float
    plateau: float | None


class Column(Frozen):
    """A test metric that a plugin adds to the run's row.

    Attributes:
        value: finite.
        source: the distribution that measured it, with its release.
    """

    value: float
    source: str


class Provenance(Sparse):
    """Where and with what a run was made."""

    sparse: ClassVar[tuple[str, ...]] = ("cpu_generation", "devices", "plugins")

    started: str = Field(description="UTC, ISO 8601")
    host: str
    device_name: str
    cpu_generation: str = Field(
        "",
        description="family, model and stepping of the CPU that it ran on, which names may leave "
        "out; empty on CUDA and where nobody said",
    )
    libraries: dict[str, str]
    git_commit: str | None = Field(
        None,
        description="of the checkout vsebench was imported from; '+' when tracked files differed; "
        "None without one",
    )
    matmul: str = Field("", description="how fp32 matrix products were computed")
    restarts: int = Field(0, description="how often the run was resumed from a checkpoint")
    devices: str = Field(
        "",
        description="the machine's CUDA devices that it ran on, as --device names them; empty on "
        "the CPU and where nobody said",
    )
    plugins: dict[str, str] = Field(
        default_factory=dict,
        description="releases of the third parties' distributions whose plugins were imported, and "
        "digests of plugin files",
    )


class DataParallel(Frozen):
    """How a run was split over several devices.

    Attributes:
        devices: ranks, each with a device of its own.
        batch: pairs of a step, over all devices: the batch that the loss sees.
        batch_by_device: how many of them each device encodes.
        negatives: items of the batch that a pair's own are told from, siblings included.
    """

    devices: int
    batch: int
    batch_by_device: tuple[int, ...]
    negatives: int


class RunRecord(Sparse):
    """The record of one run; `record.json` in its directory."""

    sparse: ClassVar[tuple[str, ...]] = ("data_parallel",)

    schema_version: int = SCHEMA
    run_id: str
    status: Literal["done", "failed", "blocked"]
    spec: AnySpec
    metric_version: str = METRIC_VERSION
    test: dict[str, float] = Field(
        default_factory=dict, description="test metrics of the selected model by row key"
    )
    best_dev: dict[str, float] = Field(
        default_factory=dict, description="dev metrics of the selected model"
    )
    best_step: int | None = None
    steps: int = 0
    steps_per_epoch: int = 0
    warmup_steps: int | None = Field(
        None,
        description="steps that trained with the protocol's warm-up loss; None in records that do "
        "not say",
    )
    cost: Cost | None = None
    warnings: tuple[str, ...] = ()
    collapse: Collapse | None = None
    columns: dict[str, Column] = Field(
        default_factory=dict, description="what plugins measured on test, by name"
    )
    plugin_failures: tuple[str, ...] = Field(
        (),
        description="plugins that watched the run and failed, or changed what they share with "
        "others",
    )
    provenance: Provenance | None = None
    diverged: bool = Field(
        False,
        description="whether it failed because training diverged, which trying again does not "
        "change",
    )
    error: str | None = Field(None, description="traceback of a failed run, or why it was blocked")
    data_parallel: DataParallel | None = Field(
        None, description="of a run on several devices, what each of them had"
    )

    @property
    def retrieval(self) -> RunSpec:
        """The spec of a run of the retrieval task.

        Raises:
            VsebenchError: it is a run of another task.
        """
        if not isinstance(self.spec, RunSpec):
            raise VsebenchError(
                f"run {self.run_id} ({self.spec.label}) is of the {self.spec.task} task; this "
                "needs a run of the retrieval task"
            )
        return self.spec
