"""Suites on made-up data, with folders of their own."""

from __future__ import annotations

import itertools
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from vsebench.grid.plan import plan
from vsebench.grid.suite import Suite, make_suite

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from vsebench.bench.figure import Setting


@contextmanager
def own_cache(folder: Path) -> Iterator[None]:
    """Keeps what runs cache in a folder, so that the user's cache stays as it is."""
    before = os.environ.get("VSEBENCH_CACHE")
    os.environ["VSEBENCH_CACHE"] = str(folder / "cache")
    try:
        yield
    finally:
        if before is None:
            del os.environ["VSEBENCH_CACHE"]
        else:
            os.environ["VSEBENCH_CACHE"] = before


def suites(setting: Setting, **values: Any) -> Callable[[], Suite]:
    """A suite with a new output folder at every call; its data are generated now."""
    numbers = itertools.count()

    def new() -> Suite:
        out = str(setting.folder / f"runs{next(numbers)}")
        return make_suite(
            {"workers": 1, "device": setting.device.type, "out": out, **values}, "benchmark"
        )

    with own_cache(setting.folder):
        plan(new())
    return new
