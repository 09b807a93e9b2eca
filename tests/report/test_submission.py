from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from tests.factories import make_curve, make_provenance, make_record, make_spec, save
from tests.oracles import ranking
from vsebench.report.rows.runs import read_runs
from vsebench.report.submission import findings
from vsebench.results.folder.store import Store
from vsebench.results.run_base import Tuning

LIBRARIES = {"vsebench": "0.1.0", "torch": "2.13.0", "numpy": "2.4.6"}
OWNERS = np.repeat(np.arange(20), 5)


def made(out, seed=0, ranks=True, changes=None, curve=None, **spec):
    """A run whose records agree, but for the `changes`."""
    random = np.random.default_rng(seed)
    i2t, t2i = random.integers(0, 15, 20), random.integers(0, 15, 100)
    test = ranking.metrics(i2t.tolist(), t2i.tolist())
    fields = {
        "test": test,
        "best_dev": test,
        "provenance": make_provenance(libraries=LIBRARIES),
        **(changes(test) if changes else {}),
    }
    record = make_record(make_spec("gpo", seed=seed, **spec), **fields)
    if ranks:
        directory = Store(out).directory_for(record.spec)
        directory.write_spec(record.spec)
        directory.write_ranks(i2t.astype(np.int32), t2i.astype(np.int32), OWNERS)
    save(out, record, make_curve((100, 120)) if curve is None else curve)


def said(out):
    return [each.what for each in findings(read_runs(out).ended)]


def test_runs_that_agree_with_themselves_can_be_handed_in(tmp_path):
    for seed in range(3):
        made(tmp_path, seed)
    assert findings(read_runs(tmp_path).ended) == []


@pytest.mark.parametrize(
    ("kwargs", "what"),
    [
        ({"changes": lambda t: {"metric_version": "0"}}, "metric version 0, expected"),
        ({"changes": lambda t: {"test": {**t, "rsum": t["rsum"] + 1}}}, "the sum of the six is"),
        (
            {
                "changes": lambda t: {
                    "test": {**t, "i2t_r1": t["i2t_r1"] + 1, "i2t_r5": t["i2t_r5"] - 1}
                }
            },
            "ranks.npz: it gives a test i2t_r1 of",
        ),
        (
            {"changes": lambda t: {"best_dev": {**t, "rsum": 1.0}}},
            "dev RSUM is 1.0, the sum of the six is",
        ),
        ({"ranks": False}, "neither ranks nor values by image"),
        ({"curve": ()}, "no training curve"),
        ({"changes": lambda t: {"provenance": None}}, "no provenance"),
        (
            {"changes": lambda t: {"provenance": make_provenance()}},
            "no version of vsebench, numpy",
        ),
        ({"tuned": ("lr",)}, "lr tuned, and not said with how many trials"),
    ],
)
def test_what_is_refused(tmp_path, kwargs, what):
    for seed in range(2):
        made(tmp_path, seed)
    made(tmp_path, 2, **kwargs)
    found = said(tmp_path)
    assert any(what in each for each in found), found


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"run_id": "0" * 16}, "its id 0000000000000000 is not that of its spec"),
        ({"test": {"rsum": math.inf}}, "test rsum is inf"),
        ({"test": {}}, "no test metrics"),
    ],
)
def test_what_no_folder_holds_is_refused_all_the_same(tmp_path, changes, what):
    """Reading a folder refuses most of it already."""
    made(tmp_path)
    (run,) = read_runs(tmp_path).ended
    wrong = replace(run, record=run.record.model_copy(update=changes))
    assert any(what in each.what for each in findings([wrong]))


def test_tuning_that_is_declared_is_no_fault(tmp_path):
    for seed in range(3):
        made(tmp_path, seed, tuned=("lr",), tuning=Tuning(configurations=12))
    assert said(tmp_path) == []


def test_too_few_seeds_and_seeds_twice(tmp_path):
    made(tmp_path, 0)
    made(tmp_path, 0, version="2")
    assert said(tmp_path) == [
        "seed 0 counts twice: its runs differ in protocol, data or versions",
        "1 finished seeds, expected at least 3",
    ]
