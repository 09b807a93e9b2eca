"""How many runs a plan has at a time, and which CUDA devices each of them has."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Literal, NamedTuple

from vsebench.grid.job import Place
from vsebench.kernels.devices import cuda_devices, default_workers
from vsebench.kernels.named_devices import capacity, check_listed, parse, places
from vsebench.plugin.errors import SpecError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vsebench.kernels.named_devices import Devices
    from vsebench.plugin.registry import Component


class Dealt(NamedTuple):
    """What a plan says of its devices.

    Attributes:
        workers: runs at a time.
        devices: the CUDA devices as `--device` names them; none where any will do.
        share: the part of a device that each run has.
    """

    workers: int
    devices: tuple[str, ...] = ()
    share: float = 1.0


def deal(
    workers: int | None,
    devices: Devices,
    device: Literal["cpu", "cuda"],
    executor: Component,
    each: int = 1,
) -> Dealt:
    """What a suite comes down to.

    Args:
        workers: runs at a time that the suite asks for; None leaves it to the executor or to this
            machine.
        devices: devices that it asks for.
        device: type of device that the runs use.
        executor: what executes them.
        each: devices of a run.

    Raises:
        SpecError: this machine lacks one of the devices, the executor gives runs devices itself, or
            more runs are asked for than shares.
    """
    cls = executor.load()
    takes = "devices" in inspect.signature(cls).parameters
    if devices.listed and not takes:
        raise SpecError(
            f"--device {','.join(map(str, devices.entries))} names devices of this machine, and "
            f"executor '{executor.name}' gives runs devices itself: write --device cuda"
        )
    here = device == "cuda" and takes
    if not here or (not devices.entries and each == 1):
        known = getattr(cls, "default_workers", default_workers)
        return Dealt(workers or max(1, int(known(device)) // each), share=devices.share)
    visible = len(cuda_devices())
    check_listed(devices.listed, visible)
    wanted = workers or capacity(devices.entries, visible, each)
    places(devices.entries, visible, wanted, each)  # refuses what there is too little of
    return Dealt(wanted, tuple(map(str, devices.entries)), devices.share)


def place_of(slot: int, workers: int, devices: Sequence[str], each: int = 1) -> Place | None:
    """The place of one of so many runs at a time on this machine; None where it has no device, as
    the run will say.

    Args:
        slot: which of them, from 0.
        workers: how many there are.
        devices: the CUDA devices as `--device` names them; none stands for all.
        each: devices of a run.
    """
    visible = cuda_devices()
    if not visible:
        return None
    entries = parse(",".join(devices)).entries if devices else ()
    dealt = places(entries, len(visible), workers, each)
    mine = dealt[slot]
    return Place(
        names=tuple(f"cuda:{index}" for index in mine),
        visible=tuple(visible[index] for index in mine),
        runs=sum(bool({*mine} & {*other}) for other in dealt),
    )
