"""Simulations as tables that people read."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING

from tabulate import tabulate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.cluster.outcome import Outcome

_MINUTE, _HOUR = 60, 3600
WAYS = {True: "a command on every machine", False: "one command for all machines"}


def grids(outcomes: Sequence[Outcome]) -> str:
    """What grids took, a column for each."""
    purposes = sorted({purpose for each in outcomes for purpose in each.by_purpose()})
    most = {purpose: max(each.by_purpose()[purpose] for each in outcomes) for purpose in purposes}
    purposes.sort(key=lambda purpose: -most[purpose])
    columns = [_column(each, purposes) for each in outcomes]
    rows = [(name, *(column[name] for column in columns)) for name in columns[0]]
    heads = ("", *(WAYS[each.setting.commands] for each in outcomes))
    return tabulate(rows, heads, tablefmt="github", colalign=("left", *["right"] * len(outcomes)))


def _column(outcome: Outcome, purposes: Sequence[str]) -> dict[str, str]:
    runs, operations = outcome.setting.runs, outcome.by_purpose()
    total = operations.total()
    shares = {
        "computing": outcome.computed / outcome.available,
        "claiming, writing and reading": (outcome.busy - outcome.computed) / outcome.available,
        "without a run, most at the end": 1 - outcome.busy / outcome.available,
    }
    return {
        "hours": f"{outcome.hours:.1f}",
        "machines lost": str(outcome.lost_nodes),
        "minutes until their runs resumed": _spread(outcome.taken_over),
        "runs lost, runs done twice": f"{len(outcome.unfinished)}, {outcome.doubled}",
        **{f"worker time {name}": f"{share:.1%}" for name, share in shares.items()},
        "operations a run": f"{total / runs:.0f}",
        **{f"… {purpose}": f"{operations[purpose] / runs:.1f}" for purpose in purposes},
        "operations a second": f"{total / (outcome.hours * _HOUR):.0f}",
        "… in the busiest minute": f"{max(outcome.disk.by_minute.values()) / _MINUTE:.0f}",
        "seconds of the file system a run": f"{total * outcome.setting.latency / runs:.1f}",
    }


def start_ups(outcomes: Sequence[Outcome]) -> str:
    """What commands took until their first run, a row for each."""
    rows = [
        (
            f"{each.setting.done:,} of {each.setting.runs:,}",
            f"{each.by_purpose().total():,}",
            f"{each.start_ups[0]:.0f}",
        )
        for each in outcomes
    ]
    return tabulate(
        rows,
        ("runs done before", "operations", "seconds"),
        tablefmt="github",
        colalign=("right", "right", "right"),
        disable_numparse=True,
    )


def _spread(seconds: Sequence[float]) -> str:
    if not seconds:
        return "none"
    return f"{median(seconds) / _MINUTE:.0f}, at most {max(seconds) / _MINUTE:.0f}"
