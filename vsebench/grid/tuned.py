"""Values that a suite sets for one row alone, because they were tuned for each row with equal
effort.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict

from vsebench.plugin.errors import SpecError, did_you_mean
from vsebench.results.components import resolve_ref

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from vsebench.plugin.params import Scalar
    from vsebench.plugin.registry import Registry

    Cell = tuple[str, str, str]
    """Canonical specs of a data set, a sampler and a loss."""

TUNABLE = ("lr", "l2_image", "l2_label", "init_scale")
"""Protocol keys that may differ between the rows of one table: they decide how well a row trains,
not for how long or on what.
"""


class Tuned(BaseModel):
    """Protocol values of one row, chosen on dev; `vsebench tune` writes them."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    dataset: str | None = None
    """The data set; every one of the suite when left out."""
    sampler: str
    """The sampler of the row."""
    loss: str
    """The loss of the row."""
    set: dict[str, float]
    """Protocol keys and their values; the same keys for every row."""


def _checked(value: object) -> object:
    """Finds what pydantic would say less plainly."""
    if not isinstance(value, list | tuple):
        raise ValueError(f"write an array of tables, got {value!r}")
    for entry in value:
        if isinstance(entry, Tuned):
            continue
        if not isinstance(entry, Mapping):
            raise ValueError(f"an entry is a table with sampler, loss and set, got {entry!r}")
        for key in entry:
            if key not in Tuned.model_fields:
                raise ValueError(
                    f"an entry has no key '{key}': {did_you_mean(str(key), Tuned.model_fields)}"
                )
        values = entry.get("set")
        if (
            not entry.get("sampler")
            or not entry.get("loss")
            or not isinstance(values, Mapping)
            or not values
        ):
            raise ValueError(
                "an entry needs sampler, loss and set, a table of protocol keys, got "
                f"{dict(entry)!r}"
            )
        for key, number in values.items():
            if isinstance(number, bool) or not isinstance(number, int | float):
                raise ValueError(f"protocol key '{key}' must be a number, got {number!r}")
    return value


TunedRows = Annotated[tuple[Tuned, ...], BeforeValidator(_checked)]


def tuned_values(
    entries: Sequence[Tuned], cells: Sequence[Cell], common: Iterable[str], registry: Registry
) -> Mapping[Cell, Mapping[str, Scalar]]:
    """The tuned values of each cell; of none where nothing is tuned.

    Args:
        entries: entries of the suite.
        cells: cells of its grid.
        common: protocol keys that the suite sets for all rows.
        registry: resolves specs.

    Raises:
        SpecError: an entry fits no cell or a cell has none or several, entries tune different keys,
            or a key is not tunable or set for all rows.
    """
    if entries:
        _check_keys(entries, common)
    found: dict[Cell, Mapping[str, Scalar]] = {}
    for entry in entries:
        fitting = _fitting(entry, cells, registry)
        if not fitting:
            raise SpecError(
                f"tuned: {_named(entry)} is no row of this suite: take the entry out, or add its "
                "components"
            )
        for cell in fitting:
            if cell in found:
                raise SpecError(f"tuned: {' × '.join(cell)} has two entries: keep one")
            found[cell] = entry.set
    missing = next((cell for cell in cells if entries and cell not in found), None)
    if missing is not None:
        raise SpecError(
            f"tuned: {' × '.join(missing)} has no entry: rows of one table are all tuned or none; "
            "'vsebench tune' writes every entry"
        )
    return found


def _check_keys(entries: Sequence[Tuned], common: Iterable[str]) -> None:
    keys = sorted(entries[0].set)
    for entry in entries:
        if sorted(entry.set) != keys:
            raise SpecError(
                f"tuned: {_named(entry)} sets {', '.join(sorted(entry.set))}, "
                f"{_named(entries[0])} {', '.join(keys)}: tune the same keys for all rows"
            )
    for key in keys:
        if key not in TUNABLE:
            raise SpecError(
                f"tuned: protocol key '{key}' is held equal between rows: "
                f"{did_you_mean(key, TUNABLE)}"
            )
        if key in common:
            raise SpecError(
                f"protocol key '{key}' is tuned for each row and set for all of them: keep one"
            )


def _fitting(entry: Tuned, cells: Sequence[Cell], registry: Registry) -> list[Cell]:
    dataset = (
        None if entry.dataset is None else resolve_ref("dataset", entry.dataset, registry).spec
    )
    row = (
        resolve_ref("sampler", entry.sampler, registry).spec,
        resolve_ref("loss", entry.loss, registry).spec,
    )
    return [cell for cell in cells if cell[1:] == row and dataset in (None, cell[0])]


def _named(entry: Tuned) -> str:
    return " × ".join(
        part for part in (entry.dataset, entry.sampler, entry.loss) if part is not None
    )
