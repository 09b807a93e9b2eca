"""Triton's kernels where there is no GPU: in its interpreter the tests of the other operators hold
for them, and they compile for the GPUs that they are meant for. Where there is one, they compute
what torch does.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch.testing import assert_close

from tests.kernels.interpreter import INTERPRETED

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).parents[2]

triton = pytest.importorskip("triton", reason="triton is not installed")
pytestmark = pytest.mark.skipif(INTERPRETED, reason="already in the interpreter")

INTERPRETED_TESTS = (
    "tests/kernels/test_sorted_pooling.py",
    "tests/kernels/test_sorted_values.py",
    "tests/kernels/test_prefix_scores.py",
)


@pytest.mark.timeout(600)  # ten seconds on an idle core
@pytest.mark.slow
def test_what_holds_for_other_operators_holds_in_the_interpreter() -> None:
    options = ("-q", "-p", "no:cacheprovider", "-p", "no:xdist")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, *INTERPRETED_TESTS],
        cwd=ROOT,
        env={**os.environ, "TRITON_INTERPRET": "1", "VSEBENCH_KERNELS": "triton"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"^\d+ passed", done.stdout, flags=re.MULTILINE), done.stdout


# What a launch may use: registers of a multiprocessor, and bytes of shared memory of a block
REGISTERS = 65_536
SHARED = {80: 166_912, 90: 232_448}

FEATURES = ("fp32", "bf16", "fp16")
TARGETS = list(product(SHARED, FEATURES))


def compiled(kernel: Any, capability: int, types: Mapping[str, str], **constants: int) -> Any:
    """A kernel compiled ahead of time; arguments without a type are None."""
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    missing = {name: None for name in kernel.arg_names if name not in {**types, **constants}}
    fixed = {**constants, **missing}
    signature = {name: types.get(name, "constexpr") for name in kernel.arg_names}
    aligned = {
        (param.num,): [["tt.divisibility", 16]]
        for param in kernel.params
        if param.name not in fixed and not param.do_not_specialize
    }
    return triton.compile(
        ASTSource(kernel, signature, constexprs=fixed, attrs=aligned),
        target=GPUTarget("cuda", capability, 32),
        options={"num_warps": 4, "enable_fp_fusion": True},
    )


def assert_fits(made: Any, capability: int, folder: Path) -> None:
    """It was assembled, and a multiprocessor has what a block needs."""
    cubin = folder / "kernel.cubin"
    cubin.write_bytes(made.asm["cubin"])
    tool = Path(triton.__file__).parent / "backends" / "nvidia" / "bin" / "cuobjdump"
    usage = subprocess.run(
        [str(tool), "-res-usage", str(cubin)], capture_output=True, text=True, check=True
    ).stdout
    (registers,) = map(int, re.findall(r"REG:(\d+)", usage))
    assert 0 < registers * made.metadata.num_warps * 32 <= REGISTERS
    assert made.metadata.shared <= SHARED[capability]


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path / "triton"))


@pytest.mark.parametrize(("capability", "dtype"), TARGETS)
def test_sorted_sums_compile(capability: int, dtype: str, tmp_path: Path) -> None:
    from vsebench.kernels import sorted_pooling_triton as kernels

    types = {
        **dict.fromkeys(("features", "out", "values"), f"*{dtype}"),
        "lengths": "*i64",
        "weights": "*fp32",
        "ranks": "*u8",
        "n": "i32",
        "dim": "i32",
    }
    made = compiled(
        kernels.rank_and_sum, capability, types, ROWS=kernels.ROWS, COLUMNS=kernels.COLUMNS
    )
    assert_fits(made, capability, tmp_path)
    assert made.metadata.shared == 0  # a thread for each column: they never meet
    del types["features"], types["out"]
    types |= {"grad": f"*{dtype}", "to_features": f"*{dtype}", "to_weights": "*fp32"}
    made = compiled(
        kernels.sum_gradients,
        capability,
        types,
        ROWS=kernels.GRADIENT_ROWS,
        COLUMNS=kernels.COLUMNS,
    )
    assert_fits(made, capability, tmp_path)


@pytest.mark.parametrize(("capability", "dtype"), TARGETS)
def test_sorted_values_compile(capability: int, dtype: str, tmp_path: Path) -> None:
    from vsebench.kernels import sorted_pooling_triton as kernels

    types = {"lengths": "*i64", "ranks": "*u8", "n": "i32", "dim": "i32"}
    tensors = dict.fromkeys(("features", "values"), f"*{dtype}")
    made = compiled(
        kernels.rank_and_sum,
        capability,
        types | tensors,
        ROWS=kernels.ROWS,
        COLUMNS=kernels.COLUMNS,
    )
    assert_fits(made, capability, tmp_path)
    tensors = dict.fromkeys(("grad", "to_features"), f"*{dtype}")
    made = compiled(
        kernels.values_gradient,
        capability,
        types | tensors,
        ROWS=kernels.GRADIENT_ROWS,
        COLUMNS=kernels.COLUMNS,
    )
    assert_fits(made, capability, tmp_path)


@pytest.mark.parametrize("capability", SHARED)
@pytest.mark.parametrize("size", [32, 64])
def test_prefix_scores_compile(capability: int, size: int, tmp_path: Path) -> None:
    from vsebench.kernels import prefix_scores_triton as kernels

    tensors = {*kernels.scan.arg_names, *kernels.scan_gradient.arg_names}
    types = dict.fromkeys(tensors - {"SIZE", "RANKS"}, "*fp32") | {"n": "i32", "size": "i32"}
    for kernel, constants in (
        (kernels.scan, {"SIZE": size, "RANKS": 256}),
        (kernels.scan_gradient, {"SIZE": size}),
    ):
        own = {name: types[name] for name in kernel.arg_names if name in types}
        assert_fits(compiled(kernel, capability, own, **constants), capability, tmp_path)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("rows", [1, 36, 256])
def test_a_device_computes_what_torch_does(dtype: torch.dtype, rows: int) -> None:
    from tests.kernels.test_sorted_pooling import gradients, ragged
    from vsebench.kernels import sorted_weighted_sum
    from vsebench.kernels.sorted_pooling import TorchSortedSum

    features, lengths, weights = (each.cuda() for each in ragged(6, rows, 200, ties=True))
    features = features.to(dtype)
    out = sorted_weighted_sum(features.requires_grad_(), lengths, weights)
    assert out.grad_fn is not None
    assert out.grad_fn.name() == "TritonSortedSumBackward"
    tolerance = 1e-4 if dtype == torch.float32 else 2 * torch.finfo(dtype).eps
    assert_close(
        gradients(sorted_weighted_sum, features, lengths, weights),
        gradients(TorchSortedSum.apply, features, lengths, weights),
        rtol=tolerance,
        atol=tolerance,
    )


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("n", [1, 36, 256])
def test_a_device_weighs_ranks_as_the_cpu_does(n: int) -> None:
    from vsebench_plugins.gpo.pooling import GPO

    torch.manual_seed(0)
    gpo, upstream = GPO(), torch.randn(n, n)
    found = []
    for device in ("cpu", "cuda"):
        gpo.to(device)
        table = gpo.table(n)
        grads = torch.autograd.grad(table, list(gpo.parameters()), upstream.to(device))
        found.append([each.detach().cpu() for each in (table, *grads)])
    assert_close(*found, rtol=1e-4, atol=1e-4)
