from __future__ import annotations

import math

import pytest

from tests.factories import QUICK, make_curve, make_provenance, make_record, make_spec, metrics
from vsebench.plugin.errors import SpecError
from vsebench.report.rows.combinations import Target, make_block
from vsebench.report.rows.runs import Run
from vsebench.report.rows.sections import Section, parse_row, split
from vsebench.results.tasks import task_named

KEYS = [
    "dataset",
    "task",
    "protocol",
    "data_fingerprint",
    "metric_version",
    "pooling",
    "loss",
    "sampler",
    "seeds",
    "failed_seeds",
    "collapsed_seeds",
    "no_evidence",
    "i2t_r1",
    "i2t_r1_lo",
    "i2t_r1_hi",
    "i2t_r1_seeds_lo",
    "i2t_r1_seeds_hi",
    "i2t_r5",
    "i2t_r5_lo",
    "i2t_r5_hi",
    "i2t_r5_seeds_lo",
    "i2t_r5_seeds_hi",
    "i2t_r10",
    "i2t_r10_lo",
    "i2t_r10_hi",
    "i2t_r10_seeds_lo",
    "i2t_r10_seeds_hi",
    "t2i_r1",
    "t2i_r1_lo",
    "t2i_r1_hi",
    "t2i_r1_seeds_lo",
    "t2i_r1_seeds_hi",
    "t2i_r5",
    "t2i_r5_lo",
    "t2i_r5_hi",
    "t2i_r5_seeds_lo",
    "t2i_r5_seeds_hi",
    "t2i_r10",
    "t2i_r10_lo",
    "t2i_r10_hi",
    "t2i_r10_seeds_lo",
    "t2i_r10_seeds_hi",
    "rsum",
    "rsum_lo",
    "rsum_hi",
    "rsum_seeds_lo",
    "rsum_seeds_hi",
    "i2t_medr",
    "t2i_medr",
    "i2t_meanr",
    "t2i_meanr",
    "steps_to_95",
    "epochs_to_95",
    "seconds_to_95",
    "steps_to_target",
    "epochs_to_target",
    "seconds_to_target",
    "train_seconds",
    "own_seconds",
    "total_seconds",
    "own_cpu_seconds",
    "total_cpu_seconds",
    "tuning_seconds",
    "samples_seen",
    "tower_forwards",
    "parameters",
    "peak_memory_mb",
    "concurrency",
]


def run(*arguments, rsum=300.0, curve=(), cost=None, **changes):
    return Run(
        make_record(make_spec(*arguments), rsum=rsum, cost=cost, **changes),
        tuple(make_curve(curve)),
    )


def edited(version, started):
    spec = make_spec("power", version=version)
    return Run(make_record(spec, provenance=make_provenance(started=started)))


def failed(*arguments, status="failed"):
    return Run(
        make_record(
            make_spec(*arguments),
            status=status,
            test={},
            cost=None,
            provenance=None,
            error="Traceback\nRuntimeError: no",
        )
    )


def rows(*runs, baseline=None):
    return [entry.row for entry in make_block(Section(runs), baseline).entries]


def test_keys_are_those_of_the_design_in_their_order():
    (row,) = rows(run())
    assert list(row) == list(task_named("retrieval").row_keys) == KEYS


def test_one_row_per_combination_in_order_of_appearance():
    found = rows(run("max", "aoq", 0), run("gpo/mean", "triplet", 0), run("max", "aoq", 1))
    assert [(r["pooling"], r["loss"], r["sampler"], r["seeds"]) for r in found] == [
        ("max", "aoq", None, 2),
        ("gpo/mean", "triplet", None, 1),
    ]
    assert found[0]["dataset"] == "scenes"
    assert found[0]["task"] == "retrieval"
    assert found[0]["protocol"] == "quick"


def test_metrics_are_means_over_seeds_with_intervals():
    (row,) = rows(run("max", "aoq", 0, rsum=290.0), run("max", "aoq", 1, rsum=310.0))
    assert row["rsum"] == pytest.approx(300)
    half = 12.706204736 * math.sqrt(200) / math.sqrt(2)
    assert (row["rsum_lo"], row["rsum_hi"]) == pytest.approx((300 - half, 300 + half))
    assert row["i2t_r1"] == pytest.approx(metrics(300)["i2t_r1"])
    assert (row["rsum_seeds_lo"], row["rsum_seeds_hi"]) == (row["rsum_lo"], row["rsum_hi"])
    assert row["i2t_r1_lo"] < row["i2t_r1"] < row["i2t_r1_hi"]
    assert row["t2i_meanr"] == 15.25


def test_one_seed_has_null_intervals():
    (row,) = rows(run())
    assert {row[key] for key in row if key.endswith(("_lo", "_hi"))} == {None}


def test_failed_and_blocked_seeds_are_counted_and_averaged_over_nothing():
    gpo, mean = rows(
        run("gpo", rsum=290.0),
        failed("gpo", "triplet", 1),
        failed("gpo", "triplet", 2, status="blocked"),
        failed("mean"),
    )
    assert (gpo["seeds"], gpo["failed_seeds"], gpo["rsum"]) == (1, 2, pytest.approx(290))
    assert (mean["seeds"], mean["failed_seeds"], mean["no_evidence"]) == (0, 1, [])
    assert [key for key in KEYS[12:] if mean[key] is not None] == []


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_number_that_is_not_known_is_null(value):
    (row,) = rows(run(test=metrics(300) | {"i2t_r1": value}), run("mean", "triplet", 1))
    assert row["i2t_r1"] is row["i2t_r1_lo"] is None
    assert row["i2t_r5"] is not None
    (row,) = rows(run(test={}))
    assert row["rsum"] is None


