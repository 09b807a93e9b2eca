"""Ranks that talk to each other through `torch.distributed`: NCCL on CUDA, gloo on the CPU."""

from __future__ import annotations

import os
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar

import torch
from torch import distributed
from torch._C._distributed_c10d import Store, TCPStore

from vsebench.plugin import VsebenchError
from vsebench.retrieval.parallel.world import LOST, RankLostError, World, part_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from torch import Tensor

    from vsebench.plugin import Key

T = TypeVar("T")

RANK_TIMEOUT = "VSEBENCH_RANK_TIMEOUT"
"""The environment variable that says for how many seconds ranks wait for each other."""

_SECONDS = 1800.0
"""For as long, the others wait while the leading rank mines or is in a plugin's hook."""
_HOST = "127.0.0.1"
_LOOPBACK = "GLOO_SOCKET_IFNAME"


def patience() -> timedelta:
    """Longest time that ranks wait for each other."""
    return timedelta(seconds=float(os.environ.get(RANK_TIMEOUT, _SECONDS)))


def host_store(size: int) -> TCPStore:
    """The store through which ranks of this machine find each other; they are told its `port`."""
    return TCPStore(_HOST, 0, size, is_master=True, timeout=patience(), wait_for_workers=False)


def found_store(size: int, port: int) -> Store:
    """The store that another rank hosts."""
    return TCPStore(_HOST, port, size, is_master=False, timeout=patience())


class Group(World):
    """The ranks of a run that has several.

    Args:
        rank: rank of this process.
        size: number of ranks.
        store: store that they find each other through.
        device: device of this process.
    """

    def __init__(self, rank: int, size: int, store: Store, device: torch.device) -> None:
        self.rank, self.size, self.device = rank, size, device
        os.environ.setdefault(_LOOPBACK, "lo")
        with _together():
            distributed.init_process_group(
                "nccl" if device.type == "cuda" else "gloo",
                store=store,
                rank=rank,
                world_size=size,
                timeout=patience(),
            )
        self._shared = torch.get_rng_state(), self._device_state()

    def close(self) -> None:
        """Leaves the group."""
        distributed.destroy_process_group()

    def gather(self, part: Tensor, count: int) -> Tensor:
        gathered: Tensor = _Gather.apply(part, count, self)  # type: ignore[no-untyped-call]
        return gathered

    def sum(self, values: Tensor) -> Tensor:
        with _together():
            distributed.all_reduce(values)
        return values

    def every(self, value: T) -> list[T]:
        found: list[Any] = [None] * self.size
        with _together():
            distributed.all_gather_object(found, value)
        return found

    def agree(self, make: Callable[[], T]) -> T:
        said: list[Any] = [make() if self.leads else None]
        with _together():
            distributed.broadcast_object_list(said, src=0)
        agreed: T = said[0]
        return agreed

    def seed(self, key: Key) -> None:
        torch.manual_seed(key.seed())
        self._shared = torch.get_rng_state(), self._device_state()
        if not self.leads:
            torch.manual_seed((key / "rank" / self.rank).seed())

    @contextmanager
    def same_numbers(self) -> Iterator[None]:
        own = torch.get_rng_state(), self._device_state()
        self._set_states(*self._shared)
        try:
            yield
        finally:
            self._shared = torch.get_rng_state(), self._device_state()
            self._set_states(*own)

    def check_same(self, modules: Sequence[tuple[str, Any]]) -> None:
        mine = {
            f"{name}.{key}": tensor
            for name, module in modules
            for key, tensor in module.state_dict().items()
            if isinstance(tensor, torch.Tensor)
        }
        sums = torch.stack(
            [
                tensor.detach().contiguous().view(-1).view(torch.uint8).sum(dtype=torch.int64)
                for tensor in mine.values()
            ]
        ).tolist()
        for rank, theirs in enumerate(self.every(sums)):
            for name, here, there in zip(mine, sums, theirs, strict=True):
                if here != there:
                    raise VsebenchError(
                        f"rank {rank} of {self.size} has another '{name}' than rank {self.rank}: "
                        "something in the model learns from the part of a batch that its own "
                        "device has, so that this run needs one device: --set devices=1"
                    )

    def _device_state(self) -> Tensor | None:
        return torch.cuda.get_rng_state(self.device) if self.device.type == "cuda" else None

    def _set_states(self, host: Tensor, device: Tensor | None) -> None:
        torch.set_rng_state(host)
        if device is not None:
            torch.cuda.set_rng_state(device, self.device)


class _Gather(torch.autograd.Function):
    """`World.gather`. Every rank computes the loss of the whole batch, so that each knows the whole
    gradient of its own part: nothing is sent backwards.
    """

    @staticmethod
    def forward(ctx: Any, part: Tensor, count: int, group: Group) -> Tensor:
        ctx.mine = group.part(count)
        parts = [part_of(count, rank, group.size) for rank in range(group.size)]
        longest = parts[0].stop
        padded = part.new_zeros(longest, *part.shape[1:])
        padded[: len(part)] = part
        # As bytes, which every backend takes
        sent = padded.view(-1).view(torch.uint8)
        found = [torch.empty_like(sent) for _ in parts]
        with _together():
            distributed.all_gather(found, sent)
        return torch.cat(
            [
                each.view(part.dtype).view_as(padded)[: mine.stop - mine.start]
                for each, mine in zip(found, parts, strict=True)
            ]
        )

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        return gradients[0][ctx.mine], None, None


@contextmanager
def _together() -> Iterator[None]:
    """Turns a failure of communication into the error that another rank is lost.

    Raises:
        RankLostError: another rank is lost, or silent for longer than `patience`.
    """
    try:
        yield
    except (RuntimeError, distributed.DistError) as error:  # gloo's are plain
        raise RankLostError(
            f"{LOST}, or has said nothing for {patience().total_seconds():g} seconds: "
            f"{' '.join(str(error).split())}"
        ) from error
