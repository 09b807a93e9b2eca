from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from tests.claims.made import SUITE, claims, leave
from tests.factories import QUICK, make_curve, make_record, make_spec, metrics, save
from tests.oracles import two_way as oracle
from tests.report.imaged import expected_interval, expected_p
from vsebench.claims.judge import judge
from vsebench.plugin import SpecError, VsebenchError
from vsebench.plugin.host.loader import load_plugins
from vsebench.report.rows.runs import read_runs
from vsebench.report.statistics.contributions import Contributions
from vsebench.results.run_base import Tuning

REGISTRY = load_plugins().registry
MEAN = [200.0, 203.0, 199.0, 201.0, 202.0, 198.0]


def verdicts(held, out):
    return judge(held, read_runs(out).ended, REGISTRY)


def ahead(by, noise=(0.5, -0.5, 0.2, -0.2, 0.9, -0.9)):
    return [value + by + extra for value, extra in zip(MEAN, noise, strict=True)]


@pytest.mark.parametrize(
    ("kind", "margin", "by", "verdict"),
    [
        ("superiority", 0.0, 5, "confirmed"),
        ("superiority", 0.0, -5, "refuted"),
        ("superiority", 0.0, 0.1, "undecided"),
        ("superiority", 3.0, 5, "confirmed"),
        ("superiority", 3.0, 1, "refuted"),
        ("superiority", 5.0, 5, "undecided"),
        ("non-inferiority", 4.0, -1, "confirmed"),
        ("non-inferiority", 4.0, -4, "undecided"),
        ("non-inferiority", 4.0, -8, "refuted"),
        ("equivalence", 3.0, 1, "confirmed"),
        ("equivalence", 3.0, -3, "undecided"),
        ("equivalence", 3.0, 7, "refuted"),
        ("equivalence", 3.0, -7, "refuted"),
    ],
)
def test_each_kind_of_claim(tmp_path, kind, margin, by, verdict):
    held = claims(tmp_path, {"kind": f'"{kind}"', "margin": f"{margin}"})
    leave(held, tmp_path / "runs", "mean,triplet", MEAN)
    leave(held, tmp_path / "runs", "gpo,triplet", ahead(by))
    (found,) = verdicts(held, tmp_path / "runs")
    assert (found.verdict, found.reasons) == (verdict, ())
    differences = np.subtract(ahead(by), MEAN)
    expected = stats.ttest_1samp(differences, 0).confidence_interval(0.95)
    assert (found.evidence.low, found.evidence.high) == pytest.approx(tuple(expected))
    assert found.evidence.difference == pytest.approx(differences.mean())
    if kind == "superiority":
        test = stats.ttest_1samp(differences, margin, alternative="greater")
        assert found.evidence.p_confirm == pytest.approx(test.pvalue)
    if kind == "equivalence":
        sides = (("greater", -margin), ("less", margin))
        expected = max(stats.ttest_1samp(differences, m, alternative=a).pvalue for a, m in sides)
        assert found.evidence.p_confirm == pytest.approx(expected)


def test_claims_of_a_family_are_corrected_together_and_others_are_not(tmp_path):
    contrast = '{ row = "maxavg,triplet", reference = "mean,triplet" }'
    noise = (2.8, -2.2, 2.4, -0.9, 1.9, -1.0)
    held = claims(tmp_path, {}, {"id": '"maxavg-better"', "contrast": contrast})
    for row, values in (
        ("mean,triplet", MEAN),
        ("gpo,triplet", ahead(2.0, noise)),
        ("maxavg,triplet", ahead(0)),
    ):
        leave(held, tmp_path / "runs", row, values)
    one, other = verdicts(held, tmp_path / "runs")
    differences = np.subtract(ahead(2.0, noise), MEAN)
    p = stats.ttest_1samp(differences, 0, alternative="greater").pvalue
    assert 0.0125 < p < 0.025
    assert one.evidence.p_confirm == pytest.approx(2 * p)
    assert (one.verdict, other.verdict) == ("undecided", "undecided")

    (tmp_path / "alone").mkdir()
    alone = claims(tmp_path / "alone")
    leave(alone, tmp_path / "alone/runs", "mean,triplet", MEAN)
    leave(alone, tmp_path / "alone/runs", "gpo,triplet", ahead(2.0, noise))
    (found,) = verdicts(alone, tmp_path / "alone/runs")
    assert found.evidence.p_confirm == pytest.approx(p)
    assert found.verdict == "confirmed"


