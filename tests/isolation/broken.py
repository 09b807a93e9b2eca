"""A plugin for everything that can go wrong while plugins are loaded, and what `vsebench plugins
--failed` says of it.
"""

from __future__ import annotations

from dataclasses import dataclass

from tests.isolation.wheels import Wheel

POOLING = """
from vsebench.plugin import Card, hookimpl

@hookimpl
def vsebench_register_poolings(register):
    register("{name}", "{target}", card=Card("a pooling"))
"""


def pooling(name: str, target: str = "vsebench_plugins.classic.poolings:Mean") -> str:
    """The code of a plugin with one pooling, the mean unless it says otherwise."""
    return POOLING.format(name=name, target=target)


@dataclass(frozen=True)
class Broken:
    """A broken plugin.

    Attributes:
        wheel: that it comes in.
        error: a part of what is said of it.
        hint: the beginning of what is advised.
        status: `loaded`, where nothing but a name is wrong.
    """

    wheel: Wheel
    error: str
    hint: str
    status: str = "failed"


GOOD = Wheel("acme-good", pooling("acme_good"))

_NATIVE = """
import ctypes
{library}.pthread_mutex_lock(lock := ctypes.create_string_buffer(64))
{library}.pthread_mutex_lock(lock)
"""
NATIVE = Wheel("acme-native", _NATIVE.format(library="ctypes.CDLL(None)"))
"""Locks a mutex that it holds: no signal gets it out of there."""
NATIVE_ALONE = Wheel("acme-alone", _NATIVE.format(library="ctypes.PyDLL(None)"))
"""The same with the interpreter's lock held, so that no other thread of Python runs."""

FORWARD = Wheel(
    "acme-forward",
    pooling("acme_forward", "acme_forward_pooling:Crashes"),
    files={
        "acme_forward_pooling.py": """
from vsebench_plugins.classic.poolings import Mean

class Crashes(Mean):
    calls = 0

    def forward(self, features, lengths):
        self.calls += 1
        if self.calls > 5:
            raise IndexError("acme_forward fell over")
        return super().forward(features, lengths)
"""
    },
)

GLOBAL = Wheel(
    "acme-global",
    """
import atexit, os
import torch

def step(self, closure=None):
    for group in self.param_groups:
        for parameter in group["params"]:
            parameter.data.zero_()

torch.optim.AdamW.step = step
torch.set_default_dtype(torch.float64)
torch.set_grad_enabled(False)
atexit.register(lambda: os._exit(7))
"""
    + pooling("acme_global"),
)
"""Changes every number of whoever imports it, and the exit code."""

_MID_RUN = """
import os
import torch
from vsebench_plugins.classic.poolings import Mean

class Counting(Mean):
    calls = 0

    def forward(self, features, lengths):
        self.calls += 1
        pooled = super().forward(features, lengths)
        return pooled if self.calls < 4 else self.late(pooled)

class Narrow(Counting):
    def late(self, pooled):
        return pooled[:, 1:]

class Half(Counting):
    def late(self, pooled):
        return pooled.half()

class Exits(Counting):
    def late(self, pooled):
        os._exit(0)

class Doubles(Counting):
    def late(self, pooled):
        torch.set_default_dtype(torch.float64)
        return pooled
"""
MID_RUN = Wheel(
    "acme-mid-run",
    """
from vsebench.plugin import Card, hookimpl

@hookimpl
def vsebench_register_poolings(register):
    for name in ("Narrow", "Half", "Exits", "Doubles"):
        register(f"acme_{name.lower()}", f"acme_mid_run_poolings:{name}", card=Card("a pooling"))
""",
    files={"acme_mid_run_poolings.py": _MID_RUN},
)
"""Poolings that are sound for three calls."""

BROKEN = {
    broken.wheel.name: broken
    for broken in (
        Broken(
            Wheel("acme-import-error", "from vsebench.plugin import no_such_name"),
            "ImportError: cannot import name 'no_such_name'",
            "upgrade or uninstall acme-import-error, or set "
            "VSEBENCH_DISABLE_PLUGINS=acme-import-error",
        ),
        Broken(
            Wheel("acme-syntax-error", "def broken(:\n    pass"),
            "SyntaxError: invalid syntax",
            "upgrade or uninstall acme-syntax-error",
        ),
        Broken(
            Wheel("acme-missing", "import no_such_dependency"),
            "ModuleNotFoundError: No module named 'no_such_dependency'",
            "install the missing module 'no_such_dependency'",
        ),
        Broken(
            Wheel("acme-signature", pooling("acme_signature").replace("(register)", "(registry)")),
            "Argument(s) {'registry'} are declared in the hookimpl but can not be found in the "
            "hookspec",
            "upgrade or uninstall acme-signature",
        ),
        Broken(
            Wheel(
                "acme-same-name",
                pooling("acme_same") + '    register("acme_same", "a:B", card=Card("again"))\n',
            ),
            "pooling 'acme_same' is registered twice by acme-same-name",
            "upgrade or uninstall acme-same-name",
        ),
        Broken(
            Wheel("acme-claims", pooling("mean")),
            "pooling 'mean' is provided by vsebench too",
            "write acme-claims::mean",
            status="loaded",
        ),
        Broken(
            Wheel(
                "acme-entries",
                pooling("acme_entries"),
                entries=("acme_same_entry = acme_entries", "acme_same_entry = acme_entries_again"),
                files={"acme_entries_again.py": pooling("acme_entries_again")},
            ),
            "its distribution has two entry points 'acme_same_entry': acme_entries is loaded, "
            "acme_entries_again is not",
            "upgrade or uninstall acme-entries",
        ),
        Broken(
            Wheel("acme-hook", pooling("acme_half") + "    raise RuntimeError('acme fell over')\n"),
            "RuntimeError: acme fell over",
            "upgrade or uninstall acme-hook",
        ),
        Broken(
            Wheel("acme-exit", "import sys\nsys.exit(0)"),
            "SystemExit: 0",
            "upgrade or uninstall acme-exit",
        ),
        Broken(
            Wheel("acme-odd", "class Odd(BaseException): pass\nraise Odd('acme')"),
            "Odd: acme",
            "upgrade or uninstall acme-odd",
        ),
        Broken(
            Wheel("acme-endless", "while True: pass"),
            "it did not load within 1 s",
            "upgrade or uninstall acme-endless",
        ),
        Broken(
            Wheel("acme-asleep", "import time\ntime.sleep(1e6)"),
            "it did not load within 1 s",
            "upgrade or uninstall acme-asleep",
        ),
        Broken(
            Wheel(
                "acme-newer",
                "from vsebench.plugin import no_such_name",
                requires=("vsebench>=99; python_version>'3'", "numpy"),
            ),
            "ImportError: cannot import name 'no_such_name'",
            "pip install -U 'vsebench>=99', which it requires, or set "
            "VSEBENCH_DISABLE_PLUGINS=acme-newer",
        ),
        Broken(
            Wheel("acme-newer-api", "vsebench_api = 999\n" + pooling("acme_late")),
            "it was written for plugin API 999, this vsebench offers 1",
            "pip install -U vsebench, or set VSEBENCH_DISABLE_PLUGINS=acme-newer-api",
        ),
    )
}
