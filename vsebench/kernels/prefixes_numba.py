"""The order in which a bidirectional GRU works on a ragged batch, for float32 on the CPU: every
distinct beginning of its items once.

A state depends on the words read so far and on nothing else, so that items which begin alike share
their states until they part, and those which end alike share the backward direction's. Such a
beginning is a node of a tree, one for each direction; the root has read nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch

from vsebench.kernels.compiled import array
from vsebench.kernels.jit import jit

if TYPE_CHECKING:
    from torch import Tensor


class Ragged(NamedTuple):
    """A batch in the order in which the recurrence works on it. The nodes of each direction are
    numbered step by step; at each step those that have children come first.

    Attributes:
        first: int32 [2, ≥ M], an item that passes through each node, by its place in `items`.
        parent: int32 [2, ≥ M], the place of each one's parent among the nodes of the step before.
        follow: int32 [2, S, B], the next item that passes through the same node at a step; −1 after
            the last.
        steps: int64 [S, 2, 4], of each step in each direction: its first node; how many it has; how
            many have children among the root and the nodes of all steps before; how many of its
            own have.
        where: int32 [B, N], the row of the inputs that each position reads.
        items: int64 [B], longest first.
        lengths: int64 [B], of these.
        parents: nodes with children of the step before each step, in the direction that has more of
            them; 1, the root, for the first step, and 0 after the last.
    """

    first: np.ndarray
    parent: np.ndarray
    follow: np.ndarray
    steps: np.ndarray
    where: np.ndarray
    items: np.ndarray
    lengths: np.ndarray
    parents: list[int]

    @property
    def most_nodes(self) -> int:
        """M, of the direction that has more nodes."""
        return int(self.steps[:, :, 1].sum(0).max(initial=0))

    @property
    def parents_in_all(self) -> list[int]:
        """Nodes that have children in each direction, the root among them."""
        numbers: list[int] = (1 + self.steps[:, :, 3].sum(0)).tolist()
        return numbers

    @property
    def most_parents(self) -> int:
        """The larger of them."""
        return max(self.parents_in_all)


def read(words: Tensor, lengths: Tensor, ids: int) -> tuple[Tensor, Ragged]:
    """The ids that occur in a batch, int64 [U], and the batch with ids replaced by their index in
    it.

    Args:
        words: int64 [B, N].
        lengths: int64 [B].
        ids: number of ids.

    Raises:
        IndexError: an id is not below `ids`.
    """
    sizes = array(lengths).clip(0, words.shape[1])
    where, numbers = np.zeros(words.shape, np.int32), np.full(ids, -1, np.int32)
    found = np.empty(min(ids, words.numel()), np.int64)
    count = number(array(words), sizes, where, numbers, found)
    if count < 0:
        raise IndexError(f"a word of the batch has an id that is not within 0..{ids - 1}")
    items = np.argsort(-sizes, kind="stable")
    ordered = sizes[items]
    running = np.searchsorted(-ordered, -np.arange(ordered.max(initial=0)))
    first, parent = np.empty((2, 2, running.sum()), np.int32)
    follow = np.empty((2, len(running), len(items)), np.int32)
    steps = np.zeros((len(running), 2, 4), np.int64)
    grow(where, items, ordered, running, count, first, parent, follow, steps)
    parents = [1, *steps[:, :, 3].max(1).tolist()]
    ragged = Ragged(first, parent, follow, steps, where, items, ordered, parents)
    return torch.from_numpy(found[:count]), ragged


@jit
def number(
    words: np.ndarray,
    lengths: np.ndarray,
    where: np.ndarray,
    numbers: np.ndarray,
    found: np.ndarray,
) -> int:
    """Numbers the ids that `words` [B, N] hold within `lengths` [B], in the order in which they
    come.

    Fills `where` int32 [B, N] with the number of each word, `numbers` int32 [ids], all −1 before,
    with the number of each id that occurs, and `found` with these ids.

    Returns:
        Their number; −1 if a word is not an id.
    """
    count = 0
    for b in range(words.shape[0]):
        for i in range(lengths[b]):
            word = words[b, i]
            if word < 0 or word >= len(numbers):
                return -1
            if numbers[word] < 0:
                numbers[word] = count
                found[count] = word
                count += 1
            where[b, i] = numbers[word]
    return count


@jit
def grow(
    where: np.ndarray,
    items: np.ndarray,
    lengths: np.ndarray,
    running: np.ndarray,
    words: int,
    first: np.ndarray,
    parent: np.ndarray,
    follow: np.ndarray,
    steps: np.ndarray,
) -> None:
    """Finds the nodes of both directions.

    As items come longest first, nodes numbered as items come to them have the longest first, too,
    and therefore those with children; their children come in the same order.

    Args:
        where: see `Ragged`, which has all but `running` and `words`.
        items: see `where`.
        lengths: see `where`.
        running: int64 [S], items that have a word at each step.
        words: number of distinct words.
        first: see `Ragged`; filled, like the next three.
        parent: see `first`.
        follow: see `first`.
        steps: see `first`; 0 before.
    """
    last = np.empty(first.shape[1], np.int32)  # item that came to each node
    same_word = np.empty(first.shape[1], np.int32)  # node before it that ends in the same word
    reached = np.zeros(len(items), np.int32)
    for d in range(2):
        newest = np.full(words, -1, np.int32)
        start, parents = 0, 1
        for step in range(len(running)):
            end = start
            for i in range(running[step]):
                word = where[items[i], step if d == 0 else lengths[i] - 1 - step]
                above = reached[i] if step else 0
                node = newest[word]
                while node >= start and parent[d, node] != above:
                    node = same_word[node]
                if node >= start:
                    follow[d, step, last[node]] = i
                else:
                    node = end
                    first[d, node], parent[d, node] = i, above
                    same_word[node], newest[word] = newest[word], node
                    end += 1
                    if step and above == steps[step - 1, d, 3]:
                        steps[step - 1, d, 3] += 1
                last[node], follow[d, step, i] = i, -1
                reached[i] = node - start
            if step:
                parents += steps[step - 1, d, 3]
            steps[step, d, 0], steps[step, d, 1], steps[step, d, 2] = start, end - start, parents
            start = end
