"""Stands in for Ray, as far as the executor uses it: tasks are threads, and a node is lost when a
test says so.
"""

from __future__ import annotations

import sys
import threading
from queue import Empty, SimpleQueue
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import pytest


class RayError(Exception):
    pass


class NodeDiedError(RayError):
    pass


class RayTaskError(RayError):
    pass


class RaySystemError(RayError):
    pass


class OutOfMemoryError(RayError):
    pass


class Strategy:
    def __init__(self, node_id: str, *, soft: bool) -> None:
        self.node_id = node_id


class Reference:
    """What a task gave, or why it gave nothing."""

    def __init__(self, value: object) -> None:
        self.value = value


class Generator:
    """What comes from a task that is under way."""

    def __init__(self, items: Iterator[object], name: str) -> None:
        self.name = name
        self.cancelled = False
        self.closed = threading.Event()
        self._items, self._ready = items, SimpleQueue[Reference | None]()
        self._next: Reference | None = None
        self._over = False
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        try:
            for item in self._items:
                if self.cancelled:
                    break
                self._ready.put(Reference(item))
        except Exception as error:
            self._ready.put(Reference(RayTaskError(f"traceback\n{type(error).__name__}: {error}")))
        finally:
            self._ready.put(None)
            self.closed.set()

    def lose(self, error: Exception) -> None:
        """The node of the task is gone, and what it has not sent."""
        self.cancelled = True
        self._ready = SimpleQueue()
        self._ready.put(Reference(error))
        self._ready.put(None)

    def poll(self, timeout: float) -> bool:
        if self._next is None and not self._over:
            try:
                self._next = self._ready.get(timeout=timeout)
            except Empty:
                return False
            self._over = self._next is None
        return True

    def __next__(self) -> Reference:
        while not self.poll(1.0):
            pass
        found, self._next = self._next, None
        if found is None:
            raise StopIteration
        return found


class FakeRay(ModuleType):
    """The module.

    Attributes:
        started: the options of each task of a run, in order.
        tasks: the tasks of runs.
        cluster: the nodes, as Ray lists them.
    """

    ObjectRefGenerator = Generator

    def __init__(self) -> None:
        super().__init__("ray")
        self.started: list[dict[str, Any]] = []
        self.tasks: list[Generator] = []
        self.cluster = [{"NodeID": "a", "Alive": True, "Resources": {"CPU": 4.0}}]
        self.joined: list[str | None] = []
        self.refuses = ""

    def install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        exceptions, util, strategies = (
            ModuleType(f"ray.{name}")
            for name in ("exceptions", "util", "util.scheduling_strategies")
        )
        vars(exceptions).update(
            RayError=RayError,
            RayTaskError=RayTaskError,
            RaySystemError=RaySystemError,
            NodeDiedError=NodeDiedError,
            OutOfMemoryError=OutOfMemoryError,
        )
        vars(strategies)["NodeAffinitySchedulingStrategy"] = Strategy
        for module in (self, exceptions, util, strategies):
            monkeypatch.setitem(sys.modules, module.__name__, module)
        for name in [name for name in sys.modules if name.startswith("vsebench_plugins.ray.")]:
            monkeypatch.delitem(sys.modules, name)

    def is_initialized(self) -> bool:
        return False

    def init(self, address: str | None, **_: object) -> None:
        if self.refuses:
            raise ConnectionError(self.refuses)
        self.joined.append(address)

    def shutdown(self) -> None:
        self.joined.append("left")

    def nodes(self) -> list[dict[str, Any]]:
        return self.cluster

    def remote(self, **outer: Any) -> Callable[[Callable[..., Any]], Any]:
        fake = self

        class Task:
            def __init__(self, function: Callable[..., Any], options: dict[str, Any]) -> None:
                self.function, self.given = function, options

            def options(self, **more: Any) -> Task:
                return Task(self.function, {**self.given, **more})

            def remote(self, *arguments: Any) -> Reference | Generator:
                if self.given.get("num_returns") == "streaming":
                    fake.started.append(self.given)
                    task = Generator(self.function(*arguments), self.given["name"])
                    fake.tasks.append(task)
                    return task
                try:
                    return Reference(self.function(*arguments))
                except Exception as error:
                    return Reference(RayTaskError(f"traceback\n{error}"))

        return lambda function: Task(function, outer)

    def get(self, reference: Reference, timeout: float | None = None) -> object:
        if isinstance(reference.value, Exception):
            raise reference.value
        return reference.value

    def wait(
        self, tasks: list[Generator], *, num_returns: int, timeout: float, fetch_local: bool
    ) -> tuple[list[Generator], list[Generator]]:
        for _ in range(100):
            ready = [task for task in tasks if task.poll(timeout / 1000)]
            if ready:
                return ready[:num_returns], []
        return [], tasks

    def cancel(self, task: Generator, *, force: bool) -> None:
        assert force
        task.cancelled = True
