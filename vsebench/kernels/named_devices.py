"""Devices as `--device` names them: `auto`, `cpu`, `cuda`, `cuda:1`, `cuda:0,cuda:1`, and shares of
them, such as `cuda:0/4`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import count, cycle, islice
from typing import TYPE_CHECKING, Literal

from vsebench.kernels.devices import resolve_device
from vsebench.plugin.errors import SpecError, nearest

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch

PATTERN = r"^\s*(auto|cpu|cuda(:\d+)?(/\d+)?(\s*,\s*cuda:\d+(/\d+)?)*)\s*$"
"""The pattern that editors check a suite file against; `parse` checks more."""

_ENTRY = re.compile(r"([^:/]*)(?::(\d+))?(?:/(\d+))?")
_KINDS = ("auto", "cpu", "cuda")


@dataclass(frozen=True)
class Entry:
    """One device of a list.

    Attributes:
        index: its number, as PyTorch counts; None stands for every CUDA device.
        runs: number of runs that share it at a time; None for a whole device.
    """

    index: int | None
    runs: int | None = None

    def __str__(self) -> str:
        number = "" if self.index is None else f":{self.index}"
        return f"cuda{number}{'' if self.runs is None else f'/{self.runs}'}"


@dataclass(frozen=True)
class Devices:
    """The value of `--device`.

    Attributes:
        kind: `auto` is CUDA where there is a device, else the CPU.
        entries: the CUDA devices that are named, or the share of every one; none where any will do.
    """

    kind: Literal["auto", "cpu", "cuda"]
    entries: tuple[Entry, ...] = ()

    @property
    def listed(self) -> tuple[Entry, ...]:
        """The devices that are named by number."""
        return tuple(entry for entry in self.entries if entry.index is not None)

    @property
    def share(self) -> float:
        """The part of a device that each run gets where every device is shared alike."""
        runs = {entry.runs or 1 for entry in self.entries}
        return 1 / runs.pop() if len(runs) == 1 else 1.0


def parse(text: str) -> Devices:
    """The devices of a text.

    Raises:
        SpecError: the text names no devices, names one twice, or mixes kinds.
    """
    words = [word.strip() for word in text.split(",")]
    found = [_parsed(word) for word in words]
    kinds = [kind for kind, _ in found]
    for word, kind in zip(words, kinds, strict=True):
        if kind != kinds[0]:
            raise SpecError(
                f"devices '{words[0]}' and '{word}' cannot be mixed: runs that are compared all "
                "use the CPU, or all use CUDA"
            )
    entries = tuple(entry for _, entry in found if entry is not None)
    indices = [entry.index for entry in entries] if entries else kinds
    for position, index in enumerate(indices):
        if index in indices[:position]:
            raise SpecError(
                f"device '{words[position].split('/')[0]}' is given twice: several runs share one "
                "as cuda:0/2"
            )
    if len(entries) > 1 and None in indices:
        raise SpecError(
            f"devices '{text}': 'cuda' alone is every CUDA device; name some as cuda:0,cuda:1"
        )
    if entries == (Entry(None),):
        entries = ()
    return Devices(kinds[0], entries)


def _parsed(word: str) -> tuple[Literal["auto", "cpu", "cuda"], Entry | None]:
    match = _ENTRY.fullmatch(word)
    kind = match[1] if match else word
    if match is None or kind not in _KINDS:
        near = nearest(word, _KINDS) if kind == word else None
        hint = f"did you mean '{near}'? " if near else ""
        if word.lower().startswith("gpu"):
            hint = "GPUs are named cuda: "
        raise SpecError(
            f"unknown device '{word}': {hint}write auto, cpu, cuda, or devices by number, such as "
            "cuda:0,cuda:1"
        )
    if kind != "cuda" and (match[2] or match[3]):
        raise SpecError(
            f"unknown device '{word}': only CUDA devices have numbers and shares, such as "
            "cuda:1 and cuda:0/2; on the CPU, --workers says how many runs share it"
        )
    runs = None if match[3] is None else int(match[3])
    if runs == 0:
        raise SpecError(f"device '{word}': a share is of 1 run at least, such as cuda:0/2")
    if kind != "cuda":
        return ("auto" if kind == "auto" else "cpu"), None
    return "cuda", Entry(None if match[2] is None else int(match[2]), runs)


def one_device(text: str) -> torch.device:
    """The device of a command that uses one.

    Raises:
        SpecError: the text names no device, one that is not on this machine, or a share.
    """
    import torch

    asked = parse(text)
    if len(asked.entries) > 1 or any(entry.runs is not None for entry in asked.entries):
        raise SpecError(
            f"device '{text}': one is used here: write auto, cpu, cuda, or one by number, such as "
            "cuda:1"
        )
    kind = resolve_device(asked.kind)
    if not asked.entries or asked.entries[0].index is None:
        return torch.device(kind)
    check_listed(asked.entries, torch.cuda.device_count())
    return torch.device(kind, asked.entries[0].index)


def check_listed(listed: Sequence[Entry], known: int) -> None:
    """Refuses devices beyond the `known` ones of this machine.

    Raises:
        SpecError: a number is too large.
    """
    for entry in listed:
        assert entry.index is not None
        if entry.index >= known:
            have = ", ".join(f"cuda:{index}" for index in range(known))
            raise SpecError(f"there is no device 'cuda:{entry.index}': this machine has {have}")


def capacity(entries: Sequence[Entry], known: int, each: int = 1) -> int:
    """The default number of runs at a time: one per device, or as many as share it.

    Args:
        entries: the requested devices.
        known: number of CUDA devices of this machine.
        each: number of devices of a run.

    Raises:
        SpecError: a run needs more devices than there are, or whole ones where shares are given.
    """
    every = _every(entries, known)
    if each == 1:
        return sum(entry.runs or 1 for entry in every)
    if any(entry.runs is not None for entry in every):
        raise SpecError(
            f"devices={each} gives a run whole devices: leave the shares out of --device "
            f"{','.join(map(str, entries))}"
        )
    if len(every) < each:
        have = ",".join(map(str, every))
        raise SpecError(f"devices={each} needs {each} CUDA devices, and there is {have} alone")
    return len(every) // each


def places(
    entries: Sequence[Entry], known: int, workers: int, each: int = 1
) -> list[tuple[int, ...]]:
    """The devices of each concurrent run. Runs take turns among the devices; a shared device has at
    most as many as its share says.

    Args:
        entries: the requested devices.
        known: number of CUDA devices of this machine.
        workers: number of concurrent runs.
        each: number of devices of a run.

    Raises:
        SpecError: as `capacity`, or the shares hold fewer runs.
    """
    most = capacity(entries, known, each)
    every = _every(entries, known)
    if any(entry.runs is not None for entry in every):
        if workers > most:
            raise SpecError(
                f"--workers {workers} is more than the shares of --device "
                f"{','.join(map(str, entries))} hold, which is {most}: leave one of the two out"
            )
        turns = (entry for turn in count(1) for entry in every if (entry.runs or 1) >= turn)
        return [(entry.index or 0,) for entry in islice(turns, workers)]
    indices = [entry.index or 0 for entry in every]
    groups = [tuple(indices[i * each : (i + 1) * each]) for i in range(most)]
    return list(islice(cycle(groups), workers))


def _every(entries: Sequence[Entry], known: int) -> list[Entry]:
    """The entries by number."""
    listed = [entry for entry in entries if entry.index is not None]
    if listed:
        return listed
    runs = entries[0].runs if entries else None
    return [Entry(index, runs) for index in range(known)]
