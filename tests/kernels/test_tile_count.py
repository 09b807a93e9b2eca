from __future__ import annotations

import pytest
import torch

from vsebench.kernels.tile_count import Band, count_above, count_bins


def bands(thresholds: torch.Tensor, width: float, dtype: torch.dtype = torch.float32) -> Band:
    return Band((thresholds - width).to(dtype), (thresholds + width).to(dtype))


def naive(
    tile: torch.Tensor, rows: Band, columns: Band
) -> tuple[list[int], list[int], list[list[int]]]:
    scores = tile.tolist()
    row_bands = list(zip(rows.lower.tolist(), rows.upper.tolist(), strict=True))
    column_bands = list(zip(columns.lower.tolist(), columns.upper.tolist(), strict=True))
    cells = [(i, j) for i in range(len(row_bands)) for j in range(len(column_bands))]
    in_rows = [
        sum(scores[i][j] > row_bands[i][1] for j in range(len(column_bands)))
        for i in range(len(row_bands))
    ]
    in_columns = [
        sum(scores[i][j] > column_bands[j][1] for i in range(len(row_bands)))
        for j in range(len(column_bands))
    ]
    near = [
        [i, j]
        for i, j in cells
        if row_bands[i][0] <= scores[i][j] <= row_bands[i][1]
        or column_bands[j][0] <= scores[i][j] <= column_bands[j][1]
    ]
    return in_rows, in_columns, near


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("width", [0.0, 0.25, 2.0])
@pytest.mark.parametrize("shape", [(1, 1), (3, 128), (5, 300), (17, 129)])
def test_counts_and_lists_what_a_loop_finds(
    shape: tuple[int, int], width: float, compiled: bool, dtype: torch.dtype
) -> None:
    generator = torch.Generator().manual_seed(shape[1])
    # Many scores fall exactly on the ends of bands
    tile = (torch.randint(-8, 9, shape, generator=generator) / 4).to(dtype)
    tile[0, 0] = -torch.inf  # as matching pairs are
    rows = bands(torch.randint(-4, 5, shape[:1], generator=generator) / 4, width, dtype)
    columns = bands(torch.randint(-4, 5, shape[1:], generator=generator) / 4, width, dtype)
    in_rows, in_columns, near = naive(tile, rows, columns)
    counted = count_above(tile, rows, columns, limit=len(near), compiled=compiled)
    assert counted is not None
    assert counted.rows.tolist() == in_rows
    assert counted.columns.tolist() == in_columns
    assert sorted(counted.near.tolist()) == near
    if near:
        assert count_above(tile, rows, columns, limit=len(near) - 1, compiled=compiled) is None


@pytest.mark.parametrize("compiled", [False, True])
def test_takes_a_tile_within_a_larger_buffer(compiled: bool) -> None:
    tile = torch.linspace(-1, 1, 77)[:60].view(6, 10)
    rows, columns = bands(torch.zeros(6), 0.1), bands(torch.zeros(10), 0.2)
    counted = count_above(tile, rows, columns, limit=60, compiled=compiled)
    assert counted is not None
    assert (counted.rows.tolist(), counted.columns.tolist(), counted.near.tolist()) == naive(
        tile, rows, columns
    )


def naive_bins(tile: torch.Tensor, thresholds: Band) -> tuple[list[list[int]], list[list[int]]]:
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
def test_bins_what_a_loop_finds(
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
    expected, near = naive_bins(tile, thresholds)
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