def test_claims_of_a_family_know_of_each_others_seeds(tmp_path):
    contrast = '{ row = "maxavg,triplet", reference = "mean,triplet" }'
    held = claims(tmp_path, {}, {"id": '"maxavg-better"', "contrast": contrast})
    rng = np.random.default_rng(4)
    tables = {row: 250 + 20 * rng.normal(size=(3, 80)) for row in ("mean", "gpo", "maxavg")}
    for row, table in tables.items():
        leave(held, tmp_path / "runs", f"{row},triplet", table.mean(axis=1).tolist())
    runs = read_runs(tmp_path / "runs").ended
    for run in runs:
        values = {"rsum": tables[run.combination[0]][run.record.spec.seed]}
        vars(run)["per_image"] = Contributions.of_values(values)
    found = judge(held, runs, REGISTRY)
    differences = [tables[row] - tables["mean"] for row in ("gpo", "maxavg")]
    p = oracle.holm(expected_p(differences, 3, 0.0))
    assert [each.evidence.p_confirm for each in found] == pytest.approx(p)
    for each, table in zip(found, differences, strict=True):
        evidence = each.evidence
        assert evidence.images
        assert (evidence.difference, evidence.low, evidence.high) == pytest.approx(
            expected_interval(table)
        )


def test_the_best_of_several_references_is_chosen_on_dev(tmp_path):
    contrast = (
        '{ row = "gpo,triplet", reference = { best_of = ["mean,triplet", "maxavg,triplet"] } }'
    )
    held = claims(tmp_path, {"contrast": contrast})
    leave(held, tmp_path / "runs", "mean,triplet", MEAN, curve=[100.0, 150.0] + [150.0] * 8)
    leave(held, tmp_path / "runs", "maxavg,triplet", ahead(9))  # best on test, not on dev
    leave(held, tmp_path / "runs", "gpo,triplet", ahead(5))
    (found,) = verdicts(held, tmp_path / "runs")
    assert found.evidence.reference == ("mean", "triplet")


def test_the_best_of_several_is_not_known_before_all_are_run(tmp_path):
    contrast = (
        '{ row = "gpo,triplet", reference = { best_of = ["mean,triplet", "maxavg,triplet"] } }'
    )
    held = claims(tmp_path, {"contrast": contrast, "minimum_seeds": "3"})
    leave(held, tmp_path / "runs", "mean,triplet", MEAN)
    leave(held, tmp_path / "runs", "gpo,triplet", ahead(5))
    for finished in (0, 2):
        leave(held, tmp_path / "runs", "maxavg,triplet", MEAN[:finished])
        (found,) = verdicts(held, tmp_path / "runs")
        assert found.verdict == "inadmissible"
        (reason,) = found.reasons
        assert reason.startswith(f"maxavg × triplet: {finished} of at least 3 seeds")


LONGER = {
    "contrast": '{ row = "gpo,triplet", reference = "gpo,triplet", reference_suite = "long.toml" }'
}


def longer(tmp_path, **changes):
    """A row beside itself, trained for longer in another suite."""
    (tmp_path / "long.toml").write_text(SUITE + "epochs = 30\n")
    held = claims(tmp_path, LONGER)
    leave(held, tmp_path / "runs", "gpo,triplet", ahead(5))
    protocol = QUICK.model_copy(update={"epochs": 30, **changes.pop("protocol", {})})
    leave(
        held,
        tmp_path / "runs",
        "gpo,triplet",
        MEAN,
        suite="long.toml",
        protocol=protocol,
        **changes,
    )
    return held


