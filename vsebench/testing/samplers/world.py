"""The input of samplers (images with few labels, with all but one, with all and with none), calling
a sampler inside a check, and comparing what it draws with a law.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from scipy.stats import chi2_contingency, chisquare

from vsebench.plugin import DrawKey, Positives, SamplerState
from vsebench.testing.trial import Trial

if TYPE_CHECKING:
    from typing import Any

    from torch import Tensor

    from vsebench.plugin import Draws
    from vsebench.testing.subject import Subject

LABELS, FACTORS = 11, 5
PLAIN, OTHER, ONE_LEFT, EVERY_LABEL, NO_LABEL = 0, 3, 9, 10, 11
LEFT = 4
"""The one label that image `ONE_LEFT` does not have."""

KEY = DrawKey(1, 2)


@dataclass(frozen=True)
class World:
    """Twelve images, eleven labels and their vectors; its `repr` makes it again.

    Attributes:
        seed: seed of the vectors; the labels of the images are always the same.
    """

    seed: int = 0

    def state(self) -> SamplerState:
        """What a sampler may look at."""
        rng = np.random.default_rng(3)
        few = [rng.choice(LABELS, rng.integers(1, 6), replace=False) for _ in range(9)]
        rows = [*few, np.delete(np.arange(LABELS), LEFT), np.arange(LABELS), np.zeros(0, int)]
        images = np.repeat(np.arange(len(rows)), [len(row) for row in rows])
        positives = Positives.from_pairs(images, np.concatenate(rows), len(rows), LABELS)
        generator = torch.Generator().manual_seed(self.seed)
        spread = torch.tensor([0.3, 1.0, 2.0, 0.1, 0.7])
        return SamplerState(
            0.5 * torch.randn(len(rows), FACTORS, generator=generator),
            torch.randn(LABELS, FACTORS, generator=generator) * spread,
            positives,
        )


def positive_of(state: SamplerState, image: int) -> int:
    """A label of the image; 0 where it has none."""
    row = state.positives.row(image)
    return int(row[0]) if len(row) else 0


def draw(  # noqa: PLR0913  # as a sampler's `sample`
    sampler: Any, state: SamplerState, image: int, count: int, k: int = 1, key: DrawKey = KEY
) -> Draws:
    """`count` pairs of one image and one label of it, k negatives each."""
    pair = torch.full((count,), image), torch.full((count,), positive_of(state, image))
    drawn: Draws = sampler.sample(state, *pair, k, key)
    return drawn


def ready(sampler: Any, state: SamplerState) -> Any:
    """The sampler, refreshed."""
    sampler.refresh(state)
    return sampler


RARE = 5.0
"""Expected draws of a label below which the test's law does not hold; such labels are taken
together.
"""

SIGNIFICANCE = 1e-5


def trial(
    subject: Subject, world: World | None = None, image: int = 0, count: int = 20, *, note: str = ""
) -> Trial:
    """The trial of a sampler `s` on `count` pairs of an image and a label of it."""
    world = world or World()
    positive = positive_of(world.state(), image)
    call = (
        f"s.sample(state, torch.full(({count},), {image}), torch.full(({count},), {positive}), 1, "
        "DrawKey(1, 2))"
    )
    code = (
        "import torch; from vsebench.plugin import DrawKey; from vsebench.testing import World, "
        f"build; state = {world!r}.state(); "
    )
    code += f"s = {subject.source()}; s.refresh(state); {call}"
    has = len(world.state().positives.row(image))
    return Trial(
        f"{count} draws for an image that has {has} of 11 labels{', ' if note else ''}{note}", code
    )


def counts(found: Tensor, n_labels: int) -> np.ndarray:
    """int64 [A], how often each label was drawn; draws that found nothing do not count."""
    labels = found.flatten().numpy()
    return np.bincount(labels[labels >= 0], minlength=n_labels)


def check_law(case: Trial, observed: np.ndarray, law: np.ndarray, what: str) -> None:
    """Fails unless counts [A] may come from a law [A] (chi-square)."""
    impossible = np.flatnonzero((law == 0) & (observed > 0))
    case.require(
        not len(impossible),
        what,
        expected="no label of chance 0",
        found=f"label {impossible[:1]} drawn {observed[impossible[:1]]} times",
    )
    wanted = law * observed.sum()
    rare = (wanted < RARE) & (law > 0)
    common = wanted >= RARE
    pooled = (
        np.append(observed[common], observed[rare].sum()),
        np.append(wanted[common], wanted[rare].sum()),
    )
    kept = pooled[1] > 0
    if kept.sum() < 2:
        return
    p = float(chisquare(pooled[0][kept], pooled[1][kept]).pvalue)
    worst = int(np.argmax(np.abs(observed - wanted) / np.sqrt(np.maximum(wanted, 1))))
    found = (
        f"label {worst} {observed[worst]} times instead of {wanted[worst]:.0f} (chi-square p = "
        f"{p:.1g})"
    )
    case.require(p > SIGNIFICANCE, what, expected="counts that follow the law", found=found)


def check_same_law(case: Trial, one: np.ndarray, other: np.ndarray, what: str) -> None:
    """Fails unless two counts [A] may come from one law (chi-square test of homogeneity)."""
    both = one + other
    table = np.array(
        [np.append(each[both >= 2 * RARE], each[both < 2 * RARE].sum()) for each in (one, other)]
    )
    table = table[:, table.sum(axis=0) > 0]
    if table.shape[1] < 2 or (table.sum(axis=1) == 0).any():
        case.require(
            bool((table.sum(axis=1) > 0).all() or both.sum() == 0),
            what,
            expected="draws from both",
            found="draws from one only",
        )
        return
    p = float(chi2_contingency(table).pvalue)
    worst = int(np.argmax(np.abs(one / max(one.sum(), 1) - other / max(other.sum(), 1))))
    found = (
        f"label {worst} {one[worst]} of {one.sum()} times and {other[worst]} of {other.sum()} "
        f"(chi-square p = {p:.1g})"
    )
    case.require(p > SIGNIFICANCE, what, expected="the same chances", found=found)
