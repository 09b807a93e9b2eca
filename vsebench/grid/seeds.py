"""Seeds as a person writes them: `0`, `0,1,2`, `0-5`."""

from __future__ import annotations

import re

from vsebench.plugin.errors import SpecError

_ITEM = re.compile(r"(\d+)(?:-(\d+))?")


def parse_seeds(value: object) -> tuple[int, ...]:
    """The seeds that `value` lists; a range includes both ends. Never a count: `3` is the one seed
    3.

    Args:
        value: text, an integer, or a sequence of either.

    Raises:
        SpecError: not a list or a range of integers from 0, a range that runs backwards, or a seed
            given twice.
    """
    items = (
        value.split(",")
        if isinstance(value, str)
        else value
        if isinstance(value, list | tuple)
        else [value]
    )
    seeds = [seed for item in items for seed in _expand(item)]
    if not seeds:
        raise SpecError("no seed is given: write a list or a range, such as 0,1,2 or 0-5")
    repeated = next((seed for seed in seeds if seeds.count(seed) > 1), None)
    if repeated is not None:
        raise SpecError(f"seed {repeated} is given twice")
    return tuple(seeds)


def _expand(item: object) -> range:
    match = _ITEM.fullmatch(str(item).strip())
    if match is None or isinstance(item, bool):
        raise SpecError(
            f"seeds are a list or a range of integers from 0, such as 0,1,2 or 0-5; got '{item}'"
        )
    first = int(match[1])
    last = int(match[2] or first)
    if last < first:
        raise SpecError(f"the range of seeds '{item}' runs backwards: write {last}-{first}")
    if last - first >= 10_000:
        raise SpecError(f"the range of seeds '{item}' has more than 10,000 seeds")
    return range(first, last + 1)
