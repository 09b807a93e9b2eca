"""Calling a sampler inside a check, and comparing what it draws with a law."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import chi2_contingency, chisquare

from vsebench.testing.samplers.world import World, positive_of
from vsebench.testing.trial import Trial

if TYPE_CHECKING:
    from torch import Tensor

    from vsebench.testing.subject import Subject

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
