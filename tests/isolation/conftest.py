"""One environment with every plugin of these tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.isolation.broken import (
    BROKEN,
    FORWARD,
    GLOBAL,
    GOOD,
    MID_RUN,
    NATIVE,
    NATIVE_ALONE,
)
from tests.isolation.wheels import Environment

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="package")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    folder: Path = tmp_path_factory.mktemp("environment")
    made = Environment.make(folder / "venv")
    made.install(
        [
            GOOD,
            FORWARD,
            GLOBAL,
            MID_RUN,
            NATIVE,
            NATIVE_ALONE,
            *(broken.wheel for broken in BROKEN.values()),
        ],
        folder,
    )
    return made
