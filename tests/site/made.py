"""Studies whose rows are known, for tests of the site."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.factories import make_curve, make_record, make_spec, metrics, save
from vsebench.plugin.registry import Registry
from vsebench.site.render import pages_of
from vsebench.site.studies import Slugs, read_studies

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from vsebench.site.render import Claims
    from vsebench.site.studies import Study

FLAT = [90.0, *[100.0] * 7]
NOISE = (0.0, 1.0, -1.0, 0.5)
ROWS = {"gpo": 300.0, "maxavg": 299.9, "mean": 250.0, "kmax": 240.0}


def leave(
    out: Path,
    pooling: str,
    mean: float,
    *,
    curve: Sequence[float] = FLAT,
    record: dict[str, Any] | None = None,
    **changes: Any,
) -> None:
    """Four seeds of a row, of which no two rows differ equally over seeds."""
    for seed, noise in enumerate(NOISE):
        spec = make_spec(pooling, seed=seed, **changes)
        value = mean + noise + 0.1 * ((len(pooling) * (seed + 2)) % 5)
        save(out, make_record(spec, test=metrics(value), **(record or {})), make_curve(curve))


def study(out: Path, rows: dict[str, float] | None = None, **changes: Any) -> Path:
    """A folder of runs; rows cost the more the better they are."""
    for i, (pooling, mean) in enumerate((rows or ROWS).items()):
        leave(out, pooling, mean, record={"cost": {"train_seconds": 40.0 - 5 * i}}, **changes)
    return out


def studies(*places: Path) -> list[Study]:
    return read_studies(places, Slugs(), level=0.95)


def pages(
    *places: Path, registry: Registry | None = None, claims: Sequence[Claims] = ()
) -> dict[str, str]:
    return pages_of("Studies", studies(*places), claims, registry or Registry(), {})
