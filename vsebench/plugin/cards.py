"""Cards, on which components describe themselves: summary, paper, version, published figures.

Cards are plain data: listing components reads only cards and imports no component.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any, TypeAlias, TypeVar

    from vsebench.plugin.metrics import TaskName
    from vsebench.plugin.offline import OfflineSpec
    from vsebench.plugin.params import Scalar
    from vsebench.plugin.published import Published

    Value = TypeVar("Value")
    Claim: TypeAlias = "Value | Callable[[Mapping[str, Scalar]], Value]"
    """A statement of a card about its component; a function of the component's parameters where
    these decide.
    """

FeatureKind = Literal["region", "grid", "frames", "vector", "none"]
Counts = Mapping[str, tuple[int, int]]
Sizes = Mapping[str, int]


@dataclass(frozen=True)
class Paper:
    """Where a method comes from."""

    title: str
    year: int
    url: str = ""
    venue: str = ""
    where: str = ""  # the equation or section that defines the component


@dataclass(frozen=True)
class Card:
    """The description of a component, as `vsebench show NAME` prints it.

    Attributes:
        summary: one line.
        paper: where the method was published.
        version: version of the component's behaviour. Raise it when results change; finished runs
            are then repeated.
        published: results that the paper reports.
        notes: further information for users, one sentence each.
    """

    summary: str
    paper: Paper | None = None
    version: str = "1"
    published: tuple[Published, ...] = ()
    notes: tuple[str, ...] = ()


def claimed(claim: Claim[Value], params: Mapping[str, Scalar]) -> Value:
    """The value that a card claims for the component with these parameters."""
    return claim(params) if callable(claim) else claim


@dataclass(frozen=True)
class PoolingCard(Card):
    """Card of a pooling; use a plain `Card` to claim nothing beyond the contract. `vsebench check`
    tests the claims.

    Attributes:
        order_free: the order of an item's rows does not matter.
        graphs: largest number of graphs that `torch.compile` makes of it; 1 means no graph break.
            None claims nothing.
        kernels: names in `vsebench.plugin.routes.KERNELS` of the kernels that it uses; `vsebench
            show` prints the form that would be chosen.
    """

    order_free: Claim[bool] = False
    graphs: Claim[int | None] = None
    kernels: tuple[str, ...] = ()


@dataclass(frozen=True)
class LossCard(Card):
    """Card of a loss: its task, and what it needs beyond a batch's embeddings.

    Attributes:
        offline: offline negatives that it needs; a function of its parameters if they depend on
            them.
        sampled: whether it reads global negatives, `LossInputs.sampled`, which a sampler draws over
            the whole training set; not together with `offline`.
        extras: names in `LossInputs.extras` that it reads.
        non_negative: claims that it is never below zero.
        reduction: claims how it grows with the batch: a `sum` over its pairs, or their `mean`. None
            claims nothing. (Annotation losses are sums.)
        constants: whether it treats something computed from the embeddings as a constant
            (detached), so that its gradient is not its derivative.
    """

    task: TaskName = "retrieval"
    offline: OfflineSpec | Callable[[Mapping[str, Scalar]], OfflineSpec] | None = None
    sampled: bool = False
    extras: tuple[Literal["raw_image", "raw_text"], ...] = ()
    non_negative: Claim[bool] = False
    reduction: Claim[Literal["sum", "mean"] | None] = None
    constants: Claim[bool] = False

    def offline_for(self, params: Mapping[str, Scalar]) -> OfflineSpec | None:
        """The offline negatives needed with these parameters."""
        return claimed(self.offline, params)


@dataclass(frozen=True)
class EncoderCard(Card):
    """Card of an encoder; use a plain `Card` if none of this applies.

    Attributes:
        files: `"module:function"`; called with those of the encoder's parameters that it takes, it
            returns the paths of what these name outside the data set, such as a pretrained model.
            The content of these files is part of the component's version and so of a run's
            identity.
        frozen: whether it has a part that never trains and whose output can be kept
            (`vsebench.plugin.protocols.FrozenEncoder`).
    """

    files: str = ""
    frozen: Claim[bool] = False


@dataclass(frozen=True)
class TextEncoderCard(EncoderCard):
    """Card of a text encoder.

    Attributes:
        tokeniser: `"module:Class"` of a `Tokeniser`, created with those of the encoder's parameters
            that it takes. Without one, the encoder reads ids of words of the training captions.
    """

    tokeniser: str = ""


@dataclass(frozen=True)
class ImageEncoderCard(EncoderCard):
    """Card of an image encoder.

    Attributes:
        raw_images: whether it takes raw images (`vsebench.plugin.protocols.RawImageEncoder`)
            instead of features.
    """

    raw_images: bool = False


@dataclass(frozen=True)
class Download:
    """A file of a data set that a command may download.

    Attributes:
        name: its file name.
        urls: addresses, http or https, tried in turn.
        sha256: its SHA-256, hexadecimal; empty if none was published.
        members: files to extract from a zip archive, with the SHA-256 of each or an empty string;
            empty for a file that is used as it is.
        folder: folder of the data set for all images of a zip archive.
        only_with: value of `--with` that requests it, such as `images`; empty if always downloaded.
    """

    name: str
    urls: tuple[str, ...]
    sha256: str = ""
    members: Mapping[str, str] = field(default_factory=dict)
    folder: str = ""
    only_with: str = ""


@dataclass(frozen=True)
class DatasetCard(Card):
    """Card of a data set.

    Attributes:
        task: task of the data set.
        feature_kind: kind of a row of an image's features; `vector` (one per image) or `none` for
            an annotation set.
        features: features of its images, as published settings name them; empty if the user
            provides them.
        licence: licence of the data.
        citation: citation that its authors ask for.
        prepare: instructions, in plain text: which files to get, from where, and where to put them.
        folders: names to try under a data root, besides its own name.
        protocol: default preset.
        generated: whether it is generated, without files of the user's.
        downloads: files that `vsebench data get` may download.
        at: folder of a set with a `dataset.toml` (`vsebench.data.described`), the only place to
            look for it.
        counts: items per split as published, e.g. `{"train": (29000, 145000)}` (images, captions);
            a function of its options when they decide.
    """

    task: TaskName = "retrieval"
    feature_kind: FeatureKind = "region"
    features: str = ""
    licence: str = ""
    citation: str = ""
    prepare: str = ""
    folders: tuple[str, ...] = ()
    protocol: str = "vse-infinity"
    generated: bool = False
    downloads: tuple[Download, ...] = ()
    at: str = ""
    counts: Counts | Callable[[Mapping[str, Scalar]], Counts] = field(default_factory=dict)

    def counts_for(self, params: Mapping[str, Scalar]) -> Counts:
        """The published numbers of items with these options."""
        return self.counts(params) if callable(self.counts) else self.counts

    def published_for(self, params: Mapping[str, Scalar]) -> Mapping[str, Any]:
        """The published numbers, in the form that the checks of the task's data take."""
        return self.counts_for(params)

    def published_lines(self, params: Mapping[str, Scalar]) -> Iterator[str]:
        """The published numbers as text."""
        for split, (images, captions) in self.counts_for(params).items():
            yield f"published {split}: {images} images, {captions} captions"


@dataclass(frozen=True)
class AnnotationCard(DatasetCard):
    """Card of an annotation set.

    Attributes:
        sizes: sizes as published: `images`, `labels`, `pairs` and, where the split is published
            too, `test pairs`; a function of its options when they decide.
    """

    task: TaskName = "annotation"
    feature_kind: FeatureKind = "none"
    protocol: str = "vse-ens"
    sizes: Sizes | Callable[[Mapping[str, Scalar]], Sizes] = field(default_factory=dict)

    def sizes_for(self, params: Mapping[str, Scalar]) -> Sizes:
        """The published sizes with these options."""
        return self.sizes(params) if callable(self.sizes) else self.sizes

    def published_for(self, params: Mapping[str, Scalar]) -> Mapping[str, Any]:
        return self.sizes_for(params)

    def published_lines(self, params: Mapping[str, Scalar]) -> Iterator[str]:
        if sizes := self.sizes_for(params):
            yield f"published: {', '.join(f'{size:,} {what}' for what, size in sizes.items())}"
