"""Plans of suites that are written as their values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vsebench.grid.plan import plan
from vsebench.grid.suite import make_suite

if TYPE_CHECKING:
    from vsebench.grid.plan import Plan


def make(**values: Any) -> Plan:
    return plan(make_suite({"device": "cpu", **values}))
