"""Commands that read runs look in `runs` where no folder is given."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.fixtures import Call

COMMANDS = {
    "report": [],
    "leaderboard": [],
    "site": [],
    "plot": [],
    "compare": ["--to", "mean,triplet"],
    "speedup": [],
    "submit": [],
    "audit": [],
    "pack": ["--out", "packed"],
    "runs": [],
    "clean": [],
}


@pytest.mark.parametrize("command", COMMANDS)
def test_the_folder_of_runs_is_the_default(
    command: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    refusal: Call,
) -> None:
    monkeypatch.chdir(tmp_path)
    line = refusal(command, *COMMANDS[command])
    assert "runs" in line.split() or "'runs'" in line or "runs:" in line.split(), line
    assert list(tmp_path.iterdir()) == []
