"""Runs from several places as one set: folders, packs and single records of several machines."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from vsebench.plugin.errors import VsebenchError
from vsebench.report.rows.runs import Reproduction, Run, Runs, read_runs
from vsebench.results.folder.store import RunDirectory

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from vsebench.results.spec import AnySpec


@dataclass(frozen=True)
class Gathered:
    """What lies in several places.

    Attributes:
        ended: runs with a record, each once.
        unfinished: runs that were started and have no record yet.
        copies: number of runs that lay in two places with equal results.
        reproductions: runs that were made twice with other results.
    """

    ended: tuple[Run, ...]
    unfinished: tuple[AnySpec, ...]
    copies: int
    reproductions: tuple[Reproduction, ...]


def gather(places: Sequence[Path]) -> Gathered:
    """Reads every place and takes each run once.

    A run has its id from everything that decides its result: the same row and seed made on two
    machines has one id, and is no second seed.

    Args:
        places: folders that `vsebench run --out` wrote to, packs, folders of single runs, or
            their `record.json`.

    Raises:
        MissingError: there is no such place.
        VsebenchError: nothing in it has ended, or a file is damaged.
    """
    found: dict[str, tuple[Run, Path]] = {}
    unfinished: dict[str, AnySpec] = {}
    copies, reproductions = 0, []
    for place in places:
        ended, waiting = _read(place)
        unfinished |= {spec.run_id: spec for spec in waiting}
        for run in ended:
            first = found.get(run.record.run_id)
            if first is None or (run.done and not first[0].done):
                found[run.record.run_id] = run, place
            elif run.done and run.record.test == first[0].record.test:
                copies += 1
            elif run.done:
                key = run.task.headline.key
                reproductions.append(
                    Reproduction(
                        run.record.spec.label,
                        first[1],
                        place,
                        run.test(key) - first[0].test(key),
                    )
                )
    return Gathered(
        tuple(run for run, _ in found.values()),
        tuple(spec for run_id, spec in unfinished.items() if run_id not in found),
        copies,
        tuple(reproductions),
    )


def _read(place: Path) -> tuple[Iterable[Run], Iterable[AnySpec]]:
    if place.name == "record.json":
        place = place.parent
    elif place.is_file():
        raise VsebenchError(
            f"{place} is a file: give folders of runs, packs or a record.json; "
            f"{place.parent}/*/ matches the folders beside it alone"
        )
    if (place / "record.json").is_file():
        directory = RunDirectory(place)
        record = directory.read_record()
        assert record is not None
        return [Run(record, tuple(directory.read_whole_curve(record)), directory)], []
    runs = read_runs(place)
    return runs.ended, runs.unfinished


def read_merged(places: Sequence[Path], *, allow_mixed: bool | None = None) -> Runs:
    """Reads one folder of runs, or several as one.

    Args:
        places: a folder or a pack; several as in `gather`.
        allow_mixed: whether the first of a run made twice is taken instead of refusing both; None
            of callers without the option.

    Raises:
        VsebenchError: as of `read_runs` and `gather`, or a run was made twice.
    """
    if len(places) == 1:
        return read_runs(places[0])
    gathered = gather(places)
    refuse_copies(gathered, allow_mixed=allow_mixed)
    return Runs(gathered.ended, gathered.unfinished, made_twice=gathered.reproductions)


def made_twice_notes(reproductions: Iterable[Reproduction]) -> list[str]:
    """Says which runs were made twice, and which of the two counts."""
    return [
        f"Made twice: {each.label}, in {each.second} {each.difference:+.4g} to the run in "
        f"{each.first}, which counts."
        for each in reproductions
    ]


def refuse_copies(gathered: Gathered, *, allow_mixed: bool | None) -> None:
    """Refuses runs that were made twice.

    Args:
        gathered: runs of several places.
        allow_mixed: whether the first of a run made twice is taken instead; None of callers without
            the option.

    Raises:
        VsebenchError: there are such.
    """
    if allow_mixed:
        return
    way_out = "" if allow_mixed is None else ", or pass --allow-mixed to take the first and say so"
    for each in gathered.reproductions:
        raise VsebenchError(
            f"{each.label} lies in {each.first} and in {each.second} with other results "
            f"({each.difference:+g}): it is one run, not two seeds; give one of the folders"
            f"{way_out}"
        )
