"""The command line, called within this process."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from vsebench.cli.app import main

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture
def answer(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[object, str, str]]:
    """Runs a command; returns its exit code and what it printed to standard output and error."""

    def run(*arguments: object) -> tuple[object, str, str]:
        with pytest.raises(SystemExit) as ended:
            main([str(argument) for argument in arguments])
        printed = capsys.readouterr()
        return ended.value.code, printed.out, printed.err

    return run


@pytest.fixture
def call(answer: Callable[..., tuple[object, str, str]]) -> Callable[..., str]:
    """Runs a command that ends with the code expected; returns what it printed: to standard error
    where that is 2.
    """

    def run(*arguments: object, code: int = 0) -> str:
        found, out, err = answer(*arguments)
        assert found == code, err
        return err if code == 2 else out

    return run
