"""What a run is: its resolved components, its protocol and its identity."""

from __future__ import annotations

import hashlib
import json
from pathlib import PurePath
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

METRIC_VERSION = "1"
"""Raised when a metric's definition changes; rows of different versions never share a table."""


class Frozen(BaseModel):
    """What is written to disk: immutable, and nothing unknown in it."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class ComponentRef(Frozen):
    """One component of a run.

    Attributes:
        spec: the canonical spec, as tables print it.
        name: `name` or `dist::name`.
        params: every parameter with its value.
        version: of the component's behaviour, from its card.
        distribution: that provides it; another one that claims the same name is another component.
        plugin: the entry point that provides it (provenance, not identity).
        distribution_version: the release of the distribution (provenance, not identity).
    """

    spec: str
    name: str
    params: dict[str, bool | int | float | str] = Field(default_factory=dict)
    version: str = "1"
    distribution: str = ""
    plugin: str = ""
    distribution_version: str = ""

    def identity(self) -> dict[str, Any]:
        """What a run id hashes.

        The bare name with its distribution: `dist::name` is only how it is spelled while another one claims the name. Of the parameters only those
        that differ from their defaults, as the spec has them: a component that gains a parameter keeps its runs, and one whose default
        changes needs a new version on its card.
        """
        changed = sorted(self.spec.removeprefix(self.name).split(":")[1:])
        return {"name": self.name.rpartition("::")[2], "distribution": self.distribution, "params": changed, "version": self.version}


class Protocol(Frozen):
    """Everything held equal in a comparison. Each key can be set with `--set KEY=VALUE`.

    The defaults are those of VSE-infinity (CVPR 2021) for region features and a BiGRU.
    """

    name: str = Field("vse-infinity", description="the preset that these values started from")
    embed_dim: int = Field(1024, ge=1, description="size D of the shared space")
    word_dim: int = Field(300, ge=1, description="size of the word embeddings")
    image_encoder: str = Field("region", description="component spec of the image encoder")
    text_encoder: str = Field("bigru", description="component spec of the text encoder")
    batch_plan: str = Field("random", description="component spec of the batch plan")
    batch_size: int = Field(128, ge=2, description="image–caption pairs per step; the last, partial batch of an epoch is dropped")
    epochs: int = Field(25, ge=1, description="passes over the training captions")
    optimiser: Literal["adamw", "adam"] = Field("adamw", description="adamw decays weights apart from the gradient, adam through it")
    lr: float = Field(5e-4, gt=0, description="learning rate")
    lr_schedule: Literal["step", "compounding", "cosine"] = Field(
        "step", description="step: cut once; compounding: cut again every epoch from there on, as released by 2AD; cosine: down to zero"
    )
    lr_warmup_epochs: float = Field(0.0, ge=0, description="epochs, from the start, over which the learning rate rises linearly from zero")
    lr_decay: float = Field(0.1, gt=0, le=1, description="factor of a cut of the learning rate")
    lr_decay_at: float = Field(0.6, ge=0, le=1, description="share of all steps after which the rate is cut; 0.6 of 25 epochs is epoch 15")
    weight_decay: float = Field(0.01, ge=0, description="weight decay")
    decay_on: Literal["all", "matrices"] = Field("all", description="which parameters decay; matrices: not biases, gains and other vectors")
    unfreeze: Literal["lr", "loss"] = Field(
        "lr", description="first epoch after an encoder was frozen: its learning rate rises linearly, or the whole loss does, as released by VSE-infinity"
    )
    clip_norm: float = Field(2.0, gt=0, description="global L2 norm to which gradients are clipped")
    warmup_epochs: float = Field(1.0, ge=0, description="epochs, from the start, that train with warmup_loss instead of the run's loss")
    warmup_loss: str = Field("sum-hinge", description="component spec of the warm-up loss")
    drop_regions: float = Field(0.2, ge=0, lt=1, description="size augmentation of images: share of local features dropped in training")
    image_crop: float = Field(0.6, gt=0, le=1, description="raw images: smallest share of width and height that a random crop keeps; 1 for none")
    image_flip: float = Field(0.5, ge=0, le=1, description="raw images: share mirrored in training")
    augment_words: float = Field(0.2, ge=0, lt=1, description="share of words masked (50 %), replaced (10 %) or removed (40 %) in training")
    augment_ends: bool = Field(True, description="whether <start> and <end> of the words from scratch are augmented as words are")
    min_word_count: int = Field(4, ge=1, description="training captions' words seen less often become <unk>")
    sibling_mask: bool = Field(False, description="keep other captions of the same image out of the negatives")
    evals_per_epoch: int = Field(4, ge=1, description="dev evaluations per epoch, equally spaced in steps")
    select_at: Literal["epoch", "evaluation", "last"] = Field(
        "epoch", description="the best model on dev is chosen among epoch ends or among all evaluations; last: the final one is taken, as it is"
    )
    precision: Literal["auto", "fp32", "bf16"] = Field("auto", description="auto: bf16 autocast on CUDA, fp32 elsewhere")
    threads: int = Field(1, ge=1, description="CPU threads of a run; part of its identity")


class Environment(Frozen):
    """Where a run is executed; no part of its identity."""

    data_path: str = Field("", description="the folder that the data set was found in")
    data_warnings: tuple[str, ...] = Field((), description="what opening the data set warned of")
    plugin_files: tuple[str, ...] = ()
    concurrency: int = Field(1, description="runs at a time on this device")


class RunSpec(Frozen):
    """One point of the grid, fully resolved."""

    task: Literal["retrieval", "annotation"] = "retrieval"
    dataset: ComponentRef
    data_fingerprint: str
    image_pooling: ComponentRef
    text_pooling: ComponentRef
    similarity: ComponentRef
    loss: ComponentRef
    image_encoder: ComponentRef
    text_encoder: ComponentRef
    batch_plan: ComponentRef
    warmup_loss: ComponentRef
    protocol: Protocol
    protocol_changes: dict[str, bool | int | float | str] = Field(default_factory=dict, description="keys that differ from the preset")
    seed: int = Field(ge=0)
    device: Literal["cpu", "cuda"] = "cpu"
    role: Literal["row", "support"] = "row"
    depends_on: tuple[str, ...] = Field((), description="run ids; the first is the first round of a loss that needs offline negatives")
    environment: Environment = Environment()

    @property
    def pooling(self) -> str:
        """The canonical pooling spec; an equal text side is left out."""
        image, text = self.image_pooling.spec, self.text_pooling.spec
        return image if image == text else f"{image}/{text}"

    def identity(self) -> dict[str, Any]:
        """What the run id hashes: everything that decides the result, and nothing else."""
        components = ("dataset", "image_pooling", "text_pooling", "similarity", "loss", "image_encoder", "text_encoder", "batch_plan", "warmup_loss")
        # Without defaults: a protocol that gains a key keeps its runs. The defaults themselves therefore never change (a test holds them).
        protocol = self.protocol.model_dump(exclude={"name", "image_encoder", "text_encoder", "batch_plan", "warmup_loss"}, exclude_defaults=True)
        return {
            "task": self.task,
            "data": self.data_fingerprint,
            "protocol": protocol,
            "seed": self.seed,
            "device": self.device,
            "metric": METRIC_VERSION,
            "depends_on": list(self.depends_on),
            **{name: getattr(self, name).identity() for name in components},
        }

    @property
    def run_id(self) -> str:
        """16 hexadecimal digits."""
        text = json.dumps(self.identity(), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def published(self) -> RunSpec:
        """Without paths of the machine: what a record says, which is meant to be shared."""
        files = tuple(PurePath(file).name for file in self.environment.plugin_files)
        return self.model_copy(update={"environment": self.environment.model_copy(update={"data_path": "", "plugin_files": files})})

    @property
    def label(self) -> str:
        """How progress and errors name the run."""
        return f"{self.dataset.spec} · {self.method}"

    @property
    def method(self) -> str:
        """How it is named among runs on the same data set."""
        return f"{self.pooling} · {self.loss.spec} · seed {self.seed}"
