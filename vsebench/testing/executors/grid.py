"""A grid in which everything happens that may. Several promises look at what an executor makes of
it, and it is executed once for all of them.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from vsebench.plugin.host.loader import load_plugins
from vsebench.plugin.specs import own_spec
from vsebench.results.lease import Lease
from vsebench.testing.check import ConformanceError
from vsebench.testing.executors.folder import Folder
from vsebench.testing.trial import Trial

if TYPE_CHECKING:
    from vsebench.plugin.executors import Job
    from vsebench.testing.subject import Subject

WORKERS = 2


class Grid:
    """Nine runs, in an order in which they cannot be executed; another process works on one.

    Attributes:
        folder: where they are executed, and what was reported.
        first: a run that another one needs.
        second: needs the first.
        failing: raises an error.
        blocked: needs the failing one.
        dying: its process is killed.
        held: whether it is worked on elsewhere.
        waiting: needs the held one.
        behind: needs the held one and the waiting one.
        plain: job that has nothing to do with any other.
    """

    def __init__(self) -> None:
        self.folder = Folder()
        job = self.folder.job
        self.first, self.failing, self.held = job(0), job(1, do="fail"), job(2)
        self.second, self.blocked = job(3, self.first), job(4, self.failing)
        self.waiting = job(5, self.held)
        self.behind = job(6, self.held, self.waiting)
        self.dying, self.plain = job(7, do="die"), job(8)

    @property
    def put_off(self) -> tuple[Job, ...]:
        """The runs that cannot be executed before another process has ended one of them."""
        return self.held, self.waiting, self.behind

    @property
    def jobs(self) -> tuple[Job, ...]:
        return (
            self.second,
            self.behind,
            self.waiting,
            self.held,
            self.dying,
            self.failing,
            self.blocked,
            self.first,
            self.plain,
        )


def executed(subject: Subject) -> Grid:
    """The grid as an executor left it.

    Raises:
        ConformanceError: it raised something.
    """
    found = _executed(_Same(subject))
    if isinstance(found, ConformanceError):
        raise found
    return found


@lru_cache(maxsize=1)
def reference() -> Grid:
    """The same grid, in which the local executor was given the runs that end well."""
    grid = Grid()
    registry = load_plugins().registry
    local = registry.get("executor", own_spec("executor", "local", registry))
    grid.folder.execute(local.create(workers=WORKERS), [grid.first, grid.second, grid.plain])
    return grid


class _Same:
    """A subject that equals itself: one is no key, as it holds a dict."""

    def __init__(self, subject: Subject) -> None:
        self.subject = subject

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and self.subject is other.subject

    def __hash__(self) -> int:
        return id(self.subject)


@lru_cache(maxsize=1)
def _executed(same: _Same) -> Grid | ConformanceError:
    grid = Grid()
    lease = Lease.claim(grid.held.directory)
    assert lease is not None  # nobody else knows of the folder
    try:
        with lease.hold(), Trial("nine runs, one of which is worked on elsewhere"):
            grid.folder.execute(same.subject.build(workers=WORKERS), grid.jobs)
    except ConformanceError as error:
        return error
    return grid
