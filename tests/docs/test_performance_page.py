"""The table of the performance page is that of the figures that are committed."""

from __future__ import annotations

from pathlib import Path

import pytest

from vsebench.cli.app import main

ROOT = Path(__file__).resolve().parents[2]


def test_the_table_is_current(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ROOT)
    with pytest.raises(SystemExit) as ended:
        main(["refresh", "--check", "docs/performance.md"])
    assert not ended.value.code, capsys.readouterr().out
