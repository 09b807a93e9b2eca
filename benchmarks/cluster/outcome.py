"""What is simulated, and what it came to."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from benchmarks.cluster.training import EPOCHS

if TYPE_CHECKING:
    from benchmarks.cluster.disk import Disk
    from benchmarks.cluster.training import Training


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
    def doubled(self) -> int:
        """Runs that were recorded as done more than once."""
        return sum(times > 1 for times in self.training.ended.values())

    def by_purpose(self) -> Counter[str]:
        """Number of operations by purpose."""
        found: Counter[str] = Counter()
        for (purpose, _), times in self.disk.operations.items():
            found[purpose] += times
        return found
