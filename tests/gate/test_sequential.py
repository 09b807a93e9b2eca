from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import beta, multivariate_t

from tests.oracles.sequential import failures
from vsebench.gate.sequential import ERROR, POWER, Design, design_for

MARGIN = 3.0 / 2.05  # RSUM, in deviations of a run counted on dev and test


@pytest.mark.parametrize("design", [Design(30), Design(12, 2, 4, 0.002), Design(30, 6, 2, 0.05)])
def test_critical_values_keep_the_error_over_all_looks(design):
    information = design.scale**-2
    correlation = np.sqrt(
        np.minimum.outer(information, information) / np.maximum.outer(information, information)
    )
    stays = multivariate_t.cdf(
        design.critical,
        shape=correlation,
        df=design.reference - 1,
        maxpts=400_000,
        random_state=0,
    )
    assert 1 - stays == pytest.approx(design.error, rel=0.02)


def upper_bound(count, of):
    """Of a probability, with 99 % confidence (Clopper and Pearson)."""
    return beta.ppf(0.99, count + 1, of - count)


@pytest.mark.parametrize("rows", [1, 6])
def test_false_alarms_over_looks_and_rows_stay_below_a_percent(rows):
    design = design_for(30, rows, MARGIN)
    gates = 60_000
    failed = failures(design.runs, design.critical, 30, gates * rows, 0.0, MARGIN, seed=rows)
    count = int(failed.reshape(gates, rows).any(1).sum())
    assert 0.007 * gates < count
    assert upper_bound(count, gates) <= 0.01


@pytest.mark.parametrize("rows", [1, 2, 6])
def test_a_loss_of_the_margin_is_found(rows):
    design = design_for(30, rows, MARGIN)
    failed = failures(design.runs, design.critical, 30, 20_000, -MARGIN, MARGIN, seed=3)
    assert failed.mean() == pytest.approx(design.power(MARGIN, MARGIN), abs=0.01)
    assert design.power(MARGIN, MARGIN) >= POWER


def test_twelve_runs_do_for_one_row():
    assert design_for(30, 1, MARGIN).runs == (4, 8, 12)
    assert design_for(30, 1, MARGIN).error == ERROR


def test_where_no_design_suffices_the_largest_is_taken():
    assert design_for(30, 17, 0.2).per_look == 16


def test_without_a_loss_rows_pass():
    design = Design(30)
    assert design.power(0.0, MARGIN) <= ERROR
    assert design.power(1.0, MARGIN) < design.power(1.5, MARGIN) < design.power(3.0, MARGIN)
