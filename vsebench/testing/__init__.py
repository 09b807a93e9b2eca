"""The conformance kit: whether a component does what its kind promises.

A plugin's tests are these lines, by the pytest plugin that comes with vsebench:

    import pytest

    @pytest.mark.vsebench("pooling", "my_pool:k=3")
    def test_keeps_its_promises(check):
        check()

Begin at `kinds`, which says where the promises of each kind are, and `check`, which is what a
promise is. `subject` is the component under test, a `trial` one call of it; `every_component` is
what all kinds promise, and each kind has a module or a package of its own. `report` runs checks for
the command line, and `targets` reads what it names.

Importing this imports no torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from vsebench.testing.check import Check, ConformanceError, NotCheckedError, Promise, promise
from vsebench.testing.kinds import checks, checks_of
from vsebench.testing.subject import Subject, build, find

if TYPE_CHECKING:
    from vsebench.testing.losses.pairs import Pairs
    from vsebench.testing.poolings.ragged import Ragged
    from vsebench.testing.rankings import Rankings
    from vsebench.testing.samplers.world import World

_INPUTS = {
    "Pairs": "vsebench.testing.losses.pairs",
    "Ragged": "vsebench.testing.poolings.ragged",
    "Rankings": "vsebench.testing.rankings",
    "World": "vsebench.testing.samplers.world",
}

__all__ = (
    "Check",
    "ConformanceError",
    "NotCheckedError",
    "Pairs",
    "Promise",
    "Ragged",
    "Rankings",
    "Subject",
    "World",
    "build",
    "checks",
    "checks_of",
    "find",
    "promise",
)


def __getattr__(name: str) -> Any:
    if name in _INPUTS:
        return getattr(import_module(_INPUTS[name]), name)
    raise AttributeError(f"module 'vsebench.testing' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
