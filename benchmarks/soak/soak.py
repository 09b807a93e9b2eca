"""The soak itself: laps of a grid under blows, each checked at its end."""

from __future__ import annotations

import secrets
import shutil
import signal
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from benchmarks.soak import compare
from benchmarks.soak.blows import Blow, blows
from benchmarks.soak.flips import files_of_cache, files_of_runs, flip
from benchmarks.soak.grid import FLAT_MB, Driver, Grid, done_in
from benchmarks.soak.processes import MARK, own, send
from vsebench.plugin import VsebenchError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from benchmarks.soak.disk import Disk

STALL_MINUTES = 0.5
"""Without progress a run is ended, in laps; in peace it has as long as it needs."""
PEACE_SECONDS = 1800.0
"""For a command that nothing disturbs."""
_LEFTOVER_SECONDS = 20.0
_LOOK_SECONDS = 0.25
KINDS = ("lost", "doubled", "silently wrong", "memory", "left behind", "unexplained")
"""Of findings."""
_SUBJECT_SECONDS = 20.0
"""For what a blow is to meet to turn up."""
_ENDS = {
    0: "every run done",
    1: "a run failed",
    -signal.SIGKILL: "killed",
    130: "interrupted",
    -signal.SIGINT: "interrupted",
    143: "terminated",
    -signal.SIGTERM: "terminated",
}
_REFUSALS = {
    "No space left on device": "refused: the disk was full",
    "sets it aside and makes the run again": "refused: a file was damaged",
}
"""Why a command may end with code 2."""


@dataclass
class Tally:
    """What happened and what was found.

    Attributes:
        befell: how often each kind of blow met something.
        missed: blows that met nothing.
        ends: how the commands ended, and how many did so.
        laps: grids that were made and checked.
        made: runs that ended well, those made again included.
        set_aside: damaged files that were found and set aside.
        known: damaged files of the laps' ends that are refused when they are read.
        growth: by how many MiB the memory of commands grew, by whether they were disturbed.
        findings: what should not be.
    """

    befell: Counter[str] = field(default_factory=Counter)
    missed: int = 0
    ends: Counter[str] = field(default_factory=Counter)
    laps: int = 0
    made: int = 0
    set_aside: int = 0
    known: int = 0
    growth: dict[str, list[float]] = field(default_factory=lambda: {"peace": [], "laps": []})
    findings: dict[str, list[str]] = field(
        default_factory=lambda: {
            name: []
            for name in (
                "lost",
                "doubled",
                "silently wrong",
                "memory",
                "left behind",
                "unexplained",
            )
        }
    )


