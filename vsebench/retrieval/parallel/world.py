"""The ranks that a run is split over, as one of them sees them; a run on one device is `ALONE`."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING, Any, TypeVar

import torch

from vsebench.plugin import VsebenchError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager

    from torch import Tensor

    from vsebench.plugin import Key

T = TypeVar("T")


LOST = "another rank is lost"
"""Message of a rank that ends because of another."""


class RankLostError(VsebenchError):
    """Another rank of the run has ended or stopped responding."""


def part_of(count: int, rank: int, size: int) -> slice:
    """The items of `count` that one of `size` ranks has: as equal parts as can be, in order, the
    larger ones first.
    """
    whole, left = divmod(count, size)
    start = rank * whole + min(rank, left)
    return slice(start, start + whole + (rank < left))


class World:
    """The ranks of a run on one device: one. Everything that ranks do together is the plain thing.

    Attributes:
        rank: rank of this process.
        size: number of ranks.
        device: device of this process where there are several.
    """

    rank = 0
    size = 1
    device = torch.device("cpu")

    @property
    def leads(self) -> bool:
        """Whether this rank decides, writes and reports."""
        return self.rank == 0

    def part(self, count: int) -> slice:
        """The part of a batch of `count` items that this rank encodes."""
        return part_of(count, self.rank, self.size)

    def share(self, count: int) -> float:
        """The size of that part as a share of the batch, from 0 to 1."""
        return len(range(count)[self.part(count)]) / count

    def gather(self, part: Tensor, count: int) -> Tensor:  # noqa: ARG002  # of one rank, the whole
        """The whole batch from each rank's part, in order.

        Args:
            part: [n, ...], what this rank has made of its part.
            count: items of the batch.

        Returns:
            [count, ...]; the gradient of this rank's part is that of its rows, so that every rank
            must compute the same of the whole.
        """
        return part

    def sum(self, values: Tensor) -> Tensor:
        """The sum of every rank's values, in their place."""
        return values

    def every(self, value: T) -> list[T]:
        """Every rank's value, by rank."""
        return [value]

    def agree(self, make: Callable[[], T]) -> T:
        """The leading rank's result of `make`, which the others do not call."""
        return make()

    def seed(self, key: Key) -> None:
        """Seeds torch's random numbers: of dropout and the like each rank has its own."""
        torch.manual_seed(key.seed())

    def same_numbers(self) -> AbstractContextManager[object]:
        """Within it, torch's random numbers are the same on every rank."""
        return nullcontext()

    def check_same(self, modules: Sequence[tuple[str, Any]]) -> None:
        """Checks that every rank has the same state of some modules, by name.

        Raises:
            VsebenchError: the ranks have drifted apart.
        """

    def __deepcopy__(self, memo: object) -> World:
        return self


ALONE = World()
