"""Trackers: plugins of run-time hooks that write elsewhere what a run does, where that is asked
for.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

VARIABLE = "VSEBENCH_TRACK"
"""Names the trackers that runs use, comma-separated; `vsebench run --track` sets it. It is no part
of a run's spec: records are the same with a tracker and without.
"""


@dataclass(frozen=True)
class Tracker:
    """What a plugin is whose module has it as `vsebench_tracker`: its hooks are called where its
    name is asked for, and only there.

    Attributes:
        name: its name, as `--track` takes it.
        library: module that it needs; empty where it needs none.
        extra: extra of vsebench that installs the library.
    """

    name: str
    library: str = ""
    extra: str = ""


def asked_trackers() -> tuple[str, ...]:
    """The names that the environment asks for."""
    names = os.environ.get(VARIABLE, "").split(",")
    return tuple(name.strip() for name in names if name.strip())
