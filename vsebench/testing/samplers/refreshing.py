"""What a sampler remembers of its last refresh."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vsebench.plugin import SamplerState
from vsebench.testing.check import NotCheckedError, promise
from vsebench.testing.samplers.world import LABELS, PLAIN, World, draw, ready, trial

if TYPE_CHECKING:
    from vsebench.testing.subject import Subject

COUNT = 400


@promise
def says_when_to_refresh(subject: Subject) -> None:
    """`refresh_every` gives a positive number of updates, or None where the refresh at the start is
    enough.
    """
    with trial(subject, note="for 1 to 1,000,000 labels") as case:
        sampler = subject.build()
        for n_labels in (1, 2, LABELS, 1000, 1_000_000):
            every = sampler.refresh_every(n_labels)
            valid = every is None or (isinstance(every, int) and every >= 1)
            case.require(
                valid,
                f"refresh_every({n_labels}) is no number of updates",
                expected="an int of at least 1, or None",
                found=repr(every),
            )


@promise
def a_refresh_forgets_the_past(subject: Subject) -> None:
    """After a refresh it draws as a fresh instance refreshed there would: tables are made anew, and
    twice is as good as once.
    """
    before, after = World().state(), World(seed=1).state()
    with trial(
        subject, World(seed=1), count=COUNT, note="after a refresh on other vectors"
    ) as case:
        old = ready(subject.build(), before)
        draw(old, before, PLAIN, COUNT)
        found = draw(ready(old, after), after, PLAIN, COUNT).negatives
        wanted = draw(ready(subject.build(), after), after, PLAIN, COUNT).negatives
        case.close(
            found,
            wanted,
            "a refresh does not bring its tables up to date",
            expected="as a fresh instance",
        )
        again = draw(ready(old, after), after, PLAIN, COUNT).negatives
        case.close(
            again,
            wanted,
            "a second refresh on the same vectors changes the draws",
            expected="the same draws",
        )


@promise
def its_tables_can_be_saved(subject: Subject) -> None:
    """Between two refreshes, a fresh instance draws like it, by loading its state dict where it has
    one: a run can be resumed there.
    """
    sampler = subject.build()
    if sampler.refresh_every(LABELS) is None and not hasattr(sampler, "state_dict"):
        raise NotCheckedError("it is refreshed at the start only and keeps no tables")
    before, after = World().state(), World(seed=1).state()
    now = SamplerState(after.P, after.Q, before.positives)
    with trial(
        subject,
        count=COUNT,
        note="after the vectors have moved, and in an instance that was resumed there",
    ) as case:
        ready(sampler, before)
        wanted = draw(sampler, now, PLAIN, COUNT).negatives
        resumed = ready(subject.build(), now)
        if hasattr(sampler, "state_dict"):
            resumed.load_state_dict(sampler.state_dict())
        what = (
            "its tables of the last refresh are lost when a run is resumed: give it state_dict() "
            "and load_state_dict()"
        )
        case.close(
            draw(resumed, now, PLAIN, COUNT).negatives, wanted, what, expected="the same draws"
        )
