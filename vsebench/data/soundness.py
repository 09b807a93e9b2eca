"""What sets of either task are checked for: three splits, each sound, of one width."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from vsebench.plugin import DataError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import numpy as np

SPLITS = ("train", "dev", "test")

Split = TypeVar("Split")


def check_splits(name: str, splits: Mapping[str, Split], check: Callable[[Split], None]) -> None:
    """Checks that a set has its three splits and that each is sound.

    Args:
        name: of the data set.
        splits: by name.
        check: raises DataError for an unsound one.

    Raises:
        DataError: what is wrong with which split.
    """
    for split in SPLITS:
        if split not in splits:
            raise DataError(
                f"data set '{name}' has no split '{split}': it has {', '.join(splits) or 'none'}"
            )
        try:
            check(splits[split])
        except DataError as error:
            raise DataError(f"data set '{name}', split '{split}': {error}") from None


def check_widths(name: str, widths: Mapping[str, int]) -> None:
    """Checks that the features of all splits have one width.

    Raises:
        DataError: they do not.
    """
    if len(set(widths.values())) > 1:
        raise DataError(
            f"data set '{name}' has features of different widths: "
            f"{', '.join(f'{split} {width}' for split, width in widths.items())}"
        )


def first(bad: np.ndarray) -> int | None:
    """The index of the first true one; None of none."""
    return int(bad.argmax()) if bad.any() else None
