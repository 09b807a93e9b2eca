from __future__ import annotations

import itertools

import numpy as np
import pytest

from vsebench.kernels.sorting_network import LIMIT, networks, odd_even_mergesort


@pytest.mark.parametrize("rows", range(1, 13))
def test_sorts_every_input_of_zeros_and_ones(rows: int) -> None:
    """By the 0-1 principle it then sorts every input."""
    columns = np.array(list(itertools.product((0, 1), repeat=rows)))
    size = 1 << (rows - 1).bit_length()
    for i, j in odd_even_mergesort(size):
        if j < rows:
            columns[:, i], columns[:, j] = (
                np.maximum(columns[:, i], columns[:, j]),
                np.minimum(columns[:, i], columns[:, j]),
            )
    assert (np.diff(columns, axis=1) <= 0).all()


def test_networks_lie_one_after_another_up_to_the_limit() -> None:
    pairs, start = networks()
    assert (pairs[:, 0] < pairs[:, 1]).all()
    assert start[-1] == len(pairs)
    for c in range(len(start) - 1):
        assert pairs[start[c] : start[c + 1]].tolist() == [
            list(pair) for pair in odd_even_mergesort(2 ** (c + 1))
        ]
    assert pairs[start[-2] :].max() == LIMIT - 1


def test_sorts_any_number_of_rows_up_to_the_limit() -> None:
    pairs, start = networks()
    for rows in (2, 3, 17, 34, 100, 255, 256):
        values = np.random.default_rng(rows).standard_normal(rows)
        network = (rows - 1).bit_length() - 1
        for i, j in pairs[start[network] : start[network + 1]]:
            if j < rows and values[i] < values[j]:
                values[[i, j]] = values[[j, i]]
        assert (np.diff(values) <= 0).all()
