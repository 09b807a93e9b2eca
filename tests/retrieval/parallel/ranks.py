"""Two real processes that are ranks of one group, and call what they are told to.

It is a module of its own, so that the processes need not import pytest.
"""

from __future__ import annotations

import multiprocessing
from typing import TYPE_CHECKING, Any

import torch

from vsebench.retrieval.parallel.group import Group, found_store, host_store

if TYPE_CHECKING:
    from collections.abc import Callable
    from multiprocessing.connection import Connection


class Ranks:
    """The processes; a context that ends them."""

    def __init__(self, size: int = 2) -> None:
        spawn = multiprocessing.get_context("spawn")
        self._store = host_store(size + 1)  # this process hosts it and is no rank
        self._ends: list[Connection] = []
        self._processes = []
        for rank in range(size):
            here, there = spawn.Pipe()
            arguments = (rank, size, self._store.port, there)
            self._processes.append(spawn.Process(target=_serve, args=arguments, daemon=True))
            self._processes[-1].start()
            self._ends.append(here)

    def __enter__(self) -> Ranks:
        return self

    def __exit__(self, *_: object) -> None:
        for end in self._ends:
            end.send(None)
        for process in self._processes:
            process.join(10)
            process.kill()

    def call(self, function: Callable[..., Any], *arguments: Any) -> list[Any]:
        """What `function(world, *arguments)` gives on every rank."""
        for end in self._ends:
            end.send((function, arguments))
        answers = [end.recv() for end in self._ends]
        for answer in answers:
            if isinstance(answer, Exception):
                raise answer
        return answers


def _serve(rank: int, size: int, port: int, end: Connection) -> None:
    torch.set_num_threads(1)
    group = Group(rank, size, found_store(size + 1, port), torch.device("cpu"))
    while (asked := end.recv()) is not None:
        function, arguments = asked
        try:
            end.send(function(group, *arguments))
        except Exception as error:  # the test's to raise
            end.send(error)
    group.close()