def test_the_reference_may_be_a_row_of_another_suite(tmp_path):
    (found,) = verdicts(longer(tmp_path), tmp_path / "runs")
    assert (found.verdict, found.reasons) == ("confirmed", ())
    assert found.evidence.row == found.evidence.reference == ("gpo", "triplet")
    assert found.evidence.apart == ("epochs=30",)
    assert found.evidence.difference == pytest.approx(np.subtract(ahead(5), MEAN).mean())


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"data_fingerprint": "other"}, "data fingerprint"),
        ({"protocol": {"evaluate_on": "dev+test"}}, "evaluate_on"),
    ],
)
def test_rows_of_two_suites_are_counted_on_the_same_images(tmp_path, changes, said):
    (found,) = verdicts(longer(tmp_path, **changes), tmp_path / "runs")
    assert found.verdict == "inadmissible"
    assert found.reasons == (f"the suites' runs differ in {said}",)


def test_both_suites_are_run_under_the_claims(tmp_path):
    held = longer(tmp_path)
    (tmp_path / "elsewhere").mkdir()
    leave(held, tmp_path / "elsewhere", "gpo,triplet", ahead(5))
    with pytest.raises(VsebenchError, match=r"vsebench run .*long\.toml --claims"):
        verdicts(held, tmp_path / "elsewhere")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"curve": [10.0, 20.0, 40.0, 60.0, 90.0, 120.0]}, "still rising"),
        ({"record": {"warmup_steps": 60}}, "selected in warm-up"),
    ],
)
def test_a_spoiled_row_leaves_the_claim_inadmissible(tmp_path, changes, said):
    doubts = '["collapsed", "selected_in_warmup", "not_converged"]'
    held = claims(tmp_path, {"invalid_if": doubts})
    leave(held, tmp_path / "runs", "mean,triplet", MEAN)
    leave(held, tmp_path / "runs", "gpo,triplet", ahead(9), **changes)
    (found,) = verdicts(held, tmp_path / "runs")
    assert (found.verdict, found.evidence) == ("inadmissible", None)
    assert found.reasons == (f"gpo × triplet: {said}",)


def test_a_value_at_the_edge_of_its_range_may_leave_the_claim_inadmissible(tmp_path):
    held = claims(tmp_path, {"invalid_if": '["tuned_at_edge"]'})
    tuning = Tuning(configurations=18, seconds=9.0, tuned_at_edge=("lr",))
    leave(held, tmp_path / "runs", "mean,triplet", MEAN)
    leave(held, tmp_path / "runs", "gpo,triplet", ahead(9), tuning=tuning)
    (found,) = verdicts(held, tmp_path / "runs")
    assert found.reasons == ("gpo × triplet: tuned at the edge of the range of lr",)


def test_doubts_that_the_claim_does_not_name_leave_it_admissible(tmp_path):
    held = claims(tmp_path, {"invalid_if": "[]"})
    leave(held, tmp_path / "runs", "mean,triplet", MEAN)
    leave(held, tmp_path / "runs", "gpo,triplet", ahead(9), curve=[10.0, 20.0, 40.0, 60.0])
    assert [found.verdict for found in verdicts(held, tmp_path / "runs")] == ["confirmed"]


def test_too_few_seeds_and_seeds_that_do_not_count(tmp_path):
    held = claims(tmp_path, {"seeds": '"2-5"', "minimum_seeds": "3"})
    leave(held, tmp_path / "runs", "mean,triplet", MEAN)
    leave(held, tmp_path / "runs", "gpo,triplet", ahead(9)[:4])
    (found,) = verdicts(held, tmp_path / "runs")
    assert found.verdict == "inadmissible"
    assert found.reasons == ("2 of at least 3 seeds are finished in both rows",)
    leave(held, tmp_path / "runs", "gpo,triplet", ahead(9)[:5])
    (found,) = verdicts(held, tmp_path / "runs")
    assert found.evidence.seeds == (2, 3, 4)


