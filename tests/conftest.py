"""What every test shares."""

from __future__ import annotations

import gc
import os
from typing import TYPE_CHECKING

import pytest
import torch

if TYPE_CHECKING:
    from collections.abc import Generator

torch.set_num_threads(1)  # two threads on a busy machine wait for each other


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """What is imported and collected stays: garbage collections, frequent while it grows, would
    only walk over it, then and later.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.fixture(autouse=True, scope="session")
def _cache_of_the_tests(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Keeps what the suite caches out of the user's own cache."""
    os.environ.setdefault("VSEBENCH_CACHE", str(tmp_path_factory.mktemp("cache")))
