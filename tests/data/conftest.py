from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def cache(tmp_path_factory, monkeypatch) -> Path:
    """A cache folder of the test's own; and no data roots but those that the test names."""
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("VSEBENCH_CACHE", str(folder))
    monkeypatch.delenv("VSEBENCH_DATA", raising=False)
    monkeypatch.chdir(tmp_path_factory.mktemp("empty"))
    return folder
