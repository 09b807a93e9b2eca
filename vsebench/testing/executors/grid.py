"""A grid of tiny runs, real ones of the annotation task, in which everything happens that may.
Several promises look at what an executor makes of it, and it is executed once for all of them.
"""

from __future__ import annotations

import shutil
import tempfile
import threading
import weakref
from contextlib import ExitStack
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Self

from vsebench.data.open import open_dataset
from vsebench.plugin.host.loader import load_plugins
from vsebench.plugin.jobs import Job, Resources
from vsebench.plugin.specs import own_spec
from vsebench.results.components import resolve_ref
from vsebench.results.folder.lease import Lease
from vsebench.results.folder.store import Store
from vsebench.results.protocol import AnnotationProtocol
from vsebench.results.run_base import Environment
from vsebench.results.spec import AnnotationSpec
from vsebench.testing.check import ConformanceError
from vsebench.testing.executors import deeds
from vsebench.testing.trial import Trial

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from vsebench.plugin import Executor
    from vsebench.plugin.jobs import Event
    from vsebench.results.components import ComponentRef
    from vsebench.testing.subject import Subject

_DATA = "tags:images=100:labels=40:density=0.1"
_DEEDS = str(Path(deeds.__file__))
_PROTOCOL = AnnotationProtocol(engine="minibatch", embed_dim=4, epochs=2, round_size=20)
WORKERS = 2


class Folder:
    """Runs below a folder, by default a temporary one, which lives as long as this.

    Attributes:
        out: the folder.
        told: what an executor reported, in order.
        threads: those in which it did.
    """

    def __init__(self, out: Path | None = None) -> None:
        self.out = out or Path(tempfile.mkdtemp(prefix="vsebench-executor-"))
        if out is None:
            weakref.finalize(self, shutil.rmtree, self.out, ignore_errors=True)
        self.told: list[tuple[str, Event]] = []
        self.threads: set[int] = set()

    def job(self, seed: int, *needs: Job, do: str = "nothing") -> Job:
        """A run that does what `Deed` knows by that name, after others."""
        registry = load_plugins((_DEEDS,)).registry

        def own(kind: str, text: str) -> ComponentRef:
            return resolve_ref(kind, own_spec(kind, text, registry), registry)

        dataset = own("dataset", _DATA)
        opened = open_dataset(registry.get("dataset", dataset.name), dataset.params)
        stop = own("stopping-rule", f"deed:do={do}")
        spec = AnnotationSpec(
            dataset=dataset,
            data_fingerprint=opened.fingerprint,
            sampler=own("sampler", "uniform"),
            loss=own("loss", "hinge"),
            stop=stop,
            protocol=_PROTOCOL.model_copy(update={"stop": stop.spec}),
            seed=seed,
            depends_on=tuple(job.run_id for job in needs),
            environment=Environment(data_path=str(opened.path), plugin_files=(_DEEDS,)),
        )
        return Job(
            spec.run_id,
            spec.model_dump_json(),
            Store(self.out).directory_for(spec).path,
            spec.depends_on,
            Resources(spec.device, spec.protocol.threads),
        )

    def execute(
        self,
        executor: Executor,
        jobs: Sequence[Job],
        watch: Callable[[str, Event], None] | None = None,
    ) -> None:
        """Has an executor execute jobs; `watch` hears of everything, too."""

        def report(run_id: str, event: Event) -> None:
            self.told.append((run_id, event))
            self.threads.add(threading.get_ident())
            if watch is not None:
                watch(run_id, event)

        executor.execute(jobs, report)

    def of(self, job: Job) -> list[Event]:
        """What was reported of a job, in order."""
        return [event for run_id, event in self.told if run_id == job.run_id]

    def ends(self, job: Job) -> list[str]:
        """How a job is said to have ended: a status, `busy` or `died`; once, if all is well."""
        return [
            str(event.get("status", event["event"]))
            for event in self.of(job)
            if event["event"] in ("finished", "busy", "died")
        ]

    def when(self, job: Job, kind: str) -> int:
        """Where among all reports the first of a kind is; behind all of them if there is none."""
        found = (
            place
            for place, (run_id, event) in enumerate(self.told)
            if (run_id, event["event"]) == (job.run_id, kind)
        )
        return next(found, len(self.told))

    def executions(self, job: Job) -> int:
        """How often a job's run was begun."""
        journal = self.out / deeds.JOURNAL
        lines = journal.read_text(encoding="utf-8").split() if journal.exists() else []
        return lines.count(job.run_id)


class Elsewhere:
    """Another process that works on runs, as far as executors can tell."""

    def __init__(self) -> None:
        self._held = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._held.close()

    def hold(self, job: Job) -> None:
        """Works on a run that nobody works on."""
        lease = Lease.claim(job.directory)
        if lease is not None:
            self._held.enter_context(lease.hold())

    def execute(self, out: Path, jobs: Sequence[Job]) -> None:
        """Executes runs to their end, also those that it holds."""
        self._held.close()
        Folder(out).execute(_local(), jobs)


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
    grid.folder.execute(_local(), [grid.first, grid.second, grid.plain])
    return grid


def _local() -> Executor:
    registry = load_plugins().registry
    local = registry.get("executor", own_spec("executor", "local", registry))
    executor: Executor = local.create(workers=WORKERS)
    return executor


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
    with Elsewhere() as other:

        def hold(run_id: str, event: Event) -> None:
            # only now: what is worked on before is put off by `Schedule`, without an executor
            if run_id == grid.held.run_id and event["event"] in ("queued", "started"):
                other.hold(grid.held)

        try:
            with Trial("nine runs, one of which is worked on elsewhere"):
                grid.folder.execute(same.subject.build(workers=WORKERS), grid.jobs, hold)
        except ConformanceError as error:
            return error
    return grid
