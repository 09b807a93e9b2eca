"""The nodes of a batch against the distinct beginnings of its items, which Python's sets count."""

from __future__ import annotations

import pytest
import torch

from vsebench.kernels.prefixes_numba import Ragged, read

IDS = 5


def captions(count: int, longest: int, seed: int) -> list[list[int]]:
    generator = torch.Generator().manual_seed(seed)
    lengths = torch.randint(longest + 1, (count,), generator=generator).tolist()
    return [torch.randint(IDS, (n,), generator=generator).tolist() for n in lengths]


def ragged(items: list[list[int]]) -> tuple[list[int], Ragged]:
    words = torch.full((len(items), max(map(len, items), default=0)), -1)
    for row, item in zip(words, items, strict=True):
        row[: len(item)] = torch.tensor(item)
    found, batch = read(words, torch.tensor([len(item) for item in items]), IDS)
    return found.tolist(), batch


def path(batch: Ragged, d: int, step: int, node: int) -> list[int]:
    """The words on the way from the root to a node, as its first items have them."""
    words: list[int] = []
    while step >= 0:
        i = batch.first[d, batch.steps[step, d, 0] + node]
        position = step if d == 0 else batch.lengths[i] - 1 - step
        words.insert(0, int(batch.where[batch.items[i], position]))
        node = int(batch.parent[d, batch.steps[step, d, 0] + node])
        step -= 1
    return words


CASES = {
    "random": captions(40, 6, 0),
    "equal": [[1, 2, 3]] * 4,
    "nested": [[1, 2, 3], [1, 2], [1], [], [2, 3], [3]],
    "one": [[4]],
    "empty items": [[], []],
}


@pytest.mark.parametrize("items", CASES.values(), ids=CASES)
def test_every_distinct_beginning_is_one_node(items: list[list[int]]) -> None:
    found, batch = ragged(items)
    for d in (0, 1):
        read_in_order = [item[:: 1 if d == 0 else -1] for item in items]
        parents = 1
        for step in range(max(map(len, items))):
            expected = {tuple(item[: step + 1]) for item in read_in_order if len(item) > step}
            with_children = {tuple(i[: step + 1]) for i in read_in_order if len(i) > step + 1}
            start, count, before, inner = batch.steps[step, d].tolist()
            paths = [
                tuple(found[word] for word in path(batch, d, step, node)) for node in range(count)
            ]
            assert set(paths) == expected
            assert len(paths) == len(expected)
            assert set(paths[:inner]) == with_children
            assert before == parents
            parents += inner
            for node, words in enumerate(paths):  # the items that pass through it
                through, i = [], int(batch.first[d, start + node])
                while i >= 0:
                    through.append(int(batch.items[i]))
                    i = int(batch.follow[d, step, i])
                assert sorted(through) == [
                    b for b, item in enumerate(read_in_order) if tuple(item[: step + 1]) == words
                ]
        assert batch.parents_in_all[d] == parents
    larger = [max(steps[:, 3].tolist()) for steps in batch.steps]
    assert batch.parents == [1, *larger]


@pytest.mark.parametrize("items", CASES.values(), ids=CASES)
def test_children_come_in_the_order_of_their_parents(items: list[list[int]]) -> None:
    """A child whose parent no child before it had is that of the next parent."""
    _, batch = ragged(items)
    for d in (0, 1):
        for start, count, _, _ in batch.steps[:, d].tolist():
            opened = 0
            for parent in batch.parent[d, start : start + count].tolist():
                assert parent <= opened
                opened += parent == opened


def test_equal_captions_cost_as_much_as_one() -> None:
    _, one = ragged([[1, 2, 3]])
    _, many = ragged([[1, 2, 3]] * 100)
    assert many.most_nodes == one.most_nodes == 3
    assert many.most_parents == one.most_parents == 3
