from __future__ import annotations

import pytest
import torch

from vsebench.kernels.tile_count import Band, count_bins


def naive(tile: torch.Tensor, thresholds: Band) -> tuple[list[list[int]], list[list[int]]]:
    rows, columns = tile.shape
    counts = [[0] * (thresholds.upper.shape[1] + 1) for _ in range(rows)]
    near = []
    for i in range(rows):
        for j in range(columns):
            score = float(tile[i, j])
            bands = list(
                zip(thresholds.lower[i].tolist(), thresholds.upper[i].tolist(), strict=True)
            )
            if any(low <= score <= high for low, high in bands):
                near.append([i, j])
            elif (reached := sum(score > high for _, high in bands)) > 0:
                counts[i][reached] += 1
    return counts, near


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("width", [0.0, 0.25, 2.0])
@pytest.mark.parametrize(
    ("rows", "columns", "count"), [(1, 1, 1), (3, 128, 2), (5, 300, 7), (4, 129, 1)]
)
def test_counts_and_lists_what_a_loop_finds(
    rows: int, columns: int, count: int, width: float, compiled: bool
) -> None:
    generator = torch.Generator().manual_seed(columns)
    # Many scores fall exactly on the ends of bands
    tile = torch.randint(-8, 9, (rows, columns), generator=generator) / 4
    tile[0, 0] = -torch.inf  # as judged items are
    # Equal thresholds among them
    middle = (torch.randint(-4, 5, (rows, count), generator=generator) / 4).sort(1).values
    middle[-1, count // 2 + 1 :] = torch.inf
    thresholds = Band(middle - width, middle + width)
    expected, near = naive(tile, thresholds)
    found = count_bins(tile, thresholds, limit=len(near), compiled=compiled)
    assert found is not None
    assert found[0].tolist() == expected
    assert sorted(found[1].tolist()) == near
    if near:
        assert count_bins(tile, thresholds, limit=len(near) - 1, compiled=compiled) is None


@pytest.mark.parametrize("compiled", [False, True])
def test_a_row_without_thresholds_counts_nothing(compiled: bool) -> None:
    none = torch.full((2, 3), torch.inf)
    found = count_bins(torch.ones(2, 5), Band(none, none), limit=0, compiled=compiled)
    assert found is not None
    assert not found[0].any()
