"""A grid on many machines that share a slow folder: what it took, and whether it is whole."""

from __future__ import annotations

import random
import types
from collections import Counter
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial, wraps
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from benchmarks.cluster.disk import Disk
from benchmarks.cluster.machines import Executor, Node
from benchmarks.cluster.training import EPOCHS, Training
from benchmarks.cluster.world import Event, Pool, ThreadLike, World, here
from tests.factories import component, make_spec
from vsebench.grid import execute, others, run
from vsebench.grid.plan import Plan
from vsebench.grid.run_log import RunLog
from vsebench.plugin.executors import Schedule
from vsebench.results import at_once, lease
from vsebench.results.directory import RunDirectory
from vsebench.results.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

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


@dataclass(frozen=True)
class Setting:
    """What is simulated.

    Attributes:
        runs: number of runs.
        nodes: number of machines.
        workers: runs at a time on each.
        commands: whether each machine has a command of its own; else one command elsewhere has all
            machines.
        seconds: what a run computes, on average.
        latency: seconds of a metadata operation.
        lost_an_hour: the part of the machines that is lost in an hour.
        done: runs that are done before.
        seed: which machines are lost when.
        grain: see `World`.
    """

    runs: int = 10_000
    nodes: int = 25
    workers: int = 8
    commands: bool = True
    seconds: float = 600.0
    latency: float = 0.03
    lost_an_hour: float = 0.01
    done: int = 0
    seed: int = 0
    grain: float = 0.0


@dataclass
class Outcome:
    """What a simulation came to.

    Attributes:
        setting: what was simulated.
        hours: until the last run had ended.
        disk: the file system.
        training: what was computed.
        start_ups: seconds until each command had started a run, or ended.
        lost_nodes: number of machines that were lost.
        taken_over: seconds until the runs of lost machines were claimed again.
        available: seconds that workers had, those of lost machines until then.
        busy: seconds of them in which a worker had a run.
        computed: seconds of computation, epochs that were computed again included.
        unfinished: runs that are not done, or damaged.
    """

    setting: Setting
    disk: Disk
    training: Training
    hours: float = 0.0
    start_ups: list[float] = field(default_factory=list)
    lost_nodes: int = 0
    taken_over: list[float] = field(default_factory=list)
    available: float = 0.0
    busy: float = 0.0
    unfinished: list[str] = field(default_factory=list)

    @property
    def computed(self) -> float:
        return sum(
            times * self.training.seconds_of(run_id) / EPOCHS
            for (run_id, _), times in self.training.epochs.items()
        )

    @property
    def computed_again(self) -> int:
        """Epochs that were computed more than once."""
        return sum(times - 1 for times in self.training.epochs.values())

    @property
    def doubled(self) -> int:
        """Runs that were recorded as done more than once."""
        return sum(times > 1 for times in self.training.ended.values())

    def by_purpose(self) -> Counter[str]:
        """Number of operations by purpose."""
        found: Counter[str] = Counter()
        for (purpose, _), times in self.disk.operations.items():
            found[purpose] += times
        return found


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
                executor = Executor(self.world, [host] if self.setting.commands else self.nodes)
                self.world.start(host.process(), partial(self._command, executor))
            self.world.start(self.world.process("fate"), self._fate)
            self.world.run()
        return self._judged(runs)

    def _command(self, executor: Executor) -> None:
        process, begun = here().process, self.world.now  # type: ignore[union-attr]
        process.executor, process.started = executor, False  # type: ignore[attr-defined]

        def started(run_id: str, event: dict[str, object]) -> None:  # noqa: ARG001
            if event["event"] == "started" and not process.started:  # type: ignore[attr-defined]
                process.started = True  # type: ignore[attr-defined]
                self.outcome.start_ups.append(self.world.now - begun)
                if self.only_start:
                    self.commands = 0
                    self.left.clear()
                    for node in self.by_name.values():
                        node.lose()

        run.run_plan(self.plan, reporter=started)
        if not process.started:  # type: ignore[attr-defined]
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
        threads = types.SimpleNamespace(
            Event=partial(Event, self.world), Thread=self._thread, Lock=None
        )
        with ExitStack() as stack:
            patches = [
                patch.object(lease, "threading", threads),
                patch.object(lease, "machine_id", lambda: here().process.node),  # type: ignore[union-attr]
                patch.object(lease, "start_time", self._start_time),
                patch.object(run, "executor_of", lambda _: here().process.executor),  # type: ignore[union-attr]
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
        node = self.by_name[here().process.node]  # type: ignore[union-attr]
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