class Soak:
    """One soak, in a folder of its own.

    Args:
        grid: what is made.
        disk: where it is made in laps.
        folder: takes all else.
        seed: what befalls it.
    """

    def __init__(self, grid: Grid, disk: Disk, folder: Path, seed: int) -> None:
        self.tally = Tally()
        self._grid, self._disk, self._folder = grid, disk, folder
        self._blows: Iterator[Blow] = blows(seed)
        self._mark = secrets.token_hex(8)
        self._reference, self._out = folder / "reference", disk.folder / "runs"
        self._cache = disk.folder / "cache"
        self._drivers: list[Driver] = []
        self._started = 0
        self._later: list[tuple[float, Callable[[], object]]] = []
        self._records: dict[str, str] = {}
        self._spoilt: set[str] = set()

    def run(self, minutes: float) -> None:
        """Makes the grid in peace, and then for as long under blows. What it has started has ended
        then.
        """
        try:
            self._say("making the grid in peace")
            self._in_peace(self._reference)
            end = time.monotonic() + 60 * minutes
            while time.monotonic() < end:
                self._lap(end)
        finally:
            self._end_all()

    def _lap(self, end: float) -> None:
        self._records.clear()
        self._spoilt.clear()
        shutil.rmtree(self._out, ignore_errors=True)
        self._say(f"lap {self.tally.laps + 1}")
        while time.monotonic() < end:
            blow = next(self._blows)
            self._pass(blow.wait)
            if not self._drivers:
                if done_in(self._out) == self._grid.size:
                    break
                self._start()
            elif self._meets(blow, end):
                self.tally.befell[blow.kind] += 1
            else:
                self.tally.missed += 1
        self._quieten()
        self._say(f"{done_in(self._out)} runs are done; finishing the lap in peace")
        self._in_peace(self._out)
        self._check()

    def _pass(self, seconds: float) -> None:
        """Lets time pass, and looks."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self._do_what_is_due()
            for driver in list(self._drivers):
                driver.look()
                if driver.process.poll() is not None:
                    self._ended(driver)
            self._see_doubles()
            time.sleep(_LOOK_SECONDS)

    def _do_what_is_due(self, now: float | None = None) -> None:
        now = time.monotonic() if now is None else now
        for due, act in [each for each in self._later if each[0] <= now]:
            self._later.remove((due, act))
            act()

    def _meets(self, blow: Blow, end: float) -> bool:
        """Whether the blow met something, which it waits for; not beyond the lap's end."""
        end = min(end, time.monotonic() + _SUBJECT_SECONDS)
        while not self._falls(blow):
            if time.monotonic() >= end or not self._drivers:
                return False
            self._pass(_LOOK_SECONDS)
        return True

    def _falls(self, blow: Blow) -> bool:
        """Whether it met something."""
        deed, _, subject = blow.kind.partition(" ")
        role = {"a worker": "worker", "the command": "driver"}.get(subject, "server")
        if deed == "fill":
            self._disk.fill()
            self._in(blow.length, self._disk.free)
        elif deed == "flip":
            return self._flip(blow)
        elif deed == "start":
            if len(self._drivers) > 1:
                return False
            self._start()
        else:
            return self._signal(blow, deed, role)
        return True

    def _signal(self, blow: Blow, deed: str, role: str) -> bool:
        found = [process for process in own(self._mark) if process.role == role]
        if not found:
            return False
        process = found[int(blow.which * len(found))]
        number = {
            "kill": signal.SIGKILL,
            "interrupt": signal.SIGINT,
            "terminate": signal.SIGTERM,
        }.get(deed, signal.SIGSTOP)
        if deed == "pause":
            self._in(blow.length, lambda: send(process, self._mark, signal.SIGCONT))
        return send(process, self._mark, number)

    def _flip(self, blow: Blow) -> bool:
        if blow.kind.endswith("cache"):
            paths, keep_time = files_of_cache(self._cache), False
        else:
            paths, keep_time = files_of_runs(self._out), True
        path = flip(paths, blow.which, blow.where, keep_time=keep_time)
        if path is not None:
            self._spoilt.add(path.parent.name)
        return path is not None

    def _in(self, seconds: float, act: Callable[[], object]) -> None:
        self._later.append((time.monotonic() + seconds, act))

    def _start(self, out: Path | None = None, stall: float = STALL_MINUTES) -> Driver:
        self._started += 1
        out = out or self._out
        cache = self._folder / "cache" if out == self._reference else self._cache
        driver = Driver.start(
            self._grid,
            out,
            self._folder / f"command-{self._started}.txt",
            {**self._disk.environment, MARK: self._mark, "VSEBENCH_CACHE": str(cache)},
            stall=stall,
        )
        self._drivers.append(driver)
        return driver

    def _ended(self, driver: Driver, *, in_peace: bool = False) -> None:
        """Notes how a command ended."""
        self._drivers.remove(driver)
        code, text = driver.process.wait(), driver.text()
        why = next((why for said, why in _REFUSALS.items() if said in text), None)
        word = why if code == 2 and why else _ENDS.get(code, f"code {code}")
        explained = code in _ENDS or (code == 2 and why is not None)
        if "Traceback" in text or not explained or (in_peace and code != 0):
            self._find("unexplained", f"command {self._started}: {word}: {_last(text)}")
        if not in_peace:
            self.tally.ends[word] += 1
        self.tally.set_aside += text.count(": set aside as ")
        if driver.growth_mb is not None:
            self.tally.growth["peace" if in_peace else "laps"].append(driver.growth_mb)
            if driver.growth_mb > FLAT_MB:
                self._find("memory", f"command {self._started}: {driver.growth_mb:.0f} MiB more")

    def _see_doubles(self) -> None:
        """A record that was sound, of which nothing was damaged, stays."""
        for name, now in compare.sealed(self._out):
            if self._records.setdefault(name, now) != now:
                if name not in self._spoilt:
                    self._find("doubled", f"{name}: it was made again")
                self._records[name] = now
                self._spoilt.discard(name)

    def _quieten(self) -> None:
        """Ends the blows, and what they left half dead."""
        self._do_what_is_due(now=float("inf"))
        for process in own(self._mark):
            send(process, self._mark, signal.SIGCONT)
        for driver in list(self._drivers):
            driver.process.send_signal(signal.SIGINT)
        for driver in list(self._drivers):
            driver.wait(PEACE_SECONDS)
            self._ended(driver)
        self._see_nothing_left()

    def _in_peace(self, out: Path) -> None:
        """Makes what is left of the grid, undisturbed."""
        driver = self._start(out, stall=0)
        driver.wait(PEACE_SECONDS)
        self._ended(driver, in_peace=True)
        self._see_nothing_left()

    def _see_nothing_left(self) -> None:
        end = time.monotonic() + _LEFTOVER_SECONDS
        while (left := own(self._mark)) and time.monotonic() < end:
            time.sleep(_LOOK_SECONDS)
        for process in left:
            self._find("left behind", f"a {process.role} outlived its command")
            send(process, self._mark, signal.SIGKILL)

    def _check(self) -> None:
        self.tally.laps += 1
        self.tally.made += done_in(self._out)
        try:
            for kind, look in (
                ("lost", compare.lost),
                ("doubled", compare.doubled),
                ("silently wrong", compare.wrong),
            ):
                for each in look(self._out, self._reference):
                    self._find(kind, f"lap {self.tally.laps}: {each}")
            self.tally.known += len(compare.refused(self._out))
        except VsebenchError as error:
            self._find("unexplained", f"lap {self.tally.laps}: {error}")

    def _find(self, kind: str, what: str) -> None:
        self.tally.findings[kind].append(what)
        self._say(f"FOUND {kind}: {what}")

    def _end_all(self) -> None:
        self._disk.free()
        for process in own(self._mark):
            send(process, self._mark, signal.SIGKILL)
        for driver in self._drivers:
            driver.process.wait()

    def _say(self, text: str) -> None:
        print(f"benchmarks.soak: {text}", file=sys.stderr, flush=True)


def _last(text: str) -> str:
    return (text.strip().splitlines() or [""])[-1][:300]