def test_time_to_own_best():
    (row,) = rows(
        run("gpo", curve=[100, 189, 200]), run("gpo", "triplet", 1, curve=[190, 191, 200])
    )
    assert (row["steps_to_95"], row["epochs_to_95"], row["seconds_to_95"]) == (20, 0.5, 4.0)


def test_target_is_95_percent_of_the_first_rows_mean_best():
    first = [
        run("mean", "triplet", 0, curve=[100, 190, 200]),
        run("mean", "triplet", 1, curve=[100, 210, 220]),
    ]
    better = [
        run("gpo", "triplet", 0, curve=[150, 200, 250]),
        run("gpo", "triplet", 1, curve=[199.5, 300, 300]),
    ]
    worse = [
        run("max", "triplet", 0, curve=[100, 199.4, 199.4]),
        run("max", "triplet", 1, curve=[200, 300, 300]),
    ]
    block = make_block(Section((*first, *better, *worse)))
    assert block.target.quality == pytest.approx(0.95 * 210)
    assert block.target.baseline == ("mean", "triplet")
    mean, gpo, maximum = (entry.row for entry in block.entries)
    assert (mean["steps_to_target"], mean["epochs_to_target"], mean["seconds_to_target"]) == (
        25,
        0.625,
        5.0,
    )
    assert gpo["steps_to_target"] == 15
    assert (
        maximum["steps_to_target"]
        is maximum["epochs_to_target"]
        is maximum["seconds_to_target"]
        is None
    )
    assert maximum["steps_to_95"] is not None
    assert [entry.reached for entry in block.entries] == [2, 2, 1]


def test_another_baseline():
    runs = (run("mean", curve=[100, 200]), run("gpo", curve=[150, 300]))
    assert [r["steps_to_target"] for r in rows(*runs)] == [20, 20]
    assert [r["steps_to_target"] for r in rows(*runs, baseline=("gpo", "triplet"))] == [None, 20]


def test_the_default_baseline_is_the_first_row_that_has_a_result():
    block = make_block(Section((failed("mean"), run("gpo", curve=[100, 200]))))
    assert block.target == Target(("gpo", "triplet"), 190)


def test_a_baseline_that_failed_gives_no_target():
    found = rows(failed("mean"), run("gpo", curve=[100, 200]), baseline=("mean", "triplet"))
    assert [r["steps_to_target"] for r in found] == [None, None]
    assert found[1]["steps_to_95"] == 20


def test_baselines_are_written_as_rows_are():
    sections = split([run("gpo/mean", "aoq:h=5"), run("max")])
    assert parse_row("gpo/mean,aoq:h=5", sections) == ("gpo/mean", "aoq:h=5")
    with pytest.raises(
        SpecError,
        match=r"--baseline 'maxx,triplet' .*did you mean 'max,triplet'\?",
    ):
        parse_row("maxx,triplet", sections)


def test_a_name_of_several_versions_says_what_to_write_for_each():
    sections = split([edited("1+91bc00", "1"), edited("1+3f2a44", "2"), run("max")])
    with pytest.raises(
        SpecError,
        match=r"--to 'power,triplet' names 2 rows.*'power@3f2a,triplet' or 'power@91bc,triplet'",
    ):
        parse_row("power,triplet", sections, "--to")
    assert parse_row("power@91bc,triplet", sections) == ("power@91bc", "triplet")
    newest = split([edited("1+91bc00", "1"), edited("1+3f2a44", "2")], only_newest=True)
    assert parse_row("power,triplet", newest) == ("power", "triplet")


def test_cost_counts_what_the_method_needed_first():
    cost = {
        "train_seconds": 40.0,
        "mining_seconds": 3.0,
        "prior_seconds": 37.0,
        "evaluation_seconds": 9.0,
        "train_cpu_seconds": 30.0,
        "mining_cpu_seconds": 2.0,
    }
    (row,) = rows(run(cost=cost, curve=[100, 200]))
    assert (row["train_seconds"], row["own_seconds"], row["total_seconds"]) == (40, 43, 80)
    assert (row["own_cpu_seconds"], row["total_cpu_seconds"]) == (32, None)
    (row,) = rows(run(cost={**cost, "prior_cpu_seconds": 28.0}, curve=[100, 200]))
    assert row["total_cpu_seconds"] == 60
    assert row["seconds_to_95"] == 44


def test_costs_over_seeds():
    (row,) = rows(
        run("gpo", cost={"train_seconds": 40.0, "peak_memory_mb": 500.0, "tower_forwards": 10}),
        run(
            "gpo",
            "triplet",
            1,
            cost={"train_seconds": 50.0, "peak_memory_mb": 700.0, "tower_forwards": 13},
        ),
    )
    assert (row["train_seconds"], row["peak_memory_mb"], row["tower_forwards"]) == (45, 700, 11.5)
    assert (row["samples_seen"], row["parameters"], row["concurrency"]) == (20480, 250000, 2)
    assert isinstance(row["parameters"], int)


def test_seeds_of_unequal_concurrency_have_none_in_common():
    (row,) = rows(run("gpo"), run("gpo", "triplet", 1, cost={"concurrency": 4}))
    assert row["concurrency"] is None


def test_mixed_rows_tell_their_protocols_apart():
    changed = make_spec(
        protocol=QUICK.model_copy(update={"epochs": 8}), protocol_changes={"epochs": 8}
    )
    sections = split([run(), Run(make_record(changed))], allow_mixed=True)
    assert [make_block(section).entries[0].row["protocol"] for section in sections] == [
        "quick",
        "quick:epochs=8",
    ]
