"""A soak as JSON and as Markdown."""

from __future__ import annotations

import json
from textwrap import fill
from typing import TYPE_CHECKING, Any

from tabulate import tabulate

from vsebench import __version__
from vsebench.report.wording import count

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from benchmarks.soak.grid import Grid
    from benchmarks.soak.soak import Tally

_WIDTH = 100


def summary(tally: Tally, grid: Grid, *, seed: int, minutes: float, disk: str) -> dict[str, Any]:
    """All that is told, as JSON can hold it."""
    return {
        "vsebench": __version__,
        "seed": seed,
        "minutes": minutes,
        "grid": {**vars(grid), "runs": grid.size},
        "disk": disk,
        "laps": tally.laps,
        "runs_checked": tally.made,
        "befell": dict(sorted(tally.befell.items())),
        "met_nothing": tally.missed,
        "commands": dict(sorted(tally.ends.items())),
        "set_aside": tally.set_aside,
        "refused_at_the_end": tally.known,
        "growth_mb": {
            name: round(max(found), 1) if found else None for name, found in tally.growth.items()
        },
        "findings": tally.findings,
    }


def to_json(found: Mapping[str, Any]) -> str:
    return json.dumps(found, indent=1) + "\n"


def to_markdown(found: Mapping[str, Any]) -> str:
    """The report that people read."""
    grid, growth = found["grid"], found["growth_mb"]
    made = (
        f"Seed {found['seed']}, {found['minutes']:g} minutes, vsebench {found['vsebench']}: a grid "
        f"of {grid['runs']} runs, {grid['workers']} at a time, {count(found['laps'], 'lap')}, "
        f"{found['runs_checked']} runs checked."
    )
    damage = (
        f"Damaged files that commands set aside: {found['set_aside']}. Damaged files at the end of "
        f"laps, which readers refuse: {found['refused_at_the_end']}. Blows that met nothing: "
        f"{found['met_nothing']}. The full disk: {found['disk']}."
    )
    memory = (
        "Growth of a command's memory while it executes runs, from its third on, at most: "
        f"{_mb(growth['peace'])} in peace, {_mb(growth['laps'])} in laps."
    )
    findings = found["findings"]
    parts = [
        fill(made, _WIDTH),
        _table(("checked", "found"), ((name, len(each)) for name, each in findings.items())),
        _table(("what befell it", "times"), found["befell"].items()),
        _table(("how the commands ended", "times"), found["commands"].items()),
        fill(damage, _WIDTH),
        fill(memory, _WIDTH),
        *(f"* {name}: {each}" for name, all_ in findings.items() for each in all_),
    ]
    return "\n\n".join(parts) + "\n"


def _table(headers: tuple[str, str], rows: Iterable[tuple[str, int]]) -> str:
    return tabulate(list(rows), headers=headers, tablefmt="github")


def _mb(value: float | None) -> str:
    return "unknown" if value is None else f"{value:g} MiB"
