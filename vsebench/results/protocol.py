"""What is held equal between the runs of a comparison, for each task."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    model_serializer,
)

NEVER = "never"
"""The stopping rule of a protocol that has none."""

WIDEST = 65_536
"""Of a space or of word embeddings; a typo beyond it would fill any memory."""

MOST_THREADS = 1024
"""Of a run; libraries crash on many more."""


MOST_DEVICES = 64
"""Of a run; they are of one machine."""


class Frozen(BaseModel):
    """What is written to disk: immutable, and nothing unknown in it."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Sparse(Frozen):
    """Has fields that are written only where they hold something, so that what was written before
    there were such fields stays as it is.
    """

    sparse: ClassVar[tuple[str, ...]] = ()
    """Their names."""

    @model_serializer(mode="wrap")
    def _without_empty(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        values: dict[str, Any] = handler(self)
        return {key: value for key, value in values.items() if value or key not in self.sparse}


class AnyProtocol(Frozen):
    """What the protocols of all tasks have, each a field of its own in the order of its key."""

    if TYPE_CHECKING:  # fields of a base come first, and a record's order of keys is kept

        @property
        def name(self) -> str: ...

        @property
        def epochs(self) -> int: ...

        @property
        def stop(self) -> str: ...

        @property
        def threads(self) -> int: ...


class Protocol(AnyProtocol):
    """Everything held equal in a comparison. Each key can be set with `--set KEY=VALUE`.

    The defaults are those of VSE-infinity (CVPR 2021) for region features and a BiGRU.
    """

    name: str = Field("vse-infinity", description="the preset that these values started from")
    embed_dim: int = Field(1024, ge=1, le=WIDEST, description="size D of the shared space")
    word_dim: int = Field(300, ge=1, le=WIDEST, description="size of the word embeddings")
    image_encoder: str = Field("region", description="component spec of the image encoder")
    text_encoder: str = Field("bigru", description="component spec of the text encoder")
    batch_plan: str = Field("random", description="component spec of the batch plan")
    batch_size: int = Field(128, ge=2, description="image–caption pairs per step")
    last_batch: Literal["drop", "keep"] = Field(
        "drop",
        description="the pairs that an epoch has left over from whole batches: dropped, or a last, "
        "smaller batch",
    )
    epochs: int = Field(
        25,
        ge=0,
        description="passes over the training captions; 0 evaluates the model as it is made, which "
        "of pretrained encoders is zero-shot",
    )
    optimiser: Literal["adamw", "adam"] = Field(
        "adamw", description="adamw decays weights apart from the gradient, adam through it"
    )
    lr: float = Field(5e-4, gt=0, description="learning rate")
    lr_schedule: Literal["step", "compounding", "cosine"] = Field(
        "step",
        description="step: cut once; compounding: cut again every epoch from there on, as "
        "released by 2AD; cosine: down to zero",
    )
    lr_warmup_epochs: float = Field(
        0.0,
        ge=0,
        description="epochs, from the start, over which the learning rate rises linearly from zero",
    )
    lr_decay: float = Field(0.1, gt=0, le=1, description="factor of a cut of the learning rate")
    lr_decay_at: float = Field(
        0.6,
        ge=0,
        le=1,
        description="share of all steps after which the rate is cut; 0.6 of 25 epochs is epoch 15",
    )
    weight_decay: float = Field(0.01, ge=0, description="weight decay")
    decay_on: Literal["all", "matrices"] = Field(
        "all", description="which parameters decay; matrices: not biases, gains and other vectors"
    )
    unfreeze: Literal["lr", "loss"] = Field(
        "lr",
        description="first epoch after an encoder was frozen: its learning rate rises linearly, "
        "or the whole loss does, as released by VSE-infinity",
    )
    clip_norm: float = Field(2.0, gt=0, description="global L2 norm to which gradients are clipped")
    warmup_epochs: float = Field(
        1.0,
        ge=0,
        description="epochs, from the start, that train with warmup_loss instead of the run's loss",
    )
    warmup_loss: str = Field("sum-hinge", description="component spec of the warm-up loss")
    drop_regions: float = Field(
        0.2,
        ge=0,
        lt=1,
        description="size augmentation of images: share of local features dropped in training",
    )
    image_crop: float = Field(
        0.6,
        gt=0,
        le=1,
        description="raw images: smallest share of width and height that a random crop keeps; 1 "
        "for none",
    )
    image_flip: float = Field(0.5, ge=0, le=1, description="raw images: share mirrored in training")
    augment_words: float = Field(
        0.2,
        ge=0,
        lt=1,
        description="share of words masked (50 %), replaced (10 %) or removed (40 %) in training",
    )
    frozen_features: Literal["live", "kept"] = Field(
        "live",
        description="what the frozen part of an encoder gives. live: computed for every batch; "
        "kept: computed once, kept in half precision; training then drops the words that "
        "augment_words chooses, and takes images whole",
    )
    augment_ends: bool = Field(
        True,
        description=(
            "whether <start> and <end> of the words from scratch are augmented as words are"
        ),
    )
    min_word_count: int = Field(
        4, ge=1, description="training captions' words seen less often become <unk>"
    )
    sibling_mask: bool = Field(
        False, description="keep other captions of the same image out of the negatives"
    )
    evals_per_epoch: int = Field(
        4, ge=1, description="dev evaluations per epoch, equally spaced in steps"
    )
    eval_every_steps: int = Field(
        0,
        ge=0,
        description="further dev evaluations, whenever the run's steps reach a multiple of this; "
        "0: none",
    )
    select_at: Literal["epoch", "evaluation", "last"] = Field(
        "epoch",
        description="the best model on dev is chosen among epoch ends or among all evaluations; "
        "last: the final one is taken, as it is",
    )
    select_by: Literal["rsum", "r1+r5"] = Field(
        "rsum",
        description="what the best model is best at: the sum of R@1, R@5 and R@10 of both "
        "directions, or of R@1 and R@5",
    )
    tune_images: int = Field(
        0,
        ge=0,
        description="training images, always the same ones, that are held out of training and "
        "stand in for dev: curves, stopping, selection and tuning see them alone; 0: none",
    )
    evaluate_on: Literal["test", "dev+test"] = Field(
        "test",
        description="what a finished run is counted on; dev+test: two galleries, each ranked by "
        "itself, where tune_images kept dev from every choice",
    )
    evaluate: Literal["full", "full,1k-5fold"] = Field(
        "full",
        description="how test is ranked: among all; full,1k-5fold: within folds of 1,000 images, "
        "too, as papers report COCO 1K, in columns of its own",
    )
    precision: Literal["auto", "fp32", "bf16"] = Field(
        "auto", description="auto: bf16 autocast on CUDA, fp32 elsewhere"
    )
    compile: Literal["none", "inductor"] = Field(
        "none",
        description="inductor: in training steps, torch.compile makes one graph of each encoder "
        "and pooling for every width of a batch; results differ by rounding",
    )
    stop: str = Field(
        NEVER,
        description="component spec of the stopping rule, which ends a run before its last epoch; "
        "never: none",
    )
    devices: int = Field(
        1,
        ge=1,
        le=MOST_DEVICES,
        description="devices that a run is split over: each encodes its part of every batch; "
        "negatives and gradients are those of the whole batch",
    )
    threads: int = Field(
        1, ge=1, le=MOST_THREADS, description="CPU threads of a run; part of its identity"
    )


class AnnotationProtocol(AnyProtocol):
    """Everything held equal in a comparison on the annotation task. The defaults are those
    published for VSE-ens (AAAI 2018).
    """

    name: str = Field("vse-ens", description="the preset that these values started from")
    embed_dim: int = Field(
        100, ge=1, le=WIDEST, description="size K of the vectors of images and labels"
    )
    image_vectors: Literal["auto", "free", "linear"] = Field(
        "auto",
        description="free: one for each training image; linear: a linear map of its features; "
        "auto: linear where a set divides its images into splits",
    )
    engine: Literal["sequential", "minibatch"] = Field(
        "sequential", description="one update after the other, as published, or a batch at a time"
    )
    epochs: int = Field(100, ge=1, description="rounds of round_size updates per training image")
    round_size: int = Field(100, ge=1, description="updates per training image in an epoch")
    optimiser: Literal["sgd", "adagrad", "adam"] = Field(
        "sgd", description="of the mini-batch engine; the sequential one is SGD"
    )
    lr: float = Field(0.01, gt=0, description="learning rate")
    l2_image: float = Field(
        0.01, ge=0, description="decay of image vectors, or of the map from features"
    )
    l2_label: float = Field(0.01, ge=0, description="decay of label vectors")
    init: Literal["uniform", "normal"] = Field(
        "uniform",
        description="uniform in ±init_scale, as released, or normal with that deviation, as in "
        "the paper",
    )
    init_scale: float = Field(0.01, gt=0, description="see init")
    batch_size: int = Field(1024, ge=1, description="pairs of a step of the mini-batch engine")
    negatives: int = Field(1, ge=1, description="per pair, in the mini-batch engine")
    evals_per_epoch: int = Field(
        1, ge=1, description="dev evaluations per epoch, equally spaced in updates"
    )
    stop: str = Field(
        NEVER,
        description="component spec of the stopping rule, which ends a run before its last epoch; "
        "never: none",
    )
    threads: int = Field(
        1, ge=1, le=MOST_THREADS, description="CPU threads of a run; part of its identity"
    )
