from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from tests.results.studies import make_study
from vsebench.results.packs.packing import pack

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="session")
def made_study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_study(tmp_path_factory.mktemp("made") / "study")


@pytest.fixture
def study(made_study: Path, tmp_path: Path) -> Path:
    """A folder of runs to work on."""
    return shutil.copytree(made_study, tmp_path / "study")


@pytest.fixture
def packed(study: Path, tmp_path: Path) -> Path:
    """The study's pack, alone in a folder."""
    pack(study, tmp_path / "pack")
    return tmp_path / "pack"
