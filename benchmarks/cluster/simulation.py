"""A grid on many machines that share a slow folder: what it took, and whether it is whole."""

from __future__ import annotations

import random
import types
from contextlib import ExitStack, contextmanager
from functools import partial, wraps
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from benchmarks.cluster.disk import Disk
from benchmarks.cluster.machines import Executor, Node
from benchmarks.cluster.outcome import Outcome
from benchmarks.cluster.training import Training
from benchmarks.cluster.world import Event, Pool, ThreadLike, World, here, own_process
from tests.factories import component, make_spec
from vsebench.grid import execute, run
from vsebench.grid.plan import Plan
from vsebench.grid.run_log import RunLog
from vsebench.plugin import others
from vsebench.plugin.executors import Schedule
from vsebench.results.folder import at_once, lease
from vsebench.results.folder.directory import RunDirectory
from vsebench.results.folder.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from benchmarks.cluster.outcome import Setting
    from benchmarks.cluster.world import Process
    from vsebench.results.spec import RunSpec

HOUR = 3600.0
_LOSSES, _SEEDS, _DEPENDENT = 10, 5, 10

_PURPOSES: tuple[tuple[Any, str, str], ...] = (
    (lease.Lease, "claim", "claims"),
    (lease.Lease, "release", "claims"),
    (lease.Lease, "heartbeat", "heartbeats"),
    *((RunDirectory, name, "results") for name in vars(RunDirectory) if name.startswith("write_")),
    (RunDirectory, "append_evaluation", "results"),
    (RunDirectory, "read_checkpoint", "results"),
    (RunLog, "write", "logs"),
    (execute, "_finished", "lookups"),
    (execute, "_blocked", "lookups"),
    (execute, "held_by", "others' runs"),
    (run, "pending", "start-up"),
    (run, "_set_damaged_aside", "start-up"),
    (run, "_jobs", "start-up"),
    (Store, "prepare", "start-up"),
    (Store, "note_plan", "start-up"),
    (others.Others, "__init__", "start-up"),
    (Schedule, "__init__", "start-up"),
    (others.Others, "states", "others' runs"),
    (run, "held_by", "others' runs"),
    (Schedule, "take", "others' runs"),
)


def specs(count: int) -> list[RunSpec]:
    """As many runs, of which one in ten needs another one's model."""
    made: list[RunSpec] = []
    for number in range(count):
        row, seed = divmod(number, _SEEDS)
        needs = (made[-_SEEDS].run_id,) if row % _DEPENDENT == 1 else ()
        made.append(
            make_spec(
                f"power:p={row // _LOSSES}",
                f"triplet:margin={row % _LOSSES}",
                seed,
                depends_on=needs,
            )
        )
    return made


def simulate(setting: Setting, folder: Path) -> Outcome:
    """Executes a grid in an empty folder."""
    return _Simulation(setting, folder).run()


def start_up(setting: Setting, folder: Path) -> Outcome:
    """Executes a grid until the first command has started its first run, or has nothing to do."""
    return _Simulation(setting, folder, only_start=True).run()


