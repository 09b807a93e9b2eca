from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch.overrides import TorchFunctionMode

from vsebench.kernels import gemm

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture(autouse=True)
def asked_anew() -> Iterator[None]:
    gemm.has_bf16_products.cache_clear()
    yield
    gemm.has_bf16_products.cache_clear()


class AnotherCPU(TorchFunctionMode):
    """A CPU with its own products in bf16.

    Args:
        product: gives the product of two matrices.
    """

    def __init__(self, product: Callable[[torch.Tensor, torch.Tensor], torch.Tensor]) -> None:
        super().__init__()
        self.product = product

    def __torch_function__(
        self, function: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        if (
            function in (torch.Tensor.matmul, torch.Tensor.__matmul__)
            and args[0].dtype == torch.bfloat16
        ):
            return self.product(*args)
        return function(*args, **(kwargs or {}))


def in_fp32(left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
    return (left.float() @ right.float()).bfloat16()


def cut_off(left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
    """Results are not rounded to the nearest."""
    bits = (left.float() @ right.float()).view(torch.int32) & -(1 << 16)
    return bits.view(torch.float32).bfloat16()


def in_halves(left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
    """Sums are rounded to bf16 half way."""
    half = left.shape[1] // 2
    return in_fp32(left[:, :half], right[:half]) + in_fp32(left[:, half:], right[half:])


@pytest.mark.parametrize(
    ("product", "verdict"), [(in_fp32, True), (cut_off, False), (in_halves, False)]
)
def test_products_must_be_added_up_in_fp32_and_rounded_once(
    monkeypatch: pytest.MonkeyPatch, product: Any, verdict: bool
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_bf16": True}, raising=False)
    with AnotherCPU(product):
        assert gemm.has_bf16_products() is verdict


@pytest.mark.parametrize(
    ("capabilities", "verdict"),
    [({}, False), ({"avx512_bf16": False}, False), ({"amx_bf16": True}, True)],
)
def test_the_cpu_must_have_the_instructions(
    monkeypatch: pytest.MonkeyPatch, capabilities: dict[str, bool], verdict: bool
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities, raising=False)
    with AnotherCPU(in_fp32):
        assert gemm.has_bf16_products() is verdict


def test_a_release_of_torch_that_cannot_tell_means_no(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(torch.cpu, "get_capabilities", raising=False)
    assert not gemm.has_bf16_products()
