from __future__ import annotations

import pytest

from tests.kernels.interpreter import INTERPRETED


@pytest.fixture(autouse=INTERPRETED)
def _larger_tiles(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tiles of more rows for the longest set: the interpreter takes its time for each step of a
    loop, and none for the size of a tile.
    """
    params = request.node.callspec.params if hasattr(request.node, "callspec") else {}
    if params.get("rows") == 256:
        monkeypatch.setattr("vsebench.kernels.sorted_pooling_triton.ROWS", 128)
