from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from vsebench.kernels import hardest as module
from vsebench.kernels.hardest import hardest

ROWS, COLUMNS = 7, 2400
KINDS = ("random", "equal", "few values", "out of the sample", "all in the sample", "rising", "own")


def scores_of(kind: str) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    scores = torch.randn(ROWS, COLUMNS, generator=generator)
    column = torch.arange(COLUMNS)
    match kind:
        case "equal":
            scores.fill_(0.5)
        case "few values":
            scores.round_()
        case "out of the sample":
            scores += 10.0 * (column % 16 == 7)
        case "all in the sample":
            scores += 10.0 * (column % 16 == 0)
        case "rising":
            scores += column
        case "own":
            scores += 50.0 * (column < 700)
    return scores


def groups_of(kind: str) -> tuple[Tensor, Tensor]:
    columns = torch.arange(COLUMNS) // 5
    if kind == "own":
        columns[:700] = 0  # the highest scores of the first row are of its own group
    return torch.arange(ROWS), columns


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("h", [1, 5, 20])
@pytest.mark.parametrize("kind", KINDS)
def test_equals_a_sorted_list(kind: str, h: int, dtype: torch.dtype) -> None:
    scores, (rows, columns) = scores_of(kind).to(dtype), groups_of(kind)
    expected = [
        sorted(
            (s for s, other in zip(row, columns.tolist(), strict=True) if other != group),
            reverse=True,
        )[:h]
        for row, group in zip(scores.tolist(), rows.tolist(), strict=True)
    ]
    found = hardest(scores.clone(), rows, columns, h)
    assert (found.shape, found.dtype) == ((ROWS, h), torch.int64)
    assert scores.gather(1, found).tolist() == expected
    assert (columns[found] != rows[:, None]).all()
    assert all(len(set(row)) == h for row in found.tolist())


def test_the_pass_serves_random_scores_and_whole_rows_serve_the_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    searched: list[int] = []
    whole = module._of_whole_rows

    def counting(scores: Tensor, *others: object) -> Tensor:
        searched.append(len(scores))
        return whole(scores, *others)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "_of_whole_rows", counting)
    for kind in ("random", "equal", "all in the sample", "own"):
        hardest(scores_of(kind), *groups_of(kind), 20)
    assert searched == [ROWS, ROWS, 1]


def test_a_row_with_a_nan_is_searched_whole() -> None:
    scores, (rows, columns) = scores_of("random"), groups_of("random")
    scores[2] = math.nan
    scores[4, 800] = math.nan
    found = hardest(scores.clone(), rows, columns, 5)
    assert (columns[found] != rows[:, None]).all()
    assert all(len(set(row)) == 5 for row in found.tolist())


def test_no_rows() -> None:
    empty = torch.zeros(0, COLUMNS)
    none = torch.zeros(0, dtype=torch.int64)
    assert hardest(empty, none, groups_of("random")[1], 5).shape == (0, 5)
