"""What every test shares."""

from __future__ import annotations

import os

import pytest
import torch

torch.set_num_threads(1)  # two threads on a busy machine wait for each other


@pytest.fixture(autouse=True, scope="session")
def _cache_of_the_tests(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Keeps what the suite caches out of the user's own cache."""
    os.environ.setdefault("VSEBENCH_CACHE", str(tmp_path_factory.mktemp("cache")))
