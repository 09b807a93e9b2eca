"""The stand-in for another device, and samplers on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from tests.elsewhere import ELSEWHERE, There, elsewhere
from tests.testing import broken_samplers as made
from tests.testing.made import only, subject
from vsebench.plugin.host.loader import load_plugins
from vsebench.testing.kinds import checks_of
from vsebench.testing.report import run
from vsebench.testing.samplers import draws
from vsebench.testing.subject import find

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from torch import Tensor

HERE = torch.arange(12.0).view(4, 3)

STAYS: list[Callable[[Tensor], Tensor]] = [
    lambda x: x @ x.T,
    lambda x: torch.arange(5, device=x.device),
    lambda x: torch.tensor([1, 2], device=x.device),
    lambda x: torch.from_numpy(np.ones(3)).to(x.device),
    lambda x: torch.rand(3, device=x.device) + x[0],
    lambda x: x[x[:, 0] > 2],
    lambda x: x[torch.tensor([0, 2])],
    lambda x: torch.where(x > 2, x, torch.tensor(0.0)),
    lambda x: torch.searchsorted(x[:, 0].contiguous(), torch.full((2,), 4.0, device=x.device)),
    lambda x: x.sort(dim=1, descending=True).values,
    lambda x: x.clone().add_(1).index_fill_(0, torch.tensor([1], device=x.device), 7.0),
]

LEAVES: list[Callable[[Tensor], Tensor]] = [
    lambda x: x.cpu(),
    lambda x: torch.zeros_like(x, device="cpu"),
    lambda x: torch.from_numpy(x.cpu().numpy()),
]

MIXES: list[Callable[[Tensor], object]] = [
    lambda x: x + torch.ones(3),
    lambda x: x[:, torch.ones(3).long()] @ torch.eye(3),
    lambda x: torch.cat([x, torch.zeros(1, 3)]),
    lambda x: x.gather(1, torch.zeros(4, 1, dtype=torch.int64)),
    lambda x: torch.arange(12)[x.long()],
    lambda x: x.numpy(),
    np.asarray,
]


@pytest.mark.parametrize("operation", STAYS)
def test_what_is_made_of_its_tensors_or_for_it_is_there_and_has_the_values_of_the_cpu(
    operation: Callable[[Tensor], Tensor],
) -> None:
    torch.manual_seed(0)
    with elsewhere():
        found = operation(HERE.to(ELSEWHERE))
    assert isinstance(found, There)
    assert found.device == ELSEWHERE
    torch.manual_seed(0)
    assert torch.equal(found.held, operation(HERE))


@pytest.mark.parametrize("operation", LEAVES)
def test_what_is_taken_to_the_cpu_is_an_ordinary_tensor(
    operation: Callable[[Tensor], Tensor],
) -> None:
    with elsewhere():
        assert type(operation(HERE.to(ELSEWHERE))) is torch.Tensor
        assert type(torch.arange(3)) is torch.Tensor


@pytest.mark.parametrize("operation", MIXES)
def test_it_refuses_to_mix_with_the_cpu(operation: Callable[[Tensor], object]) -> None:
    with elsewhere(), pytest.raises(RuntimeError, match="at least two devices"):
        operation(HERE.to(ELSEWHERE))


def test_values_can_be_read_and_written() -> None:
    with elsewhere():
        x = HERE.to(ELSEWHERE)
        assert ((x > 3).any(), int(x.argmax()), x[0].tolist(), len(x)) == (
            True,
            11,
            [0.0, 1.0, 2.0],
            4,
        )
        row = x.clone()
        row[row > 5] = 0
        row[0] = torch.ones(3)
        assert row.held.sum() == 3 + 3 + 4 + 5
        with pytest.raises(NotImplementedError, match="changes the shape"):
            row.unsqueeze_(0)


def test_outside_nothing_is_changed() -> None:
    with elsewhere():
        pass
    assert type(torch.empty(3, device="meta")) is torch.Tensor
    assert torch.tensor([1], device="meta").is_meta


@pytest.fixture
def stand_in_for_cuda(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What is checked on CUDA is checked on the stand-in."""
    monkeypatch.setattr(draws, "need_cuda", lambda: ELSEWHERE)
    with elsewhere():
        yield


@pytest.mark.usefixtures("stand_in_for_cuda")
@pytest.mark.parametrize(
    "name", [component.name for component in load_plugins().registry if component.kind == "sampler"]
)
def test_the_samplers_of_the_suite_follow_their_inputs(name: str) -> None:
    (check,) = checks_of(find("sampler", name), only="follows_the_device_of_its_inputs")
    assert run(check).outcome == "passed"


@pytest.mark.usefixtures("stand_in_for_cuda")
@pytest.mark.parametrize(
    ("sampler", "outcome"),
    [
        (made.Sound, "passed"),
        (made.CountsOnTheCPU, "failed"),
        (made.WeighsOnTheCPU, "failed"),
        (made.LooksAtArrays, "failed"),
    ],
)
def test_the_kit_catches_samplers_that_do_not(sampler: type, outcome: str) -> None:
    assert only(subject("sampler", sampler), "follows_the_device_of_its_inputs").outcome == outcome
