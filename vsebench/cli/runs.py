"""`vsebench runs`: what lies in a folder of runs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, get_args

import typer

from vsebench.cli.shared.messages import print_json
from vsebench.cli.shared.options import RUNS, Folder, TableOrJson
from vsebench.cli.shared.uncollected import uncollected
from vsebench.plugin.errors import VsebenchError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from vsebench.results.reader import RunReader

Order = Literal["row", "state", "result", "time", "size", "started"]

_DESCENDING = ("result", "time", "size")
_DIGEST = 8


@uncollected()
def runs_command(
    directory: Folder = RUNS,
    sort: Annotated[
        Order | None,
        typer.Option(
            metavar="|".join(get_args(Order)),
            help="Order of the runs. [default: as they were requested]",
        ),
    ] = None,
    reverse: Annotated[
        bool, typer.Option("--reverse", help="Reverse the order: --sort started, newest first.")
    ] = False,
    form: TableOrJson = "table",
) -> None:
    """List the runs under DIR with state, result, time and size on disk."""
    from vsebench.results.folder.store import Store, check_folder

    check_folder(directory)
    store = Store(directory)
    place = {run_id: i for i, run_id in enumerate(store.noted().run_ids)}
    found = [_described(run) for run in store.runs()]
    found.sort(key=lambda run: place.get(run["run_id"], len(place)))
    _name_copies(found)
    if sort is not None:
        known = [run for run in found if run[sort] is not None]
        known.sort(key=lambda run: run[sort], reverse=(sort in _DESCENDING) != reverse)
        found = [*known, *(run for run in found if run[sort] is None)]
    elif reverse:
        found.reverse()
    if form == "json":
        print_json({"schema": 1, "runs": found})
    else:
        typer.echo(_table(directory, found))


def _described(run: RunReader) -> dict[str, Any]:
    """A run as flat values; those that are not known, of a damaged one most, are None."""
    from vsebench.grid.estimate import folder_bytes
    from vsebench.grid.run import run_state
    from vsebench.results.tasks import task_of

    size = folder_bytes(run.path) if run.path.is_dir() else None
    about: dict[str, Any] = {
        "run_id": run.path.name.rpartition("-")[2],
        "directory": run.path.name,
        "dataset": None,
        "row": None,
        "seed": None,
        "state": "damaged",
        "metric": None,
        "result": None,
        "time": None,
        "size": size,
        "started": None,
        "copy_of": None,
        "versions": {},
    }
    try:
        spec, record = run.read_spec(), run.read_record()
        state = run_state(run)
    except VsebenchError:
        return about
    about |= {
        "run_id": spec.run_id,
        "dataset": spec.dataset.spec,
        "row": " × ".join(spec.combination),
        "seed": spec.seed,
        "state": state,
        "versions": {ref.spec: ref.version for _, ref in spec.components()},
    }
    if record is None:
        return about
    headline = task_of(spec).headline
    return about | {
        "metric": headline.key,
        "result": record.test.get(headline.key),
        "time": record.cost.total_seconds if record.cost is not None else None,
        "started": record.provenance.started if record.provenance is not None else None,
    }


def _name_copies(found: Sequence[dict[str, Any]]) -> None:
    """Marks runs that lie in the folder twice, the one whose directory has the run's own name being
    the original.
    """
    from vsebench.results.folder.store import is_own

    originals: dict[str, dict[str, Any]] = {}
    for run in sorted(found, key=lambda run: not is_own(run["directory"], run["run_id"])):
        first = originals.setdefault(run["run_id"], run)
        if first is not run and run["row"] is not None:
            run |= {"state": "copy", "copy_of": first["directory"]}


def _edited(found: Sequence[dict[str, Any]]) -> dict[str, list[str]]:
    """The components that runs in the folder have in several versions, as one of an edited plugin
    file is, each with its versions in the order of the runs.
    """
    versions: dict[str, dict[str, None]] = {}
    for run in found:
        for component, version in run["versions"].items():
            versions.setdefault(component, {})[version] = None
    return {component: list(each) for component, each in versions.items() if len(each) > 1}


def _named(run: dict[str, Any], edited: dict[str, list[str]]) -> str:
    """Its row, with the versions of components that other runs have in another one."""
    marks = [
        f"{component} {_short(version)}"
        for component, version in run["versions"].items()
        if component in edited
    ]
    return f"{run['row']} ({', '.join(marks)})" if marks else str(run["row"] or run["directory"])


def _short(version: str) -> str:
    """A version with the beginning of its digest."""
    card, plus, digest = version.partition("+")
    return f"{card}{plus}{digest[:_DIGEST]}"


def _table(directory: Path, found: Sequence[dict[str, Any]]) -> str:
    from vsebench.plugin.metrics import named
    from vsebench.report.listing import listing, with_notes
    from vsebench.report.tables.layout import ABSENT
    from vsebench.report.wording import bytes_text, count, duration
    from vsebench.results.folder.listing import ID_DIGITS

    several = len({run["dataset"] for run in found if run["dataset"]}) > 1
    metrics = list(dict.fromkeys(named(run["metric"]).heading for run in found if run["metric"]))
    heads = [
        "run",
        "row",
        "seed",
        "state",
        "/".join(metrics) or "result",
        "time",
        "size",
        "started",
    ]
    edited = _edited(found)
    rows = []
    for run in found:
        of = f"{run['dataset']}: " if several and run["dataset"] else ""
        rows.append(
            [
                run["run_id"][:ID_DIGITS],
                f"{of}{_named(run, edited)}",
                ABSENT if run["seed"] is None else run["seed"],
                run["state"],
                ABSENT if run["result"] is None else named(run["metric"]).text(run["result"]),
                ABSENT if run["time"] is None else duration(run["time"]),
                ABSENT if run["size"] is None else bytes_text(run["size"]),
                run["started"][5:16].replace("T", " ") if run["started"] else ABSENT,
            ]
        )
    states = [run["state"] for run in found]
    counted = ", ".join(f"{states.count(state)} {state}" for state in dict.fromkeys(states))
    total = bytes_text(sum(run["size"] or 0 for run in found))
    times = sorted(run["started"][:10] for run in found if run["started"])
    when = f", started {' to '.join(dict.fromkeys((times[0], times[-1])))} (UTC)" if times else ""
    notes = [
        f"{count(len(found), 'run')} in {directory}: {counted}; {total}{when}",
        *(f"copy: {run['directory']}, of {run['copy_of']}" for run in found if run["copy_of"]),
        *(
            f"{component} is of {len(versions)} versions: {', '.join(map(_short, versions))}"
            for component, versions in edited.items()
        ),
    ]
    return with_notes(listing(heads, rows, rights=(2, 4, 5, 6)), notes)