def test_runs_that_were_not_made_under_the_claims_do_not_count(tmp_path):
    held = claims(tmp_path)
    leave(None, tmp_path / "runs", "mean,triplet", MEAN)
    leave(None, tmp_path / "runs", "gpo,triplet", ahead(9))
    with pytest.raises(VsebenchError) as caught:
        verdicts(held, tmp_path / "runs")
    assert "no run was made under these claims; 12 runs there were made without" in str(
        caught.value
    )
    assert "vsebench run" in str(caught.value)
    leave(held, tmp_path / "runs", "mean,triplet", MEAN)
    leave(held, tmp_path / "runs", "gpo,triplet", ahead(-9))
    assert [found.verdict for found in verdicts(held, tmp_path / "runs")] == ["refuted"]


def test_a_row_that_the_suite_lacks_is_an_error(tmp_path):
    held = claims(tmp_path, {"contrast": '{ row = "max,triplet", reference = "mean,triplet" }'})
    leave(held, tmp_path / "runs", "mean,triplet", MEAN)
    with pytest.raises(SpecError, match=r"claim 'gpo-better': suite suite\.toml has no pooling"):
        verdicts(held, tmp_path / "runs")


def test_a_claim_on_speed_is_about_interpolated_arrivals(tmp_path):
    held = claims(
        tmp_path, {"kind": '"speed"', "target": "80.0", "ratio": "1.5", "statement": '"sooner"'}
    )
    slow = [40.0, 80.0, 90.0, 100.0]  # arrives at step 20
    leave(held, tmp_path / "runs", "mean,triplet", MEAN, curve=slow)
    leave(held, tmp_path / "runs", "gpo,triplet", ahead(0), curve=[80.0, 90.0, 100.0, 100.0])
    (found,) = verdicts(held, tmp_path / "runs")
    assert found.verdict == "confirmed"
    assert found.evidence.difference == pytest.approx(2.0)
    assert not found.evidence.images


def test_a_run_that_never_arrives_counts_as_its_end(tmp_path):
    held = claims(tmp_path, {"kind": '"speed"', "target": "95.0", "ratio": "1.0"})
    leave(held, tmp_path / "runs", "mean,triplet", MEAN, curve=[50.0, 60.0, 70.0, 80.0])
    leave(held, tmp_path / "runs", "gpo,triplet", ahead(0), curve=[95.0, 95.0, 95.0, 95.0])
    (found,) = verdicts(held, tmp_path / "runs")
    assert math.log(found.evidence.difference) == pytest.approx(math.log(4.0))


def test_a_cheap_row_that_never_arrives_is_not_confirmed_to_be_sooner(tmp_path):
    speed = {"kind": '"speed"', "target": "95.0", "unit": '"cpu seconds"'}
    held = claims(tmp_path, speed)
    cost = {"train_cpu_seconds": 9.0, "mining_cpu_seconds": 0.0, "prior_cpu_seconds": 0.0}
    there = {"curve": [90.0, 95.0, 97.0], "record": {"cost": cost}, "cpu": 50.0}
    never = {"curve": [50.0, 50.0, 50.0], "record": {"cost": cost}, "cpu": 1.0}
    leave(held, tmp_path / "runs", "mean,triplet", MEAN, **there)
    leave(held, tmp_path / "runs", "gpo,triplet", ahead(0), **never)
    (found,) = verdicts(held, tmp_path / "runs")
    assert (found.verdict, found.evidence.difference) == ("undecided", 1.0)


