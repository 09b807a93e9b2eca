"""Finds runs by what a person writes: a run's directory, its id, the beginning of either, or a
pattern of directory names.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

from vsebench.plugin.errors import SpecError, VsebenchError, nearest
from vsebench.results.folder.listing import ID_DIGITS
from vsebench.results.folder.store import Store

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vsebench.results.reader import RunReader

_SHORTEST = 4


def find_runs(wanted: Sequence[str], results: Path) -> list[RunReader]:
    """The runs that `wanted` name, each once, in the order in which they are named.

    Args:
        wanted: each a directory (of a packed run: the one that it would have), the id of a run
            under `results`, at least four characters of the beginning of either, or a pattern
            (`*gpo*`).
        results: the folder of runs.

    Raises:
        VsebenchError: one of them names no run, or a beginning several.
    """
    runs: dict[Path, RunReader] = {}
    for text in wanted:
        for run in _find(text, results):
            runs.setdefault(run.path.resolve(), run)
    return list(runs.values())


def find_run(wanted: str, results: Path) -> RunReader:
    """The one run that `wanted` names, as `find_runs` takes it.

    Raises:
        VsebenchError: it names no run, or several.
    """
    runs = find_runs([wanted], results)
    if len(runs) > 1:
        raise SpecError(f"'{wanted}' names {len(runs)} runs in {results}: give one")
    return runs[0]


def _find(text: str, results: Path) -> list[RunReader]:
    for path in (Path(text), results / text):
        named = Store(path.parent).named(path.name)
        if named is not None:
            return [named]
    stored = Store(results).runs()
    if any(mark in text for mark in "*?["):
        found = [run for run in stored if fnmatchcase(run.path.name, text)]
    else:
        found = [
            run
            for run in stored
            if len(text) >= _SHORTEST
            and (
                run.path.name.rpartition("-")[2].startswith(text[:ID_DIGITS])
                or run.path.name.startswith(text)
            )
        ]
        if len(found) > 1:
            raise VsebenchError(
                f"'{text}' begins the names or ids of {len(found)} runs in {results}: give more of "
                "it, or a pattern that names them all"
            )
    if not found:
        raise VsebenchError(_missing(text, results, [run.path.name for run in stored]))
    return found


def _missing(text: str, results: Path, names: Sequence[str]) -> str:
    """What to do where nothing has that name: folders of many runs are not listed here."""
    if Path(text).is_dir() and (inside := [run.path.name for run in Store(Path(text)).runs()]):
        runs = "1 run" if len(inside) == 1 else f"{len(inside)} runs"
        return (
            f"'{text}' is a folder of {runs}: name one, such as {Path(text) / inside[0]}; "
            f"'vsebench runs {text}' lists them"
        )
    if not names:
        hint = "it holds no run: name the folder that 'vsebench run --out' wrote to with --results"
    else:
        near = nearest(text, names)
        hint = f"did you mean '{near}'?" if near else f"'vsebench runs {results}' lists its runs"
    return f"no run '{text}' in {results}: {hint}"
