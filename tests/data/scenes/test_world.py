from __future__ import annotations

from collections import Counter, defaultdict

import numpy as np
import pytest

from vsebench.data.scenes.blocks import BLOCK, Options, generate
from vsebench.data.scenes.world import (
    CLASSES,
    MEMBERS,
    Change,
    Scenes,
    draw_objects,
    draw_scenes,
    world,
)


@pytest.fixture(scope="module")
def scenes() -> Scenes:
    return draw_scenes(np.random.default_rng(0), 3000)


def test_objects_are_drawn_in_proportion_to_their_weight():
    weight = np.broadcast_to(np.array([4.0, 2.0, 1.0, 0.0]), (20_000, 4))
    drawn = draw_objects(np.random.default_rng(0), weight, 4)
    assert (np.sort(drawn, axis=1) == np.arange(4)).all()
    assert (drawn[:, 3] == 3).all()
    first = np.bincount(drawn[:, 0], minlength=4) / len(drawn)
    np.testing.assert_allclose(first, [4 / 7, 2 / 7, 1 / 7, 0], atol=0.02)
    second = np.bincount(drawn[drawn[:, 0] == 0, 1], minlength=4)
    np.testing.assert_allclose(second / second.sum(), [0, 2 / 3, 1 / 3, 0], atol=0.02)


def test_ranges(scenes):
    assert set(scenes.count) == {3, 4, 5}
    for values, size in (
        (scenes.kind, CLASSES),
        (scenes.cargo, CLASSES),
        (scenes.colour, 10),
        (scenes.material, 6),
        (scenes.size, 3),
        (scenes.setting, 10),
    ):
        assert (values.min(), values.max()) == (0, size - 1)
    assert np.abs(scenes.place).max() <= 1
    present = np.arange(5) < scenes.count[:, None]
    assert ((scenes.salience > 0) == present).all()


def test_families_are_at_home_in_some_settings():
    weights = world().class_weights.reshape(10, CLASSES // MEMBERS, MEMBERS).sum(2)
    np.testing.assert_allclose(weights.sum(1), 1)
    assert (np.sort(weights, axis=1)[:, -3:].sum(1) > 0.5).all()


def _differences(a: dict, b: dict) -> set[tuple[str, int]]:
    return {
        (name, column)
        for name in a
        for column in range(5)
        if not np.array_equal(a[name][column], b[name][column])
    }


def _change(scenes: Scenes, i: int, j: int) -> Change | None:
    """The one change that makes scene j of scene i, if one does."""
    names = ("kind", "cargo", "colour", "material", "size", "place")
    a, b = ({name: getattr(scenes, name)[k] for name in names} for k in (i, j))
    changed = _differences(a, b)
    kinds = {name for name, _ in changed}
    if len(changed) == 1:
        ((name, column),) = changed
        if name == "kind":
            return (
                Change.SIBLING
                if a["kind"][column] // MEMBERS == b["kind"][column] // MEMBERS
                else None
            )
        return {"colour": Change.COLOUR, "material": Change.MATERIAL, "size": Change.SIZE}.get(name)
    if len(changed) != 2:
        return None
    (_, x), (_, y) = changed
    if kinds == {"kind", "cargo"} and x == y:
        return (
            Change.CARGO if (a["kind"][x], a["cargo"][x]) == (b["cargo"][x], b["kind"][x]) else None
        )
    for name, change in (("place", Change.PLACES), ("colour", Change.COLOURS)):
        if (
            kinds == {name}
            and np.array_equal(a[name][x], b[name][y])
            and np.array_equal(a[name][y], b[name][x])
        ):
            return change
    return None


def test_near_duplicates_differ_by_one_change_of_every_sort(scenes):
    groups = defaultdict(list)
    for i, group in enumerate(scenes.group):
        groups[group].append(i)
    sizes = Counter(map(len, groups.values()))
    assert set(sizes) == {1, 2, 3}
    assert 0.45 < 1 - sizes[1] / len(scenes.group) < 0.63
    found = Counter(_change(scenes, *pair) for pair in groups.values() if len(pair) == 2)
    assert set(found) == set(Change), (
        "every pair differs by one change, and every sort of change occurs"
    )
    for members in groups.values():
        if len(members) == 3:
            assert sum(
                _change(scenes, i, j) is not None for i in members for j in members if i < j
            ) >= 2 or _twice_alike(scenes, members)
        for member in members:
            assert scenes.setting[member] == scenes.setting[members[0]]
            np.testing.assert_array_equal(scenes.salience[member], scenes.salience[members[0]])


def _twice_alike(scenes: Scenes, members: list[int]) -> bool:
    """Two near-duplicates of one scene may happen to be the same."""
    names = ("kind", "cargo", "colour", "material", "size", "place")
    return any(
        all(np.array_equal(getattr(scenes, n)[i], getattr(scenes, n)[j]) for n in names)
        for i in members
        for j in members
        if i < j
    )


def test_near_duplicates_are_not_neighbours(scenes):
    beside = (np.diff(scenes.group) == 0).sum()
    assert beside < 10


def test_no_scene_is_in_two_splits_and_groups_stay_in_a_block():
    options = Options(images=4 * BLOCK)
    places = {}
    for split, blocks in (("train", 4), ("dev", 1), ("test", 1)):
        for index in range(blocks):
            block = generate(options, split, index).scenes
            assert ((block.group // BLOCK) == index).all()
            places[split, index] = {
                p for row in block.place.round(12).tolist() for p in map(tuple, row)
            }
    everything = [p for found in places.values() for p in found]
    assert len(everything) == len(set(everything)), (
        "places are drawn afresh for every scene, so a shared one shows a shared scene"
    )
