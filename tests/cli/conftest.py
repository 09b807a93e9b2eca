"""The command line, called within this process."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.cli.fixtures import Printed
from vsebench.cli.app import main

if TYPE_CHECKING:
    from tests.cli.fixtures import Answer, Call, Prints


@pytest.fixture
def answer(capsys: pytest.CaptureFixture[str]) -> Answer:
    """Runs a command; returns its exit code and what it printed to standard output and error."""

    def run(*arguments: object) -> tuple[int, str, str]:
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main([str(argument) for argument in arguments])
        return int(ended.value.code or 0), *capsys.readouterr()

    return run


@pytest.fixture
def prints(answer: Answer) -> Prints:
    """Runs a command that ends with the code expected; returns what it printed to standard output
    and error.
    """

    def run(*arguments: object, code: int = 0) -> Printed:
        found, *printed = answer(*arguments)
        assert found == code, printed
        return Printed(*printed)

    return run


@pytest.fixture
def call(prints: Prints) -> Call:
    """Runs a command that ends with the code expected; returns what it printed: to standard error
    where that is 2.
    """

    def run(*arguments: object, code: int = 0) -> str:
        out, err = prints(*arguments, code=code)
        return err if code == 2 else out

    return run


@pytest.fixture
def refusal(prints: Prints) -> Call:
    """Runs a command that is refused; returns the error, one line after warnings and notes."""

    def run(*arguments: object) -> str:
        out, err = prints(*arguments, code=2)
        assert out == ""
        *before, line = err.splitlines()
        assert all(each.startswith(("vsebench: warning: ", "vsebench: note: ")) for each in before)
        assert line.startswith("vsebench: error: ")
        return line.removeprefix("vsebench: error: ")

    return run