class _Simulation:
    def __init__(self, setting: Setting, folder: Path, *, only_start: bool = False) -> None:
        self.only_start = only_start
        self.setting, self.world = setting, World(setting.grain)
        self.disk = Disk(self.world, folder, setting.latency)
        self.outcome = Outcome(setting, self.disk, Training(self.world, setting.seconds))
        self.nodes = [
            Node(self.world, f"node{n}", setting.workers) for n in range(1, setting.nodes + 1)
        ]
        self.by_name = {node.name: node for node in self.nodes}
        self.executors: dict[Process, Executor] = {}
        self.orphans: dict[str, float] = {}
        self.commands = 0
        self.left: set[str] = set()

    def run(self) -> Outcome:
        runs = specs(self.setting.runs)
        self.left = {each.run_id for each in runs[self.setting.done :]}
        _leave(runs[: self.setting.done], self.disk.folder)
        self.plan = Plan(tuple(runs), component("local"), self.setting.workers, self.disk.folder)
        hosts = self.nodes if self.setting.commands else [Node(self.world, "driver", 0)]
        self.by_name |= {host.name: host for host in hosts}
        self.commands = len(hosts)
        with self._patched():
            for host in hosts:
                process, nodes = host.process(), [host] if self.setting.commands else self.nodes
                self.executors[process] = Executor(self.world, nodes)
                self.world.start(process, self._command)
            self.world.start(self.world.process("fate"), self._fate)
            self.world.run()
        return self._judged(runs)

    def _command(self) -> None:
        begun, started = self.world.now, False

        def reporter(_: str, event: dict[str, object]) -> None:
            nonlocal started
            if event["event"] == "started" and not started:
                started = True
                self.outcome.start_ups.append(self.world.now - begun)
                if self.only_start:
                    self.commands = 0
                    for node in self.by_name.values():
                        node.lose()

        run.run_plan(self.plan, reporter=reporter)
        if not started:
            self.outcome.start_ups.append(self.world.now - begun)
        self.commands -= 1

    def _fate(self) -> None:
        """Loses machines, the last one never."""
        chance = random.Random(self.setting.seed)
        while self.setting.lost_an_hour and self.commands > 0:
            alive = [node for node in self.nodes if node.lost is None]
            rate = self.setting.lost_an_hour * len(alive) / HOUR
            due = self.world.now + chance.expovariate(rate)
            while self.world.now < due and self.commands > 0:
                self.world.wait(min(60.0, due - self.world.now))
            if self.commands > 0 and len(alive) > 1 and self.left:
                self._lose(chance.choice(alive))

    def _lose(self, node: Node) -> None:
        self.orphans |= dict.fromkeys(node.running, self.world.now)
        self.outcome.lost_nodes += 1
        self.commands -= self.setting.commands
        node.lose()

    @contextmanager
    def _patched(self) -> Iterator[None]:
        """The library in this world: its clock, its file system, its machines, and who does what
        counted.
        """
        threads = types.SimpleNamespace(Event=partial(Event, self.world), Thread=self._thread)
        with ExitStack() as stack:
            patches = [
                patch.object(lease, "threading", threads),
                patch.object(lease, "machine_id", lambda: own_process().node),
                patch.object(lease, "start_time", self._start_time),
                patch.object(others, "random", random.Random(self.setting.seed)),
                patch.object(run, "executor_of", lambda _: self.executors[own_process()]),
                patch.object(execute, "_train", self._train),
                patch.object(at_once, "ThreadPoolExecutor", partial(Pool, self.world)),
            ]
            for each in patches:
                stack.enter_context(each)
            for owner, name, purpose in _PURPOSES:
                stack.enter_context(patch.object(owner, name, _labelled(owner, name, purpose)))
            stack.enter_context(self.disk.mounted())
            yield

    def _thread(self, target: Callable[..., object], args: tuple[object, ...], **_: object) -> Any:
        return ThreadLike(self.world, target, args)

    def _start_time(self, pid: int) -> str | None:
        node = self.by_name[own_process().node]
        return "0" if node.lives(pid) else None

    def _train(self, spec: RunSpec, directory: RunDirectory, report: Any, observers: Any) -> Any:
        if spec.run_id in self.orphans:
            self.outcome.taken_over.append(self.world.now - self.orphans.pop(spec.run_id))
        record = self.outcome.training(spec, directory, report, observers)
        self.left.discard(spec.run_id)
        self.outcome.hours = self.world.now / HOUR
        return record

    def _judged(self, runs: Sequence[RunSpec]) -> Outcome:
        outcome, end = self.outcome, self.outcome.hours * HOUR
        outcome.available = sum(
            node.workers * min(end, node.lost if node.lost is not None else end)
            for node in self.nodes
        )
        outcome.busy = sum(node.busy for node in self.nodes)
        store = Store(self.disk.folder)
        found = {run.path.name.rpartition("-")[2]: run for run in store.runs()}
        for spec in runs:
            left = found.pop(spec.run_id[:10], None)
            if left is None or not left.is_done or left.damage(model=True):
                outcome.unfinished.append(spec.label)
        outcome.unfinished += [f"{run.path} is nobody's" for run in found.values()]
        return outcome


def _labelled(owner: Any, name: str, purpose: str) -> Any:
    """A function whose operations are for a purpose."""
    found = vars(owner)[name]
    function = found.__func__ if isinstance(found, classmethod) else found

    @wraps(function)
    def labelled(*args: Any, **kwargs: Any) -> Any:
        thread = here()
        if thread is None:
            return function(*args, **kwargs)
        thread.purposes.append(purpose)
        try:
            return function(*args, **kwargs)
        finally:
            thread.purposes.pop()

    return classmethod(labelled) if isinstance(found, classmethod) else labelled


def _leave(runs: Sequence[RunSpec], folder: Path) -> None:
    """Runs that are done."""
    world = World()
    training = Training(world, 0.0)
    for spec in runs:
        directory = Store(folder).directory_for(spec)

        def leave(spec: RunSpec = spec, directory: RunDirectory = directory) -> None:
            directory.write_spec(spec)
            training(spec, directory, lambda _: None, None)

        world.start(world.process("before"), leave)
        world.run()
