from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch.overrides import TorchFunctionMode

from vsebench.kernels import gemm
from vsebench.kernels.gemm import PACKED_ROWS, round_up_rows

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def settings_are_put_back() -> Iterator[None]:
    probe = gemm.onednn_keeps_float32
    probe.cache_clear()
    backends = (torch.backends.mkldnn.matmul, torch.backends.cuda.matmul)
    before = torch.get_float32_matmul_precision(), [backend.fp32_precision for backend in backends]
    yield
    torch.set_float32_matmul_precision(before[0])
    for backend, value in zip(backends, before[1], strict=True):
        backend.fp32_precision = value
    probe.cache_clear()


def loses_input_bits() -> bool:
    """Whether products round their inputs: 1 + 2^-20 needs more bits than bf16 or TF32 have."""
    matrix = torch.full((64, 64), 1 + 2.0**-20)
    return not torch.equal(matrix @ torch.eye(64), matrix)


class AnotherCPU(TorchFunctionMode):
    """A CPU that makes use of the permission to round.

    Args:
        bits: of the mantissa that are kept of the inputs of products; at 23, it is their sums that
            lose precision.
    """

    def __init__(self, bits: int) -> None:
        super().__init__()
        self.bits = bits

    def __torch_function__(
        self, function: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        product = function in (torch.Tensor.matmul, torch.Tensor.__matmul__)
        if (
            not product
            or args[0].dtype != torch.float32
            or torch.backends.mkldnn.matmul.fp32_precision != "bf16"
        ):
            return function(*args, **(kwargs or {}))
        if self.bits < 23:
            return function(
                *(
                    (arg.view(torch.int32) & -(1 << (23 - self.bits))).view(torch.float32)
                    for arg in args
                )
            )
        # Not with an identity matrix
        sums = all(arg.count_nonzero() == arg.numel() for arg in args)
        return function(*args) * (1 + 1e-3 * sums)


def test_products_are_routed_only_where_the_probe_allows_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for verdict, route, precision in ((False, "default", "ieee"), (True, "onednn-fp32", "bf16")):
        monkeypatch.setattr(gemm, "onednn_keeps_float32", lambda verdict=verdict: verdict)
        with gemm.true_float32() as word:
            assert word == route
            assert torch.backends.mkldnn.matmul.fp32_precision == precision
        with gemm.true_float32(fast=False) as word:
            assert word == "default"
            assert torch.backends.mkldnn.matmul.fp32_precision == "ieee"
    monkeypatch.undo()


def test_products_keep_fp32_precision_when_routed() -> None:
    generator = torch.Generator().manual_seed(0)
    left, right = torch.randn(2, 200, 500, generator=generator)
    with gemm.true_float32():
        product = left @ right.T
    error = product.double() - left.double() @ right.double().T
    assert error.abs().max() < 1e-6 * left.norm(dim=1).max() * right.norm(dim=1).max()


@pytest.mark.parametrize("bits", [7, 10, 16, 22])
def test_the_probe_refuses_a_cpu_that_rounds_inputs(bits: int) -> None:
    with AnotherCPU(bits):
        assert not gemm.onednn_keeps_float32()
        with gemm.true_float32() as route:
            assert route == "default"
            assert not loses_input_bits()


def test_the_probe_refuses_a_cpu_that_rounds_sums() -> None:
    with AnotherCPU(bits=23):
        assert not gemm.onednn_keeps_float32()


def test_the_probe_says_default_where_the_permission_changes_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(gemm, "_takes_over", lambda: False)
    with gemm.true_float32() as route:
        assert route == "default"


@pytest.mark.parametrize("fast", [False, True])
def test_settings_around_true_float32_are_overridden_and_come_back(fast: bool) -> None:
    torch.set_float32_matmul_precision("medium")
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert loses_input_bits()
        with gemm.true_float32(fast=fast):
            assert not loses_input_bits()
            assert torch.backends.cuda.matmul.fp32_precision == "ieee"
            assert fast or torch.backends.mkldnn.matmul.fp32_precision == "ieee"
    assert torch.get_float32_matmul_precision() == "medium"
    assert torch.backends.cuda.matmul.fp32_precision == "tf32"


def fail_within_true_float32() -> None:
    with gemm.true_float32():
        raise KeyError


def test_settings_of_a_single_backend_come_back_after_an_error() -> None:
    torch.backends.cuda.matmul.fp32_precision = "tf32"
    with pytest.raises(KeyError):
        fail_within_true_float32()
    assert torch.backends.cuda.matmul.fp32_precision == "tf32"
    torch.backends.cuda.matmul.fp32_precision = "none"


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_no_tf32_on_cuda() -> None:
    torch.backends.cuda.matmul.fp32_precision = "tf32"
    matrix = torch.full((256, 256), 1 + 2.0**-20, device="cuda")
    identity = torch.eye(256, device="cuda")
    assert not torch.equal(matrix @ identity, matrix)
    with gemm.true_float32():
        assert torch.equal(matrix @ identity, matrix)


@pytest.mark.parametrize(("cuda", "fast"), [(False, "medium"), (True, "highest")])
def test_older_torch_has_one_setting_for_all_backends(
    monkeypatch: pytest.MonkeyPatch, cuda: bool, fast: str
) -> None:
    monkeypatch.setattr(
        gemm, "_MKLDNN", SimpleNamespace(is_available=torch.backends.mkldnn.is_available)
    )
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    monkeypatch.setattr(gemm, "onednn_keeps_float32", lambda: True)
    before = torch.get_float32_matmul_precision()
    for wanted, setting in ((True, fast), (False, "highest")):
        with gemm.true_float32(fast=wanted):
            assert torch.get_float32_matmul_precision() == setting
    assert torch.get_float32_matmul_precision() == before


@pytest.mark.parametrize(("rows", "rounded"), [(0, 0), (1, 16), (16, 16), (17, 32)])
def test_rows_are_added_as_zeros_up_to_the_multiple(rows: int, rounded: int) -> None:
    values = torch.ones(2, rows, 3)
    out = round_up_rows(values, 16)
    assert out.shape == (2, rounded, 3)
    assert torch.equal(out[:, :rows], values)
    assert not out[:, rows:].any()


def test_a_packed_batch_has_a_coarser_multiple() -> None:
    assert round_up_rows(torch.ones(5, 2)).shape == (PACKED_ROWS, 2)
