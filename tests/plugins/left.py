"""What a folder of runs holds that does not depend on where and when they were made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vsebench.results.folder.store import Store
from vsebench.results.reader import RANKS

if TYPE_CHECKING:
    from pathlib import Path

_CLOCKS: Any = {
    "spec": {"environment"},
    "provenance": {"started", "host", "device_name", "restarts"},
    "cost": True,
}


def left_by(out: Path) -> dict[str, Any]:
    """Records, curves, ranks and models by run id."""
    found = {}
    for run in Store(out).runs():
        record = run.read_record()
        assert record is not None
        assert record.status == "done", record.error
        assert run.damage(model=True) == {}
        found[record.run_id] = {
            "record": record.model_dump(exclude=_CLOCKS),
            "curve": [
                point.model_dump(exclude={"seconds", "cpu_seconds"}) for point in run.read_curve()
            ],
            "ranks": run.read_bytes(RANKS),
            "model": run.best_path.read_bytes(),
        }
    return found


def restarts(out: Path) -> int:
    """How often runs resumed."""
    found = [record.provenance for record in Store(out).records()]
    return sum(provenance.restarts for provenance in found if provenance is not None)
