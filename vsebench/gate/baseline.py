"""What a gate compares with: a file of fingerprints and of reference runs, which a repository
commits.
"""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import AfterValidator, Field, FiniteFloat, NonNegativeInt, ValidationError

from vsebench.files import MOST_JSON, read_bytes, write_text
from vsebench.gate.fingerprint import Fingerprint, Machine, row_of
from vsebench.plugin.errors import DataError, MissingError, SpecError
from vsebench.results.protocol import Frozen
from vsebench.results.run_base import METRIC_VERSION
from vsebench.results.tasks import task_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from vsebench.grid.plan import Plan
    from vsebench.results.run_base import RunBase

Scalar = bool | int | float | str

_DEFAULT = "at its default"


def _spread(values: dict[int, float]) -> dict[int, float]:
    if len(set(values.values())) < 2:
        raise ValueError("values that do not differ give no deviation to judge by")
    return values


Values = Annotated[dict[NonNegativeInt, FiniteFloat], AfterValidator(_spread)]


class Reference(Frozen):
    """The runs of a row before anything changed."""

    tuned: dict[str, Scalar] = Field(default_factory=dict, description="the row's own keys")
    values: Values = Field(description="the headline metric by seed")

    @property
    def mean(self) -> float:
        return statistics.fmean(self.values.values())

    @property
    def deviation(self) -> float:
        """Of a run."""
        return statistics.stdev(self.values.values())


class Conditions(Frozen):
    """What must be equal between reference and new runs, so that only code differs."""

    dataset: str
    data: str = Field(description="fingerprint of the data set")
    metric: str
    metric_version: str
    counted_on: str
    device: str
    protocol: dict[str, Any] = Field(description="keys that are not at their defaults")


class Baseline(Frozen):
    """The content of a baseline file."""

    schema_version: Literal[1] = 1
    commit: str | None = Field(None, description="of the code that made it")
    conditions: Conditions
    margin: float | None = Field(
        None,
        gt=0,
        allow_inf_nan=False,
        description="loss of the headline metric that must be found; its own where absent",
    )
    fingerprints: tuple[Fingerprint, ...]
    reference: dict[str, Reference] = Field(default_factory=dict)

    def on(self, machine: Machine) -> Fingerprint | None:
        """The fingerprint that numbers of a machine can be compared with."""
        return next((each for each in self.fingerprints if each.machine == machine), None)

    def with_fingerprint(self, now: Fingerprint) -> Baseline:
        """The same reference with a fingerprint that passed. Where it differs from the one of the
        same machine, the code changed, and fingerprints of other machines are of no use.
        """
        before = self.on(now.machine)
        others = [each for each in self.fingerprints if each is not before]
        kept = others if before is None or not before.changes(now) else []
        return self.model_copy(update={"fingerprints": (*kept, now)})

    def check(self, planned: Plan, where: Path) -> None:
        """Refuses a suite that the baseline was not made for.

        Raises:
            SpecError: the conditions of its runs are others, or it lacks a row of the baseline.
        """
        ours, theirs = _flat(self.conditions), _flat(conditions_of(planned))
        rows = rows_of(planned)
        differ = [key for key in (*ours, *theirs) if ours.get(key) != theirs.get(key)]
        gone = [row for row in self.rows if row not in rows]
        retuned = [
            row
            for row, held in self.reference.items()
            if row in rows and held.tuned != tuned_of(rows[row])
        ]
        if differ:
            key = differ[0]
            said = f"{key} is {theirs.get(key, _DEFAULT)} now and was {ours.get(key, _DEFAULT)}"
        elif gone:
            said = f"it has no row '{gone[0]}'"
        elif retuned:
            said = f"row '{retuned[0]}' is tuned otherwise"
        else:
            return
        raise SpecError(
            f"{where} is of another suite: {said}; write it anew with --write, in a commit that "
            "says so"
        )

    @property
    def rows(self) -> tuple[str, ...]:
        """Every row that it knows."""
        held = dict.fromkeys(row for each in self.fingerprints for row in each.rows)
        return tuple(held | dict.fromkeys(self.reference))


def conditions_of(planned: Plan) -> Conditions:
    """What is equal for all runs of a plan.

    Raises:
        SpecError: they are of several data sets.
    """
    run = planned.runs[0]
    names = dict.fromkeys(each.dataset.spec for each in planned.runs)
    if len(names) > 1:
        raise SpecError(
            f"a gate takes a suite of one data set, found {', '.join(names)}: write a suite and a "
            "baseline for each"
        )
    return Conditions(
        dataset=run.dataset.spec,
        data=run.data_fingerprint,
        metric=task_of(run).headline.key,
        metric_version=METRIC_VERSION,
        counted_on=run.counted_on,
        device=run.device,
        protocol=run.held_protocol(exclude_defaults=True),
    )


def rows_of(planned: Plan) -> dict[str, RunBase]:
    """A run of each row, by the row's name."""
    found: dict[str, RunBase] = {}
    for run in planned.runs:
        if run.run_id not in planned.support:
            found.setdefault(row_of(run), run)
    return found


def tuned_of(run: RunBase) -> dict[str, Scalar]:
    """What was tuned for a row alone, with its values."""
    return {key: value for key in run.tuned_keys if (value := run.tuned_value(key)) is not None}


def read_baseline(path: Path) -> Baseline:
    """A baseline file.

    Raises:
        MissingError: there is none.
        DataError: it cannot be read, or holds something else.
    """
    try:
        text = read_bytes(path, most=MOST_JSON).decode("utf-8")
    except FileNotFoundError:
        raise MissingError(
            f"there is no baseline {path}: 'vsebench gate SUITE --write {path}' makes it"
        ) from None
    except (OSError, ValueError) as error:
        raise DataError(f"baseline {path} cannot be read ({error})") from None
    try:
        return Baseline.model_validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        at = ".".join(str(part) for part in first["loc"]) or "the file"
        raise DataError(
            f"{path} is no baseline ({at}: {first['msg']}): expected what 'vsebench gate --write' "
            "has written"
        ) from None


def write_baseline(path: Path, baseline: Baseline) -> None:
    """Writes a baseline file.

    Raises:
        VsebenchError: it cannot be written.
    """
    write_text(path, baseline.model_dump_json(indent=1) + "\n")


def _flat(conditions: Conditions) -> Mapping[str, Any]:
    values = conditions.model_dump()
    protocol = values.pop("protocol")
    return values | {f"protocol key {key}": value for key, value in protocol.items()}
