"""Plugins made up on the spot: a module on disk, and the source that leads to it."""

from __future__ import annotations

import importlib
import itertools
import textwrap
from typing import TYPE_CHECKING

import pytest

from vsebench.plugin.host.sources import PluginSource
from vsebench.plugin.registry import Origin

if TYPE_CHECKING:
    from pathlib import Path

    from tests.plugin.made_up import MakePlugin

_count = itertools.count()


@pytest.fixture
def make_plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MakePlugin:
    monkeypatch.syspath_prepend(tmp_path)

    def make(code: str, *, dist: str = "third-party", entry: str = "extra") -> PluginSource:
        module = f"made_up_plugin_{next(_count)}"
        (tmp_path / f"{module}.py").write_text(textwrap.dedent(code))
        importlib.invalidate_caches()
        return PluginSource(
            Origin(dist, entry, "1.0"), module, lambda: importlib.import_module(module)
        )

    return make
