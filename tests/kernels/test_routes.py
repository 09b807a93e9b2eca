from __future__ import annotations

import sys
from importlib import import_module
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
import torch

from vsebench.kernels import compiled, sorted_values, sorted_weighted_sum
from vsebench.plugin import PoolingCard, routes
from vsebench.plugin.errors import MissingExtraError, SpecError
from vsebench.plugin.host.loader import load_plugins
from vsebench.plugin.routes import KERNELS, VARIABLE, Choice, allowed, asked, choices

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def _nothing_asked(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.delenv("TRITON_INTERPRET", raising=False)
    caches = (routes._parsed, compiled.triton_works)
    for each in caches:
        each.cache_clear()
    yield
    for each in caches:
        each.cache_clear()


def installed(monkeypatch: pytest.MonkeyPatch, *libraries: str) -> None:
    found = {name: object() for name in libraries}
    for module in ("vsebench.plugin.routes", "vsebench.plugin.errors"):
        monkeypatch.setattr(f"{module}.find_spec", found.get)
    monkeypatch.setattr(routes, "version", lambda name: "1.2")


def by_device(kernel: str) -> dict[str, tuple[str, str]]:
    return {choice.device: (choice.form, choice.because) for choice in choices([kernel])}


def test_each_device_takes_its_fast_form_where_it_is_installed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    installed(monkeypatch, "numba", "triton")
    assert list(choices(["sorted_values"])) == [
        Choice("CPU", "sorted_values", "numba", "numba 1.2 is installed"),
        Choice("CUDA", "sorted_values", "triton", "triton 1.2 is installed"),
    ]
    assert by_device("masked_max")["CUDA"] == ("torch", "no form in triton")
    assert by_device("a plugin's own") == {
        "CPU": ("torch", "no form in numba"),
        "CUDA": ("torch", "no form in triton"),
    }
    installed(monkeypatch)
    assert by_device("sorted_values") == {
        "CPU": ("torch", "numba is not installed: pip install numba"),
        "CUDA": ("torch", "triton is not installed: pip install 'vsebench[triton]'"),
    }


@pytest.mark.parametrize(
    ("value", "cpu", "cuda"),
    [
        ("auto", "numba", "triton"),
        ("", "numba", "triton"),
        ("Torch", "torch", "torch"),
        ("numba", "numba", "torch"),
        (" triton ", "torch", "triton"),
    ],
)
def test_the_variable_decides(
    monkeypatch: pytest.MonkeyPatch, value: str, cpu: str, cuda: str
) -> None:
    installed(monkeypatch, "numba", "triton")
    monkeypatch.setenv(VARIABLE, value)
    found = by_device("sorted_values")
    assert {device: form for device, (form, _) in found.items()} == {"CPU": cpu, "CUDA": cuda}
    if cuda == "torch":
        assert found["CUDA"][1] == f"{VARIABLE}={value.lower()}"


def test_what_it_does_not_know_is_refused_with_the_nearest_value(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(VARIABLE, "tritn")
    with pytest.raises(SpecError, match=r"'tritn', expected one of .*did you mean 'triton'\?"):
        asked()
    with pytest.raises(SpecError):
        allowed("numba")
    with pytest.raises(SpecError):
        sorted_values(torch.zeros(1, 2, 3), torch.tensor([2]))


def test_what_is_asked_for_by_name_must_be_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    installed(monkeypatch, "numba")
    monkeypatch.setenv(VARIABLE, "triton")
    with pytest.raises(MissingExtraError, match=r"pip install 'vsebench\[triton\]'"):
        asked()


def test_torch_is_taken_where_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    features, lengths, weights = torch.zeros(2, 4, 3), torch.tensor([4, 1]), torch.ones(2, 4)
    features.requires_grad_()
    for value, name in (("numba", "Numba"), ("torch", "Torch"), ("auto", "Numba")):
        monkeypatch.setenv(VARIABLE, value)
        out = sorted_weighted_sum(features, lengths, weights)
        assert out.grad_fn is not None
        assert out.grad_fn.name() == f"{name}SortedSumBackward"
        out = sorted_values(features, lengths)
        assert out.grad_fn is not None
        assert out.grad_fn.name() == f"{name}SortedValuesBackward"


def on(device: str, dtype: torch.dtype = torch.float32) -> Any:
    """What `triton_kernels_take` asks of a tensor."""
    return SimpleNamespace(device=torch.device(device), dtype=dtype)


def test_triton_takes_what_is_on_a_device_where_it_works(monkeypatch: pytest.MonkeyPatch) -> None:
    working = {0: False, 1: True}
    monkeypatch.setattr(compiled, "triton_works", working.__getitem__)
    take = compiled.triton_kernels_take
    assert take(on("cuda:1"))
    assert take(on("cuda:1", torch.bfloat16))
    assert take(on("cuda:1", torch.float16))
    assert not take(on("cuda:1", torch.float64))
    assert not take(on("cuda:0"))
    assert not take(on("cpu"))
    monkeypatch.setenv(VARIABLE, "torch")
    assert not take(on("cuda:1"))


def test_the_interpreter_takes_the_cpu_where_both_are_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    installed(monkeypatch, "triton")
    monkeypatch.setenv("TRITON_INTERPRET", "1")
    assert not compiled.triton_kernels_take(on("cpu"))
    monkeypatch.setenv(VARIABLE, "triton")
    assert compiled.triton_kernels_take(on("cpu"))
    monkeypatch.setenv("TRITON_INTERPRET", "0")
    assert not compiled.triton_kernels_take(on("cpu"))


def test_without_triton_torch_is_taken_quietly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "triton", None)
    monkeypatch.delitem(sys.modules, "vsebench.kernels.sorted_pooling_triton", raising=False)
    monkeypatch.delitem(sys.modules, "vsebench.kernels.triton_jit", raising=False)
    assert not compiled.triton_works(0)


@pytest.mark.skipif(torch.cuda.is_available(), reason="here Triton works")
def test_where_it_fails_it_says_so_once_and_torch_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("triton", reason="triton is not installed")
    with pytest.warns(RuntimeWarning, match="plain torch on CUDA, because Triton's kernels fail"):
        assert not compiled.triton_works(0)
    assert not compiled.triton_works(0)  # a second warning would be an error
    compiled.triton_works.cache_clear()
    monkeypatch.setenv(VARIABLE, "triton")
    with pytest.raises((RuntimeError, AssertionError)):
        compiled.triton_works(0)


def test_kernels_are_functions_that_cards_may_name() -> None:
    import vsebench.kernels

    assert {*KERNELS} - {"prefix_scores"} <= {*vsebench.kernels.__all__}


def test_cards_name_kernels_that_their_modules_call() -> None:
    cards = {
        each.target.partition(":")[0]: each.card
        for each in load_plugins().registry
        if isinstance(each.card, PoolingCard) and each.card.kernels
    }
    assert len(cards) >= 4
    for module, card in cards.items():
        assert {*card.kernels} <= {*KERNELS}
        called = vars(import_module(module))
        assert all(kernel in called for kernel in card.kernels if kernel != "prefix_scores")
