from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from tests.oracles.learned_pooling import softmax_weights
from vsebench.kernels import padded_rows, softmax_weighted_sum, valid_mask, valid_rows

Layout = pytest.mark.parametrize("packed", [False, True], ids=["padded", "packed"])
OWN = pytest.mark.parametrize("own", [False, True], ids=["scores", "own scores"])
SHAPES = pytest.mark.parametrize("shape", [(1, 1, 1), (1, 9, 5), (6, 8, 3), (3, 40, 70)])


def by_loops(values: Tensor, scores: Tensor, lengths: Tensor) -> Tensor:
    items = []
    for value, score, length in zip(values, scores, lengths.tolist(), strict=True):
        weights = softmax_weights([*score[:length]])
        items.append(sum(w * v for w, v in zip(weights, value[:length], strict=True)))
    return torch.stack(items)


def inputs(kind: str, shape: tuple[int, int, int]) -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    values, scores = torch.randn(2, *shape, generator=generator, dtype=torch.float64)
    if kind == "large":
        values, scores = 40 * values, 60 * scores
    if kind == "tied":
        values, scores = values[:, :1].expand(shape).clone(), torch.zeros(shape).double()
    if kind == "far apart":
        values, scores = values.sign(), 1e4 * scores.sign()
    lengths = torch.randint(1, shape[1] + 1, shape[:1], generator=generator)
    lengths[-1], lengths[0] = 1, shape[1]
    for tensor in (values, scores):
        tensor[~valid_mask(lengths, shape[1])] = math.nan
    return values, scores, lengths


def with_gradients(
    values: Tensor, scores: Tensor | None, lengths: Tensor, *, packed: bool
) -> tuple[Tensor, ...]:
    leaves = [x.clone().requires_grad_() for x in (values, scores) if x is not None]
    given = [valid_rows(x, lengths) if packed else x for x in leaves]
    out = softmax_weighted_sum(given[0], given[1] if len(given) > 1 else None, lengths)
    upstream = torch.linspace(-1, 2, out.numel(), dtype=out.dtype).view(out.shape)
    return (out, *torch.autograd.grad(out, leaves, upstream))


@Layout
@OWN
@SHAPES
@pytest.mark.parametrize("kind", ["usual", "large", "tied", "far apart"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_equals_loops_with_gradients(
    dtype: torch.dtype, kind: str, shape: tuple[int, int, int], own: bool, packed: bool
) -> None:
    values, scores, lengths = inputs(kind, shape)
    values, scores = values.to(dtype), scores.to(dtype)
    found = with_gradients(values, None if own else scores, lengths, packed=packed)
    leaves = [x.double().requires_grad_() for x in ([values] if own else [values, scores])]
    out = by_loops(leaves[0], leaves[-1], lengths)
    upstream = torch.linspace(-1, 2, out.numel(), dtype=torch.float64).view(out.shape)
    expected = (out, *torch.autograd.grad(out, leaves, upstream))
    size = 2e-6 * max(1.0, float(values.detach().nan_to_num(0).abs().max()))
    close = {"rtol": 2e-6, "atol": 2 * size} if dtype == torch.float32 else {}
    for ours, exact in zip(found, expected, strict=True):
        assert ours.dtype == dtype
        assert_close(ours.double(), exact, **close)
    for gradient in found[1:]:
        assert (gradient[~valid_mask(lengths, shape[1])] == 0).all()


@Layout
@OWN
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("bad", [math.nan, math.inf])
@pytest.mark.parametrize("row", [0, 1, 3])
def test_what_is_not_finite_shows_in_its_dimension(
    row: int, bad: float, dtype: torch.dtype, own: bool, packed: bool
) -> None:
    values = torch.zeros(2, 6, 3, dtype=dtype)
    values[0, row, 1] = bad
    found = with_gradients(
        values, None if own else torch.zeros_like(values), torch.tensor([4, 2]), packed=packed
    )
    expected = torch.tensor([[False, True, False], [False] * 3])
    assert (~found[0].isfinite()).tolist() == expected.tolist()
    for gradient in found[1:]:
        assert gradient[~expected[:, None].expand(2, 6, 3)].isfinite().all()


def test_a_score_of_minus_infinity_has_no_weight() -> None:
    scores = torch.tensor([0.0, -math.inf, 0.0])[None, :, None]
    values = torch.tensor([1.0, 5.0, 3.0])[None, :, None]
    for dtype in (torch.float32, torch.float64):
        out, to_values, to_scores = with_gradients(
            values.to(dtype), scores.to(dtype), torch.tensor([3]), packed=False
        )
        assert out.item() == 2
        assert to_values[0, 1] == 0
        assert to_scores[0, 1] == 0


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_computed_in_float32(dtype: torch.dtype) -> None:
    values = torch.full((1, 300, 2), 3.0, dtype=dtype)
    out = softmax_weighted_sum(values, values, torch.tensor([300]))
    assert out.dtype == torch.float32
    assert_close(out, torch.full((1, 2), 3.0))


def test_any_memory_layout() -> None:
    values, scores, lengths = (x.float() if x.ndim == 3 else x for x in inputs("usual", (5, 8, 6)))
    strided = [x.transpose(0, 2).contiguous().transpose(0, 2) for x in (values, scores)]
    assert_close(
        softmax_weighted_sum(*strided, lengths.to(torch.int32)),
        softmax_weighted_sum(values, scores, lengths),
    )


def test_valid_rows_are_the_valid_ones_and_go_back() -> None:
    values, _, lengths = inputs("usual", (6, 8, 3))
    values.requires_grad_()
    rows = valid_rows(values, lengths)
    items = [item[:n] for item, n in zip(values, lengths.tolist(), strict=True)]
    assert torch.equal(rows, torch.cat(items))
    for n in (None, 8, 11):
        back = padded_rows(rows, lengths, n)
        assert back.shape == (6, n or int(lengths.max()), 3)
        for item, expected in zip(back, items, strict=True):
            assert torch.equal(item[: len(expected)], expected)
            assert (item[len(expected) :] == 0).all()
    upstream = torch.randn(6, 8, 3, dtype=torch.float64)
    (gradient,) = torch.autograd.grad(padded_rows(rows, lengths, 8), values, upstream)
    assert torch.equal(gradient, torch.where(valid_mask(lengths, 8)[:, :, None], upstream, 0))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_batch_of_no_items(dtype: torch.dtype) -> None:
    features, lengths = torch.zeros(0, 5, 3, dtype=dtype), torch.zeros(0, dtype=torch.int64)
    rows = valid_rows(features, lengths)
    assert rows.shape == (0, 3)
    assert padded_rows(rows, lengths).shape == (0, 0, 3)
    for given in (features, rows):
        assert softmax_weighted_sum(given, given, lengths).shape == (0, 3)


def test_rows_that_a_device_counts_stay_in_their_batch() -> None:
    values, lengths = torch.zeros(2, 3, 4, device="meta"), torch.ones(2, device="meta").long()
    rows = valid_rows(values, lengths)
    assert rows.shape == (2, 3, 4)
    assert padded_rows(rows, lengths, 3) is rows
    assert softmax_weighted_sum(rows, rows, lengths).shape == (2, 4)
