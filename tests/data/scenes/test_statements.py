from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.oracles.captions import fits, lies
from vsebench.data.scenes.blocks import Block, generate
from vsebench.data.scenes.options import BLOCK, Options
from vsebench.data.scenes.statements import APART, UNSAID, Relation, Statements, relate


@pytest.fixture(scope="module")
def block() -> Block:
    return generate(Options(), "train", 0)


def test_relations_equal_the_oracle():
    rng = np.random.default_rng(0)
    a, b = rng.uniform(-1, 1, (2, 500, 2))
    a[:5] = b[:5] + np.array(
        [[APART + 1e-9, 0], [-APART - 1e-9, 0], [0.3, 0.2], [0, APART + 1e-9], [0.5, -0.6]]
    )
    assert relate(a, b).tolist() == [lies(x, y) for x, y in zip(a, b, strict=True)]
    assert set(relate(a, b)) == set(Relation)
    assert relate(np.array([0.5, 0.1]), np.array([-0.5, 0.2])) == Relation.RIGHT
    assert relate(np.array([0.1, -0.9]), np.array([0.0, 0.2])) == Relation.BELOW


def test_captions_are_true_of_their_images_but_for_the_wrong_attributes(block):
    true = [
        fits(block.statements, c, block.scenes, i) for c, i in enumerate(block.statements.image)
    ]
    assert 0.9 < np.mean(true) < 1


def test_captions_fit_other_images_too_but_say_something(block):
    fitting = np.array(
        [
            sum(fits(block.statements, c, block.scenes, i) for i in range(BLOCK))
            for c in range(0, 5 * BLOCK, 5)
        ]
    )
    assert (fitting > 1).mean() > 0.15
    assert np.median(fitting) <= 3


def _carried_carries(said: Statements) -> Statements:
    """The same words, but what is carried carries."""
    both = (said.kind != UNSAID) & (said.cargo != UNSAID)
    return replace(
        said,
        kind=np.where(both, said.cargo, said.kind),
        cargo=np.where(both, said.kind, said.cargo),
    )


def _second_first(said: Statements) -> Statements:
    """The same words, but the second object has the first's relation to it."""
    related = said.relation != UNSAID
    columns = {
        name: getattr(said, name).copy()
        for name in ("kind", "family", "cargo", "colour", "material", "size")
    }
    for values in columns.values():
        values[related, :2] = values[related, 1::-1]
    return replace(said, **columns)


def _colours_exchanged(said: Statements) -> Statements:
    """The same words, but the first two objects have each other's colours."""
    return replace(said, colour=said.colour[:, [1, 0, 2]])


@pytest.mark.parametrize("reorder", [_carried_carries, _second_first, _colours_exchanged])
def test_word_order_tells_near_duplicates_apart(reorder):
    """There are captions that are false of a near-duplicate, and would be true of it with the same
    words in another order.
    """
    told = 0
    for index in range(4):
        block = generate(Options(), "train", index)
        said, scenes = block.statements, block.scenes
        other = reorder(said)
        for c, i in enumerate(said.image):
            for j in np.flatnonzero((scenes.group == scenes.group[i]) & (np.arange(BLOCK) != i)):
                told += (
                    fits(said, c, scenes, i)
                    and not fits(said, c, scenes, j)
                    and fits(other, c, scenes, j)
                )
    assert told >= 5


def test_each_thing_is_said_of_its_share(block):
    blocks = [block, *(generate(Options(), "train", i) for i in range(1, 6))]

    def share(name: str) -> float:
        values = np.concatenate([getattr(b.statements, name) for b in blocks])
        kind = np.concatenate([b.statements.kind for b in blocks])
        family = np.concatenate([b.statements.family for b in blocks])
        mentioned = (kind != UNSAID) | (family != UNSAID)
        return float(
            (values != UNSAID)[mentioned].mean() if values.ndim == 2 else (values != UNSAID).mean()
        )

    expected = {
        "family": 0.05,
        "colour": 0.55,
        "material": 0.2,
        "size": 0.25,
        "cargo": 0.35,
        "setting": 0.3,
        "relation": 0.8 * 0.6,
    }
    assert {name: share(name) for name in expected} == pytest.approx(expected, abs=0.03)
