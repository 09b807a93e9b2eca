"""What every component promises: a card that agrees with its class."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING

from vsebench.plugin.errors import PluginError, VsebenchError
from vsebench.plugin.kinds import KINDS
from vsebench.testing.check import (
    ConformanceError,
    NotCheckedError,
    UnusableError,
    describe,
    promise,
)

if TYPE_CHECKING:
    from vsebench.testing.subject import Subject


@promise
def its_card_says_what_it_is(subject: Subject) -> None:
    """The card has a summary of one line, and a paper that it names has a year and an address or
    none.
    """
    card = subject.component.card
    if not card.summary.strip() or "\n" in card.summary:
        raise ConformanceError(
            "its card's summary is not one line",
            expected="what it does, in one line",
            found=repr(card.summary),
        )
    paper = card.paper
    if paper is not None and not (
        paper.title
        and 1900 < paper.year < 2200
        and paper.url.partition("://")[0] in ("", "http", "https")
    ):
        raise ConformanceError(
            "its card's paper is not complete",
            expected="a title, a year, and an address that begins with https://",
            found=repr(paper),
        )


@promise
def its_parameters_are_those_of_its_class(subject: Subject) -> None:
    """The class takes the registered parameters, with the same defaults, and nothing else that the
    suite does not give it.
    """
    try:
        signature = inspect.signature(subject.component.load()).parameters
    except PluginError as error:
        raise NotCheckedError("its class cannot be imported") from error
    registered = {param.name: param.default for param in subject.component.params}
    for name in registered.keys() - signature.keys():
        raise ConformanceError(
            f"it registers a parameter '{name}' that its class does not take",
            expected=", ".join(signature) or "none",
            found=name,
        )
    for name, parameter in signature.items():
        if name in registered:
            if parameter.default not in (parameter.empty, registered[name]):
                raise ConformanceError(
                    f"its parameter '{name}' has two defaults",
                    expected=f"{registered[name]!r}, as registered",
                    found=f"{parameter.default!r} in its class",
                )
        elif parameter.default is parameter.empty and parameter.kind not in (
            parameter.VAR_POSITIONAL,
            parameter.VAR_KEYWORD,
        ):
            given = KINDS[subject.kind].context
            if name not in given:
                known = ", ".join(sorted({*registered, *given})) or "nothing"
                raise ConformanceError(
                    f"its class needs '{name}', which nobody gives it",
                    expected=f"what is registered or given: {known}",
                    found=name,
                )


@promise
def it_can_be_made(subject: Subject) -> None:
    """Its class can be imported and made; where it cannot, nothing else is checked."""
    code = f"from vsebench.testing import build; {subject.source(**subject.sizes)}"
    try:
        subject.build(**subject.sizes)
    except PluginError as error:
        raise UnusableError(str(error), reproduce=code) from error
    except VsebenchError as error:
        raise NotCheckedError(f"it refuses to be made here: {error}") from error
    except (Exception, SystemExit) as error:
        raise UnusableError(f"it cannot be made: {describe(error)}", reproduce=code) from error


PROMISES = (its_card_says_what_it_is, its_parameters_are_those_of_its_class, it_can_be_made)
