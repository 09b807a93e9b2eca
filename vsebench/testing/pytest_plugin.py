"""The pytest plugin: `@pytest.mark.vsebench("pooling", "my_pool:k=3")` runs a test once for every
promise, with the argument `check`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from vsebench.plugin.errors import VsebenchError

if TYPE_CHECKING:
    from vsebench.testing.check import Check


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.getgroup("vsebench").addoption(
        "--vsebench-slow",
        action="store_true",
        help="Check the promises of components that take many seconds, too.",
    )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers",
        "vsebench(kind, spec): run the test for every promise of that component, with the "
        "argument 'check'",
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    marks = list(metafunc.definition.iter_markers("vsebench"))
    if marks:
        found = [
            check
            for mark in reversed(marks)
            for check in _checks(mark, slow=metafunc.config.getoption("--vsebench-slow"))
        ]
        metafunc.parametrize("check", found, ids=str)


def _checks(mark: pytest.Mark, *, slow: bool) -> list[Check]:
    from vsebench.testing.kinds import checks

    try:
        return checks(*mark.args, slow=slow, **mark.kwargs)
    except VsebenchError as error:
        return pytest.fail(str(error), pytrace=False)
