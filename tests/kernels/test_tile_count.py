from __future__ import annotations

import pytest
import torch

from vsebench.kernels.tile_count import Band, count_above


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
