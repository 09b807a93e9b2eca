"""Which published results name a component, and in what a run differs from the setting of one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from vsebench.plugin.cards import DatasetCard
from vsebench.plugin.metrics import RECALLS
from vsebench.plugin.published import Setting
from vsebench.plugin.specs import parse_spec
from vsebench.results.presets import PRESETS
from vsebench.results.protocol import Protocol
from vsebench.results.spec import RunSpec

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from vsebench.plugin.registry import Registry
    from vsebench.results.components import ComponentRef
    from vsebench.results.run_base import RunBase

COMPARED = (*RECALLS, "rsum")
"""The metrics by which a run is compared with a published result."""

NEUTRAL = ("devices", "threads", "precision", "evals_per_epoch", "eval_every_steps")
"""Protocol keys that say how a run is computed and watched, not what it trains: a difference in
them is remarked and does not forbid the comparison.
"""

_TOWERS = "two towers"
_ENCODERS = {slot.field for slot in RunSpec.slots() if slot.held_equal and slot.in_model}


@dataclass(frozen=True)
class Reference:
    """A published result that runs can be matched to."""

    setting: Setting
    metrics: Mapping[str, float]
    source: str


class Difference(NamedTuple):
    """A condition that a run and a published result do not share."""

    what: str
    ours: str
    published: str

    @property
    def in_protocol(self) -> bool:
        """Whether it is a key of the protocol, not a component or what is tested."""
        return self.what in Protocol.model_fields

    def __str__(self) -> str:
        return f"{self.what} {self.ours} (published: {self.published})"


def references(name: str | None, registry: Registry) -> list[Reference]:
    """The published results, of all cards, whose setting names a component: the figures of GPO with
    `triplet` are on GPO's card and belong to both.

    Args:
        name: name of a component of any kind, bare; None for the published results of all.
        registry: where the cards are.
    """
    found = []
    for component in registry:
        for row in component.card.published:
            metrics = {key: row.metrics[key] for key in COMPARED if key in row.metrics}
            if (
                isinstance(row.setting, Setting)
                and metrics
                and (name is None or name in _names(row.setting))
            ):
                found.append(Reference(row.setting, metrics, row.source))
    return found


def uses(spec: RunBase, name: str) -> bool:
    """Whether a run is made with the component `name` or `dist::name`. Of those that the protocol
    names, the encoders count; its warm-up loss, its batch plan and its stopping rule do not.
    """
    distribution, _, bare = name.rpartition("::")
    return any(
        _bare(ref.name) == bare and distribution in ("", ref.distribution)
        for slot, ref in spec.components()
        if slot.in_model or not slot.held_equal
    )


def features_of(spec: RunSpec, registry: Registry) -> str:
    """The features that a run's images come with, as the data set's card says; empty when it does
    not, or the data set is not installed here.
    """
    cards = [c.card for c in registry.find(spec.dataset.name) if c.kind == "dataset"]
    return cards[0].features if cards and isinstance(cards[0], DatasetCard) else ""


def differences(spec: RunSpec, features: str, setting: Setting) -> list[Difference]:
    """Every condition in which a run differs from a published setting, neutral ones included.

    Args:
        spec: spec of the run, which is one model.
        features: what its images' features are.
        setting: the published one.
    """
    own = setting.model != ""  # what such a model has in a component's place is left empty
    pairs = (
        ("data set", spec.dataset.spec, setting.dataset),
        ("evaluation", _evaluation(spec.protocol, setting), setting.evaluation),
        ("features", features or "unknown", setting.features),
        ("model", _TOWERS, setting.model or _TOWERS),
        ("models averaged", "1", str(setting.models)),
        ("image encoder", _bare(spec.image_encoder.name), setting.image_encoder),
        ("text encoder", _bare(spec.text_encoder.name), setting.text_encoder),
        ("pooling", _pooling(spec.image_pooling, spec.text_pooling), setting.pooling),
        ("similarity", _bare(spec.similarity.spec), "dot"),
        ("loss", _bare(spec.loss.spec), setting.loss),
    )
    found = [
        Difference(what, ours, published)
        for what, ours, published in pairs
        if ours != published and (published or not own)
    ]
    return [*found, *_protocol(spec.protocol, setting)]


def _evaluation(ours: Protocol, setting: Setting) -> str:
    """How test was ranked: as the published result was, where the run did so, too."""
    return setting.evaluation if setting.evaluation in ours.evaluate.split(",") else "full"


def _protocol(ours: Protocol, setting: Setting) -> Iterator[Difference]:
    preset = PRESETS.get(setting.protocol)
    if preset is None:
        yield Difference("protocol", ours.name, setting.protocol or "the paper's own")
        return
    published = {**preset.model_dump(), **setting.changes}
    for key, mine in ours.model_dump().items():
        theirs = published[key]
        # Which is a difference in components
        another_encoder = key in _ENCODERS and _name(mine) != _name(theirs)
        if key not in ("name", "evaluate") and mine != theirs and not another_encoder:
            yield Difference(key, _word(mine), _word(theirs))


def _names(setting: Setting) -> set[str]:
    """The bare names of everything that a setting is made of."""
    specs = (
        setting.dataset,
        *setting.pooling.split("/"),
        setting.loss,
        setting.image_encoder,
        setting.text_encoder,
    )
    return {_name(spec) for spec in specs if spec}


def _name(spec: str) -> str:
    return _bare(parse_spec(spec)[0])


def _bare(spec: str) -> str:
    """Without the distribution that is written before a name which several claim."""
    return spec.rpartition("::")[2]


def _pooling(image: ComponentRef, text: ComponentRef) -> str:
    sides = _bare(image.spec), _bare(text.spec)
    return sides[0] if sides[0] == sides[1] else "/".join(sides)


def _word(value: Any) -> str:
    return (
        str(value).lower()
        if isinstance(value, bool)
        else f"{value:g}"
        if isinstance(value, float)
        else str(value)
    )
