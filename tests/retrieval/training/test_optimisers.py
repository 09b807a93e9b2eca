"""Optimisers that do as torch's do and leave its compiler out."""

from __future__ import annotations

import functools
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch._compile import _disable_dynamo

from vsebench.retrieval.training import optimisation

if TYPE_CHECKING:
    from collections.abc import Callable

    AnyAdam = type[torch.optim.Adam] | type[torch.optim.AdamW]

TRAINED = """
import sys, torch
from vsebench.retrieval.training.optimisation import Adam, AdamW
for kind in (Adam, AdamW):
    weight = torch.ones(3, requires_grad=True)
    optimiser = kind([weight], lr=0.1, fused=True)
    optimiser.zero_grad(set_to_none=True)
    weight.square().sum().backward()
    optimiser.step()
    optimiser.load_state_dict(optimiser.state_dict())
    print("torch._dynamo" in sys.modules)
"""


def test_training_imports_no_compiler() -> None:
    def imported(program: str) -> list[str]:
        return subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, check=True
        ).stdout.split()

    assert imported(TRAINED) == ["False", "False"]
    with_torch_alone = TRAINED.replace("vsebench.retrieval.training.optimisation", "torch.optim")
    assert imported(with_torch_alone) == ["True", "True"]


def trained(optimiser: AnyAdam) -> tuple[list[torch.Tensor], dict[str, Any]]:
    """Parameters and state after some steps, half of them from a loaded state."""
    generator = torch.Generator().manual_seed(1)
    weights = [torch.randn(5, 3, generator=generator, requires_grad=True) for _ in range(2)]

    def made(lr: float) -> torch.optim.Optimizer:
        groups: list[dict[str, Any]] = [
            {"params": [weights[0]], "weight_decay": 0.3},
            {"params": [weights[1]]},
        ]
        return optimiser(groups, lr=lr, fused=True)

    first, second = made(0.05), made(0.01)
    for step in range(6):
        if step == 3:
            second.load_state_dict(first.state_dict())
        used = first if step < 3 else second
        used.zero_grad(set_to_none=True)
        (weights[0].sin() * weights[1]).sum().backward()  # type: ignore[no-untyped-call]
        used.step()
    return [weight.detach() for weight in weights], second.state_dict()


@pytest.mark.parametrize(
    ("ours", "torchs"),
    [(optimisation.Adam, torch.optim.Adam), (optimisation.AdamW, torch.optim.AdamW)],
)
def test_every_bit_is_that_of_torchs_own(ours: AnyAdam, torchs: AnyAdam) -> None:
    (weights, state), (expected, expected_state) = trained(ours), trained(torchs)
    torch.testing.assert_close(weights, expected, rtol=0, atol=0)
    assert state["param_groups"] == expected_state["param_groups"]
    torch.testing.assert_close(state["state"], expected_state["state"], rtol=0, atol=0)


def test_step_hooks_are_called_once_whoever_was_made_first() -> None:
    weight = torch.ones(3, requires_grad=True)
    torch.optim.AdamW([weight])  # from here on torch's own class calls hooks
    made = [optimisation.uncompiled(torch.optim.AdamW)([weight]) for _ in range(2)]
    called: list[object] = []
    for optimiser in made:
        optimiser.register_step_post_hook(lambda optimiser, *_: called.append(optimiser))
        optimiser.step()
    assert called == made


def test_gradients_are_recorded_before_and_after_a_step_and_within_a_closure() -> None:
    weight = torch.ones(3, requires_grad=True)
    optimiser = optimisation.AdamW([weight])

    def closure() -> float:
        loss = weight.square().sum()
        loss.backward()  # type: ignore[no-untyped-call]
        return loss.item()

    assert optimiser.step(closure) == 3.0
    assert torch.is_grad_enabled()


def test_a_wrapper_that_is_not_known_stays() -> None:
    def method() -> str:
        return "inside"

    def wrapper(function: Callable[[], str]) -> Callable[[], str]:
        @functools.wraps(function)
        def inner() -> str:
            return f"around {function()}"

        return inner

    wrapped = wrapper(method)
    assert optimisation.unwrapped(wrapped) is wrapped
    assert optimisation.unwrapped(_disable_dynamo(wrapped)) is wrapped
    assert optimisation.unwrapped(method) is method
