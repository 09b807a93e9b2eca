"""vsebench: a benchmark of pooling operators, losses and negative samplers for visual-semantic
embedding.
"""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vsebench.api import run
    from vsebench.plugin import VsebenchError, hookimpl
    from vsebench.plugin.specs import create
    from vsebench.report.results import load_results
    from vsebench.retrieval.exported.read import load_model

try:
    __version__ = version("vsebench")
except PackageNotFoundError:  # a source checkout that was never installed
    __version__ = "0+unknown"

_HOMES = {
    "VsebenchError": "vsebench.plugin",
    "create": "vsebench.plugin.specs",
    "hookimpl": "vsebench.plugin",
    "load_model": "vsebench.retrieval.exported.read",
    "load_results": "vsebench.report.results",
    "run": "vsebench.api",
}

__all__ = (
    "VsebenchError",
    "__version__",
    "create",
    "hookimpl",
    "load_model",
    "load_results",
    "run",
)


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'vsebench' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
