"""The kinds of components. Everything that is printed, checked or written per kind follows from
this list: a new kind is one more entry.

Other packages keep what they have for a kind, such as its promises or its template, under the
kind's name.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from vsebench.plugin.cards import Card, DatasetCard, LossCard
from vsebench.plugin.errors import SpecError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class Kind:
    """One kind of component.

    Attributes:
        name: the kind as commands, records and `vsebench.create` spell it.
        noun: the kind as sentences call it.
        plural: the end of its hook's name. Kinds of one plural share that hook and differ in
            `side`.
        summary: what a component of the kind does, in one line.
        roles: the protocols of `vsebench.plugin` of which its classes play one.
        option: the option of `vsebench run` that uses a component, whose spec is `NAME`.
        context: what the suite may tell a component when it is created; a class takes what its
            `__init__` names.
        card: the class of its cards.
        side: the tower that it serves, in `register(…, side=…)`; empty where its hook registers no
            other kind.
    """

    name: str
    noun: str
    plural: str
    summary: str
    roles: tuple[str, ...]
    option: str
    context: frozenset[str] = frozenset()
    card: type[Card] = Card
    side: str = ""

    @property
    def hook(self) -> str:
        """The name of the hook that registers components of the kind."""
        return f"vsebench_register_{self.plural}"

    @property
    def family(self) -> str:
        """Its name without the side: the kinds `image-encoder` and `text-encoder` are encoders."""
        return self.name.removeprefix(f"{self.side}-")


KINDS: Mapping[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind(
            "pooling",
            "pooling",
            "poolings",
            "pools an item's local features into one embedding",
            roles=("Pooling",),
            option="--pooling NAME",
            context=frozenset({"dim"}),
        ),
        Kind(
            "similarity",
            "similarity",
            "similarities",
            "scores image embeddings against text embeddings",
            roles=("Similarity",),
            option="--similarity NAME",
            context=frozenset({"dim"}),
        ),
        Kind(
            "loss",
            "loss",
            "losses",
            "is minimised by training, on any task",
            roles=("Loss", "RankingLoss", "PatternLoss"),
            option="--loss NAME",
            context=frozenset({"dim", "batch_size"}),
            card=LossCard,
        ),
        Kind(
            "sampler",
            "negative sampler",
            "samplers",
            "draws negatives for label ranking, or for a loss with global negatives",
            roles=("Sampler",),
            option="--sampler NAME",
        ),
        Kind(
            "batch-plan",
            "batch plan",
            "batch_plans",
            "orders the training captions of an epoch",
            roles=("BatchPlan",),
            option="--set batch_plan=NAME",
            context=frozenset({"batch_size"}),
        ),
        Kind(
            "stopping-rule",
            "stopping rule",
            "stopping_rules",
            "ends training before the last epoch",
            roles=("StoppingRule",),
            option="--set stop=NAME",
        ),
        Kind(
            "dataset",
            "data set",
            "datasets",
            "opens images with captions or with labels, or sets of vectors",
            roles=("Dataset",),
            option="--dataset NAME",
            context=frozenset({"strict"}),
            card=DatasetCard,
        ),
        Kind(
            "image-encoder",
            "image encoder",
            "encoders",
            "maps an image's features, or its pixels, to local features of the shared space",
            roles=("ImageEncoder", "RawImageEncoder", "FrozenEncoder"),
            option="--set image_encoder=NAME",
            context=frozenset({"in_dim", "dim"}),
            side="image",
        ),
        Kind(
            "text-encoder",
            "text encoder",
            "encoders",
            "maps a caption's tokens to local features of the shared space",
            roles=("TextEncoder", "FrozenEncoder"),
            option="--set text_encoder=NAME",
            context=frozenset({"vocabulary_size", "word_dim", "dim"}),
            side="text",
        ),
        Kind(
            "executor",
            "executor",
            "executors",
            "runs a suite's runs somewhere",
            roles=("Executor",),
            option="--executor NAME",
            context=frozenset({"workers", "devices"}),
        ),
    )
}
"""By name, in the order in which components are listed."""


def kind_named(name: str) -> Kind:
    """The kind of that name.

    Raises:
        SpecError: there is none; with the nearest match.
    """
    if name not in KINDS:
        raise SpecError(f"unknown kind of component '{name}': {did_you_mean(name, KINDS)}")
    return KINDS[name]


def kinds_of(hook: str) -> dict[str, Kind]:
    """The kinds that a hook registers, by side; none for a hook that registers no components."""
    return {kind.side: kind for kind in KINDS.values() if kind.hook == hook}
