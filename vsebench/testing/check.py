"""What a promise is, what checks it, and what a broken one says."""

from __future__ import annotations

import unittest
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self, overload

if TYPE_CHECKING:
    from collections.abc import Callable

    from vsebench.testing.subject import Subject


class ConformanceError(AssertionError):
    """A component breaks a promise of its kind, or of its own card.

    Attributes:
        what: what is wrong, in one sentence.
        on: the input it is wrong on.
        expected: what should have come out.
        found: what did.
        reproduce: Python that makes the same call again.
    """

    def __init__(
        self, what: str, *, on: str = "", expected: str = "", found: str = "", reproduce: str = ""
    ) -> None:
        self.what = what
        self.on = on
        self.expected = expected
        self.found = found
        self.reproduce = reproduce
        facts = (("on", on), ("expected", expected), ("found", found), ("reproduce", reproduce))
        super().__init__(
            "\n".join([what, *(f"  {f'{label}:':<11}{text}" for label, text in facts if text)])
        )

    def again(self, reproduce: str) -> Self:
        """The same failure, with Python that shows it again."""
        return type(self)(
            self.what,
            on=self.on,
            expected=self.expected,
            found=self.found,
            reproduce=reproduce,
        )


class UnusableError(ConformanceError):
    """A component cannot even be made, so that nothing else of it can be checked."""


class NotCheckedError(unittest.SkipTest):
    """A check does not apply to a component, or cannot run here; the message says why. pytest and
    unittest take it for a skipped test.
    """


@dataclass(frozen=True)
class Promise:
    """What every component of a kind must do.

    Attributes:
        name: name as reports and `pytest -k` name it.
        summary: one sentence.
        holds: raises ConformanceError where a component does not keep it, NotCheckedError where
            that cannot be told.
        slow: checking takes many seconds, and is done when asked for.
    """

    name: str
    summary: str
    holds: Callable[[Subject], None]
    slow: bool = False


@overload
def promise(holds: Callable[[Subject], None]) -> Promise: ...
@overload
def promise(*, slow: bool) -> Callable[[Callable[[Subject], None]], Promise]: ...
def promise(
    holds: Callable[[Subject], None] | None = None, *, slow: bool = False
) -> Promise | Callable[[Callable[[Subject], None]], Promise]:
    """Makes a promise of a function, by its name and the summary of its docstring."""

    def make(function: Callable[[Subject], None]) -> Promise:
        return Promise(
            function.__name__,
            " ".join((function.__doc__ or "").partition("\n\n")[0].split()).rstrip("."),
            function,
            slow,
        )

    return make if holds is None else make(holds)


@dataclass(frozen=True, eq=False)
class Check:
    """One promise of one component, ready to be checked: call it."""

    promise: Promise
    subject: Subject

    def __call__(self) -> None:
        """Checks.

        Raises:
            ConformanceError: the promise is broken; also for whatever the component itself raises.
            NotCheckedError: it could not be checked.
        """
        __tracebackhide__ = True
        import torch

        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            try:
                self.promise.holds(self.subject)
            except ConformanceError as error:
                if error.reproduce:
                    raise
                raise error.again(f"{self!r}()") from error.__cause__
            except NotCheckedError:
                raise
            except (Exception, SystemExit) as error:
                raise ConformanceError(describe(error), reproduce=f"{self!r}()") from error

    def __str__(self) -> str:
        return f"{self.subject.spec}-{self.promise.name}"

    def __repr__(self) -> str:
        return (
            f"from vsebench.testing import checks; checks({self.subject.arguments}, "
            f'only="{self.promise.name}")[0]'
        )


def describe(error: BaseException) -> str:
    """An exception in one sentence."""
    text = " ".join(str(error).split())
    return f"it raises {type(error).__name__}: {text[:300]}{'…' if len(text) > 300 else ''}"
