"""Runs of which it is known what each test image contributed to RSUM."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import stats

from tests.factories import make_record, make_spec
from tests.oracles import two_way as oracle
from vsebench.report.rows.runs import Run
from vsebench.report.rows.sections import Section
from vsebench.report.statistics.contributions import Contributions

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray


def imaged(pooling: str, seed: int, values: NDArray[np.floating], **changes: Any) -> Run:
    """A run whose images contributed these values, float [images]."""
    record = make_record(
        make_spec(pooling, "triplet", seed), rsum=float(np.mean(values)), **changes
    )
    run = Run(record)
    found = {"rsum": np.asarray(values, dtype=np.float64)}
    vars(run)["per_image"] = Contributions.of_values(found)
    return run


def imaged_section(tables: Mapping[str, NDArray[np.floating]]) -> Section:
    """A row for each table of seeds by images, named by its pooling."""
    return Section(
        tuple(
            imaged(pooling, seed, values)
            for pooling, table in tables.items()
            for seed, values in enumerate(table)
        )
    )


def expected_interval(
    table: NDArray[np.floating], level: float = 0.95
) -> tuple[float, float, float]:
    """Mean and ends of the interval over seeds and images."""
    mean, error, df = oracle.two_way(table.tolist())
    half = stats.t.ppf(0.5 + level / 2, df) * error
    return mean, mean - half, mean + half


def expected_p(
    tables: Sequence[NDArray[np.floating]], rows: int, bound: float | None = None
) -> list[float]:
    """Two-sided p-values of means of 0, of differences of some rows that are judged together; with
    a bound those of means at or below it.
    """
    estimates = oracle.moderated([table.tolist() for table in tables], rows)
    if bound is None:
        return [float(2 * stats.t.sf(abs(mean) / error, df)) for mean, error, df in estimates]
    return [float(stats.t.sf((mean - bound) / error, df)) for mean, error, df in estimates]
