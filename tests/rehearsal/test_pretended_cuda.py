from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.rehearsal.pretended_cuda import (
    CUDA,
    HostWaitError,
    MixedDevicesError,
    pretended_cuda,
)


def on_device(*shape: int) -> torch.Tensor:
    return torch.zeros(*shape, device=CUDA)


WAITS = {
    "item": lambda x: x.sum().item(),
    "float": lambda x: float(x.sum()),
    "if": lambda x: 1 if x.sum() > 3 else 2,
    "cpu": lambda x: x.cpu(),
    "tolist": lambda x: x.cpu().tolist(),
    "nonzero": lambda x: x.nonzero(),
    "boolean index": lambda x: x[x > 0],
    "index of the host": lambda x: x[torch.tensor([1])],
    "equal": lambda x: torch.equal(x, x),
    "tensor": lambda x: torch.tensor([1, 2], device=CUDA),
    "pageable memory": lambda x: torch.ones(3).to(CUDA, non_blocking=True),
    "blocking copy": lambda x: torch.ones(3).pin_memory().to(CUDA),
    "unique": lambda x: torch.unique(x, return_inverse=True),
    "repeats": lambda x: torch.repeat_interleave(x[0].long()),
    "in inference mode": torch.inference_mode()(lambda x: (x @ x.T).cpu()),
    "synchronize": lambda x: torch.cuda.synchronize(),
}


@pytest.mark.parametrize("name", WAITS)
def test_a_wait_is_counted_and_is_an_error_where_there_must_be_none(name: str) -> None:
    with pretended_cuda() as cuda:
        x = on_device(3, 4)
        WAITS[name](x)
        assert cuda.waits.total() == 1
        (place,) = cuda.waits
        assert place.startswith("tests/rehearsal/test_pretended_cuda.py, <lambda>: ")
        with cuda.without_waits(), pytest.raises(HostWaitError, match="the host waits"):
            WAITS[name](x)


FREE = {
    "arithmetic": lambda x: (x @ x.T).softmax(dim=1).sum(),
    "pinned": lambda x: torch.from_numpy(np.ones(3)).pin_memory().to(CUDA, non_blocking=True),
    "back to pinned memory": lambda x: (
        torch.ones(3, 4, pin_memory=True).copy_(x, non_blocking=True),
        x,
    )[1],
    "known repeats": lambda x: torch.repeat_interleave(x[0].long(), output_size=4),
    "index": lambda x: x[torch.zeros(2, dtype=torch.int64, device=x.device)],
    "fill": lambda x: x.masked_fill(x > 0, 1.0),
    "a number of the host": lambda x: x * torch.tensor(2.0),
    "made there": lambda x: torch.arange(3, device=x.device) + x.new_zeros(3),
}


@pytest.mark.parametrize("name", FREE)
def test_what_makes_nobody_wait_passes(name: str) -> None:
    with pretended_cuda() as cuda, cuda.without_waits():
        found = FREE[name](on_device(3, 4))
        assert found.device == CUDA
        assert found.is_cuda


def test_mixed_devices_are_an_error() -> None:
    with pretended_cuda(), pytest.raises(MixedDevicesError, match=r"host \(3, 4\)"):
        on_device(3, 4) + torch.ones(3, 4)


def test_gradients_and_updates_stay_on_the_device() -> None:
    with pretended_cuda() as cuda:
        layer = torch.nn.Linear(4, 2).to(CUDA)
        optimiser = torch.optim.AdamW(layer.parameters(), fused=True)
        with cuda.without_waits():
            layer(on_device(3, 4)).square().sum().backward()
            assert layer.weight.grad is not None
            assert layer.weight.grad.device == CUDA
            optimiser.step()


def test_products_under_autocast_are_bf16_there_and_not_where_it_is_off() -> None:
    with pretended_cuda(), torch.autocast("cuda", dtype=torch.bfloat16):
        x = on_device(3, 4)
        assert (x @ x.T).dtype == torch.bfloat16
        with torch.autocast("cuda", enabled=False):
            assert (x @ x.T).dtype == torch.float32


def test_where_it_pauses_meta_tensors_are_what_they_are() -> None:
    with pretended_cuda() as cuda:
        x = on_device(3, 4)
        with cuda.paused():
            assert torch.zeros(2, device="meta").device.type == x.device.type == "meta"
            assert not x.is_cuda
            assert (torch.ones(3) @ torch.ones(3)).item() == 3
        assert x.is_cuda
        assert not cuda.waits


def test_a_module_that_is_moved_keeps_its_parameters() -> None:
    layer = torch.nn.Linear(4, 2)
    before = list(layer.parameters())
    with pretended_cuda():
        moved = list(layer.to(CUDA).parameters())
        assert all(one is other for one, other in zip(before, moved, strict=True))
        assert all(each.device == CUDA for each in moved)


def test_the_host_computes_as_ever() -> None:
    with pretended_cuda() as cuda:
        x = torch.arange(4.0, requires_grad=True)
        (x * x).sum().backward()
        assert x.grad is not None
        assert x.grad.tolist() == [0, 2, 4, 6]
        assert x[x > 2].tolist() == [3]
        assert not cuda.waits
