"""Data sets of runs, on the machine where they were planned and on others."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from vsebench.data.open import open_dataset, reopen_dataset
from vsebench.plugin import DataError
from vsebench.plugin.host.loader import load_plugins

if TYPE_CHECKING:
    from pathlib import Path

PARAMS = {"images": 40}


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VSEBENCH_CACHE", str(tmp_path / "cache"))


def test_where_the_folder_is_missing_the_same_set_is_generated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    registry = load_plugins().registry
    first = open_dataset(registry.get("dataset", "scenes"), PARAMS)
    monkeypatch.setenv("VSEBENCH_CACHE", str(tmp_path / "another machine's"))
    shutil.rmtree(first.path)
    opened, component = reopen_dataset(registry, "scenes", PARAMS, first.path, first.fingerprint)
    assert component.name == "scenes"
    assert opened.path == tmp_path / "another machine's" / first.path.name
    assert not first.path.exists()


def test_a_set_that_is_another_one_here_is_refused(tmp_path: Path):
    registry = load_plugins().registry
    with pytest.raises(DataError, match=r"is not the one in \S+there that the run"):
        reopen_dataset(registry, "scenes", PARAMS, tmp_path / "there", "0123")


def test_where_the_folder_is_there_it_is_not_looked_for(tmp_path: Path):
    registry = load_plugins().registry
    first = open_dataset(registry.get("dataset", "scenes"), PARAMS)
    opened, _ = reopen_dataset(registry, "scenes", PARAMS, first.path, "not looked at")
    assert opened.path == first.path
