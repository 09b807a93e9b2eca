"""Errors are of vsebench, and of the kinds that Python users catch."""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING

import pytest

import vsebench
from vsebench.cli.app import main
from vsebench.plugin import (
    DataError,
    MissingError,
    PluginError,
    SpecError,
    VsebenchError,
    WriteError,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.mark.parametrize(
    ("error", "kinds"),
    [
        (SpecError, {ValueError}),
        (DataError, {ValueError}),
        (MissingError, {ValueError, OSError, FileNotFoundError}),
        (WriteError, {OSError}),
        (PluginError, set()),
    ],
)
def test_each_is_what_python_users_catch(error: type[VsebenchError], kinds: set[type]) -> None:
    assert issubclass(error, VsebenchError)
    assert kinds == {
        kind for kind in (ValueError, OSError, FileNotFoundError) if issubclass(error, kind)
    }
    said = error("what, where: what to do")
    assert str(said) == "what, where: what to do"
    assert str(pickle.loads(pickle.dumps(said))) == str(said)


@pytest.mark.parametrize("call", [vsebench.load_results, vsebench.run])
def test_a_missing_file_is_a_file_not_found(call: Callable[[Path], object], tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="nowhere") as caught:
        call(tmp_path / "nowhere")
    assert isinstance(caught.value, VsebenchError)


@pytest.mark.parametrize("command", [("report",), ("run",), ("evaluate",)])
def test_the_command_line_says_it_in_one_line(
    command: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = [tmp_path / "nowhere.npy"] * (2 if command == ("evaluate",) else 1)
    with pytest.raises(SystemExit) as caught:
        main([*command, *map(str, files)])
    said = capsys.readouterr().err
    assert caught.value.code == 2
    assert said.startswith("vsebench: error: ")
    assert "nowhere" in said
    assert said.count("\n") == 1
