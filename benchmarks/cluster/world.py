"""Virtual time: threads of which one runs at a time, until it waits; then the clock jumps to
whatever comes first. The same threads do the same in the same order, however fast this machine is.
"""

from __future__ import annotations

import threading
from heapq import heappop, heappush
from itertools import count
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

_STACK = 1 << 20


class Killed(BaseException):
    """Ends the threads of a process that was killed, at the moment at which they would go on."""


class Process:
    """Threads that die together.

    Attributes:
        node: name of the machine.
        pid: process id, which no other process has.
    """

    def __init__(self, node: str, pid: int) -> None:
        self.node, self.pid = node, pid
        self.dead = False
        self.threads: set[Thread] = set()


class Thread:
    """A thread of a process; see `World.start`.

    Attributes:
        process: the process.
        purposes: what it is doing, the innermost last.
        opening: whether it is inside an operation that opens a file.
        ahead: seconds by which it is ahead of the clock.
    """

    def __init__(self, world: World, process: Process, target: Callable[[], object]) -> None:
        self.process, self.purposes, self.opening, self.ahead = process, ["other"], False, 0.0
        self._world, self._target = world, target
        self._go = threading.Lock()
        self._go.acquire()
        self._turn = 0  # entries of the agenda for other turns are outdated
        self.ended = Event(world)
        process.threads.add(self)

    def _run(self) -> None:
        self._go.acquire()
        _here.thread = self
        try:
            if not self.process.dead:
                self._target()
        except Killed:
            pass
        except BaseException as error:
            self._world.errors.append(error)
        self.process.threads.discard(self)
        self._turn += 1
        self.ended.set()
        self._world._hand_on()


class World:
    """The clock and the agenda.

    Attributes:
        clock: seconds since the beginning.
        grain: seconds by which a thread may be ahead of the clock before others have their turn.
            With 0 whatever takes time is in its right order; changing threads takes most of the
            time of a large simulation, though.
        errors: what threads raised.
    """

    def __init__(self, grain: float = 0.0) -> None:
        self.clock, self.grain = 0.0, grain
        self.errors: list[BaseException] = []
        self._agenda: list[tuple[float, int, Thread, int]] = []
        self._order, self._pids = count(), count(1)
        self._idle = threading.Semaphore(0)

    @property
    def now(self) -> float:
        """The time of the thread that runs."""
        thread = here()
        return self.clock + (thread.ahead if thread is not None else 0.0)

    def process(self, node: str) -> Process:
        return Process(node, next(self._pids))

    def start(self, process: Process, target: Callable[[], object]) -> Thread:
        """Starts a thread of a process."""
        thread = Thread(self, process, target)
        before = threading.stack_size(_STACK)
        threading.Thread(target=thread._run, daemon=True).start()
        threading.stack_size(before)
        self.wake(thread)
        return thread

    def run(self) -> None:
        """Runs until nothing is left to do, and raises what a thread did."""
        self._hand_on()
        self._idle.acquire()
        if self.errors:
            raise self.errors[0]

    def spend(self, seconds: float) -> None:
        """Takes so many seconds."""
        thread = here()
        assert thread is not None
        if thread.process.dead:
            raise Killed
        thread.ahead += seconds
        if thread.ahead > self.grain:
            self.wait(0.0)

    def wait(self, seconds: float | None) -> None:
        """Lets others run for so many seconds, or until this thread is woken."""
        thread = here()
        assert thread is not None
        if thread.process.dead:
            raise Killed
        if seconds is not None:
            self._enter(thread, seconds + thread.ahead)
        thread.ahead = 0.0
        following = self._next()
        if following is not thread:
            (self._idle if following is None else following._go).release()
            thread._go.acquire()
        if thread.process.dead:
            raise Killed

    def wake(self, thread: Thread) -> None:
        self._enter(thread, 0.0)

    def kill(self, process: Process) -> None:
        """Ends the threads of a process; none of them does anything more."""
        process.dead = True
        for thread in process.threads:
            self.wake(thread)

    def _enter(self, thread: Thread, seconds: float) -> None:
        heappush(self._agenda, (self.clock + seconds, next(self._order), thread, thread._turn))

    def _next(self) -> Thread | None:
        while self._agenda:
            at, _, thread, turn = heappop(self._agenda)
            if turn == thread._turn:
                self.clock = at
                thread._turn += 1
                return thread
        return None

    def _hand_on(self) -> None:
        following = self._next()
        (self._idle if following is None else following._go).release()


class Event:
    """As `threading.Event`."""

    def __init__(self, world: World) -> None:
        self._world, self._set = world, False
        self._waiting: list[Thread] = []

    def is_set(self) -> bool:
        return self._set

    def set(self) -> None:
        self._set = True
        for thread in self._waiting:
            self._world.wake(thread)

    def wait(self, timeout: float | None = None) -> bool:
        thread = here()
        assert thread is not None
        if thread.ahead:
            self._world.wait(0.0)
        if not self._set:
            self._waiting.append(thread)
            try:
                self._world.wait(timeout)
            finally:
                self._waiting.remove(thread)
        return self._set


class Inbox:
    """As `queue.SimpleQueue`, for one reader."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._items: list[Any] = []
        self._arrived = Event(world)

    def put(self, item: object) -> None:
        self._items.append(item)
        self._arrived.set()

    def get(self) -> Any:
        while not self._items:
            self._arrived = Event(self._world)
            self._arrived.wait()
        return self._items.pop(0)


class ThreadLike:
    """As `threading.Thread`, in the process of whoever starts it."""

    def __init__(
        self,
        world: World,
        target: Callable[..., object],
        args: tuple[object, ...] = (),
    ) -> None:
        self._world, self._target, self._args = world, target, args

    def start(self) -> None:
        thread = here()
        assert thread is not None
        self._thread = self._world.start(thread.process, lambda: self._target(*self._args))

    def join(self) -> None:
        self._thread.ended.wait()


class Pool:
    """As `concurrent.futures.ThreadPoolExecutor`, in the process of whoever uses it."""

    def __init__(self, world: World, workers: int) -> None:
        self._world, self._workers = world, workers

    def __enter__(self) -> Pool:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def map(self, function: Callable[[Any], object], items: list[Any]) -> list[Any]:
        thread, left, found = here(), iter(enumerate(items)), {}
        assert thread is not None

        def work() -> None:
            here().purposes.append(thread.purposes[-1])  # type: ignore[union-attr]
            for place, item in left:
                found[place] = function(item)

        made = [self._world.start(thread.process, work) for _ in range(self._workers)]
        for each in made:
            each.ended.wait()
        return [found[place] for place in range(len(items))]


_here = threading.local()


def here() -> Thread | None:
    """The thread that runs; None outside of every world."""
    return getattr(_here, "thread", None)


def own_process() -> Process:
    """The process of the thread that runs."""
    thread = here()
    assert thread is not None
    return thread.process
