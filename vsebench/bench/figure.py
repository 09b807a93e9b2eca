"""A figure of the benchmark: what is timed, against what, and how large it is."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

from vsebench.plugin.errors import SpecError, did_you_mean
from vsebench.plugin.specs import split_list

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path
    from typing import TypeVar

    import torch

    Value = TypeVar("Value")

Size = Literal["tiny", "quick", "full"]

SIZES: tuple[Size, ...] = get_args(Size)
"""`full` is the size of published work, `quick` a minute for all figures on one core, `tiny` a
rehearsal that shows that everything runs.
"""


@dataclass(frozen=True)
class Setting:
    """Where and how large a figure is measured.

    Attributes:
        device: device of the work.
        size: size of the work.
        folder: an empty folder for files, which is deleted afterwards.
    """

    device: torch.device
    size: Size
    folder: Path

    def pick(self, *, tiny: Value, quick: Value, full: Value) -> Value:
        """The value for this size."""
        return {"tiny": tiny, "quick": quick, "full": full}[self.size]


@dataclass(frozen=True)
class Work:
    """What a figure times; each side is a call without arguments.

    Attributes:
        ours: what the package does.
        reference: the plain version of the same, if there is one.
        floor: the least work that any implementation has, such as the product or the copy that
            cannot be avoided.
        agree: raises an AssertionError where `ours` and the reference differ; called once, before
            anything is timed.
        amount: how many `unit` a call of `ours` does, for a rate.
        unit: unit of `amount`.
        reference_share: the share of the work that the reference does, where all of it would take
            too long; its seconds are scaled up.
        around: what the reference is timed within; entering and leaving it takes no time.
        most: rounds at most; 1 for work that takes many seconds.
        processes: whether it runs in processes of its own, which no event of a device sees.
    """

    ours: Callable[[], object]
    reference: Callable[[], object] | None = None
    floor: Callable[[], object] | None = None
    agree: Callable[[], None] | None = None
    amount: float | None = None
    unit: str = ""
    reference_share: float = 1.0
    around: Callable[[], AbstractContextManager[object]] = nullcontext
    most: int = 15
    processes: bool = False


@dataclass(frozen=True)
class Figure:
    """A line of the table.

    Attributes:
        name: `area/what`, unique.
        make: prepares the work of a setting.
        reference: what the plain version is, in a few words; empty without one.
        floor: what the floor is; likewise.
        on_cpu: sizes at which it is measured on the CPU.
        on_cuda: sizes at which it is measured on CUDA.
    """

    name: str
    make: Callable[[Setting], Work]
    reference: str = ""
    floor: str = ""
    on_cpu: tuple[Size, ...] = SIZES
    on_cuda: tuple[Size, ...] = SIZES


def area_of(name: str) -> str:
    """The area of a figure, which its name begins with."""
    return name.partition("/")[0]


def areas_of(text: str | None, names: Sequence[str]) -> tuple[str, ...]:
    """The areas and figures that a list with commas asks for; none where all are.

    Raises:
        SpecError: none of the figures has such a name or is of such an area.
    """
    known = {area_of(name) for name in names} | set(names)
    asked = () if text is None else tuple(split_list(text))
    for each in asked:
        if each not in known:
            raise SpecError(f"no figure is called '{each}': {did_you_mean(each, known)}")
    return asked


def is_of(name: str, areas: Sequence[str]) -> bool:
    """Whether the figure of that name is asked for."""
    return not areas or name in areas or area_of(name) in areas
