"""Commands that read runs look in `runs` where no folder is given."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from vsebench.cli.app import main

if TYPE_CHECKING:
    from pathlib import Path

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
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as ended:
        main([command, *COMMANDS[command]])
    assert ended.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "runs" in line.split() or "'runs'" in line or "runs:" in line.split(), line
    assert list(tmp_path.iterdir()) == []