def test_runs_that_take_no_step_are_inadmissible_for_speed(tmp_path):
    held = claims(tmp_path, {"kind": '"speed"', "target": "80.0"})
    at_once = [make_curve([100.0])[0].model_copy(update={"step": 0, "seconds": 0.0})]
    for row in ("mean", "gpo"):
        for seed in range(6):
            spec = make_spec(row, "triplet", seed, claims=held.digest("suite.toml"))
            save(tmp_path / "runs", make_record(spec, steps=0, test=metrics(100.0)), at_once)
    (found,) = verdicts(held, tmp_path / "runs")
    assert found.verdict == "inadmissible"
    assert "mean × triplet: trained for no step" in found.reasons


def test_a_claim_on_speed_counts_the_luck_of_tuning(tmp_path):
    held = claims(tmp_path, {"kind": '"speed"', "target": "80.0"})
    slow, fast = [40.0, 80.0, 90.0, 100.0], [80.0, 90.0, 100.0, 100.0]
    for study in range(2):
        of_study = {"tuning": Tuning(study=study), "first": 3 * study}
        for row, curve in (("mean,triplet", slow), ("gpo,triplet", slow if study else fast)):
            leave(held, tmp_path / "runs", row, MEAN[:3], curve=curve, **of_study)
    (found,) = verdicts(held, tmp_path / "runs")
    logs = [math.log(2.0), 0.0]
    ends = stats.ttest_1samp(logs, 0).confidence_interval(0.95)
    assert (found.evidence.low, found.evidence.high) == pytest.approx(tuple(map(math.exp, ends)))
    assert found.verdict == "undecided"


def test_cpu_seconds_are_asked_of_records_that_have_them(tmp_path):
    speed = {"kind": '"speed"', "target": "80.0", "unit": '"cpu seconds"'}
    held = claims(tmp_path, speed)
    cost = {"train_cpu_seconds": 9.0, "mining_cpu_seconds": 0.0, "prior_cpu_seconds": 0.0}
    for row, values, factor in (("mean,triplet", MEAN, 2.0), ("gpo,triplet", ahead(0), 1.0)):
        leave(held, tmp_path / "runs", row, values, record={"cost": cost}, cpu=factor)
    (found,) = verdicts(held, tmp_path / "runs")
    assert found.evidence.difference == pytest.approx(2.0)
    leave(held, tmp_path / "runs", "gpo,triplet", ahead(0))
    (found,) = verdicts(held, tmp_path / "runs")
    assert found.reasons == ("a run's record has no CPU seconds",)


def test_the_old_code_of_an_edited_method_does_not_stand_in_for_the_new(tmp_path):
    held = claims(tmp_path)
    leave(held, tmp_path / "runs", "mean,triplet", MEAN)
    leave(held, tmp_path / "runs", "gpo,triplet", ahead(5), version="1+3f2a00112233")
    assert verdicts(held, tmp_path / "runs")[0].verdict == "confirmed"
    leave(held, tmp_path / "runs", "gpo,triplet", ahead(5)[:1], version="1+91bc00112233")
    (found,) = verdicts(held, tmp_path / "runs")
    assert (found.verdict, found.evidence) == ("inadmissible", None)
    (reason,) = found.reasons
    assert reason.startswith("gpo × triplet: runs of several versions, gpo@")
    assert "gpo@91bc × triplet" in reason
    assert "gpo@3f2a × triplet" in reason


def test_a_seed_that_was_run_twice_is_not_one_run(tmp_path):
    held = claims(tmp_path)
    leave(held, tmp_path / "runs", "mean,triplet", MEAN)
    leave(held, tmp_path / "runs", "gpo,triplet", ahead(5))
    leave(held, tmp_path / "runs", "gpo,triplet", ahead(9)[:1], depends_on=("ab",))
    (found,) = verdicts(held, tmp_path / "runs")
    assert found.verdict == "inadmissible"
    assert "of seed 0: keep those of one" in found.reasons[0]
