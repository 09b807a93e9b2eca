from __future__ import annotations

import statistics
from contextlib import nullcontext

import numpy as np
import pytest

from vsebench.gate import judge
from vsebench.gate.baseline import Reference
from vsebench.gate.judge import look


def reference(mean=250.0, deviation=2.0, runs=30):
    values = np.random.default_rng(0).standard_normal(runs)
    values = (values - values.mean()) / values.std(ddof=1) * deviation + mean
    return Reference(values=dict(enumerate(values.tolist())))


class Runs:
    """Stands for training: the values that rows give, and which seeds were asked for."""

    def __init__(self, monkeypatch, means, errors=None):
        self.means, self.errors, self.asked = means, errors or {}, []
        monkeypatch.setattr(judge, "run_rows", self.run)

    def run(self, seeds, rows, watch):
        self.asked.append((tuple(seeds), sorted(rows)))
        values = {
            row: {seed: self.means[row] + (-1) ** seed for seed in seeds}
            for row in rows
            if row not in self.errors
        }
        return values, {row: self.errors[row] for row in rows if row in self.errors}


def judged(references, margin=3.0):
    return look(references, lambda seeds: seeds, lambda plan: nullcontext(), margin)[1]


def test_a_row_that_lost_much_fails_at_the_first_look(monkeypatch):
    runs = Runs(monkeypatch, {"gpo,triplet": 240.0})
    (found,) = judged({"gpo,triplet": reference()})
    assert (found.verdict, found.passed) == ("worse", False)
    assert found.difference == pytest.approx(-10)
    assert len(found.values) == 4
    assert runs.asked == [((30, 31, 32, 33), ["gpo,triplet"])]


def test_rows_that_are_decided_are_run_no_further(monkeypatch):
    runs = Runs(monkeypatch, {"a": 251.5, "b": 248.4})
    found = {each.row: each for each in judged({"a": reference(), "b": reference()})}
    assert found["a"].verdict == "no worse"
    assert len(found["a"].values) < len(found["b"].values)
    assert [rows for _, rows in runs.asked] == [["a", "b"], *[["b"]] * (len(runs.asked) - 1)]
    seeds = [seed for each, _ in runs.asked for seed in each]
    assert seeds == sorted(set(seeds))
    assert min(seeds) == 30


def test_what_no_look_decides_passes_and_says_so(monkeypatch):
    Runs(monkeypatch, {"a": 248.5})
    (found,) = judged({"a": reference()})
    assert (found.verdict, found.passed, len(found.values)) == ("not found worse", True, 12)
    assert found.difference - found.half_width < -3 < found.difference + found.half_width
    assert found.difference + found.half_width > 0


def test_a_row_that_fails_to_run_fails(monkeypatch):
    Runs(monkeypatch, {}, {"a": "seed 31: it diverged"})
    (found,) = judged({"a": reference()})
    assert (found.verdict, found.error, found.passed) == ("failed", "seed 31: it diverged", False)


def test_the_interval_is_in_errors_of_both_means(monkeypatch):
    Runs(monkeypatch, {"a": 240.0})
    held = reference(runs=20)
    (found,) = judged({"a": held})
    error = statistics.stdev(held.values.values()) * (1 / len(found.values) + 1 / 20) ** 0.5
    assert found.half_width == pytest.approx(found.critical * error)
