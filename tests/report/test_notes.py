from __future__ import annotations

import pytest

from tests.factories import QUICK, make_curve, make_provenance, make_record, make_spec
from vsebench.report.rows.combinations import make_block
from vsebench.report.rows.runs import Run
from vsebench.report.rows.sections import Section, split
from vsebench.report.tables.evidence_notes import NO_EVIDENCE
from vsebench.report.tables.layout import whole
from vsebench.report.tables.notes import block_notes, unfinished_note
from vsebench.results.record import Collapse


def run(*arguments, curve=(100, 200), spec=None, **changes):
    return Run(make_record(spec or make_spec(*arguments), **changes), tuple(make_curve(curve)))


def notes(*runs, baseline=None):
    return block_notes(make_block(Section(runs), baseline))


def note(found, start):
    (match,) = [n for n in found if n.startswith(start)]
    return match


def test_one_seed_says_that_differences_may_be_chance():
    found = notes(run("gpo"), run("max"))
    assert "One seed per row: differences may be chance." in found
    assert note(found, "Seeds") == "Seeds: 0."


def test_several_seeds_say_what_the_interval_is():
    found = notes(run("gpo"), run("gpo", "triplet", 1))
    assert (
        "Figures are means over seeds; ±: half-width of the 95 % t-interval of the mean over other "
        "seeds, on these test images." in found
    )
    assert note(found, "Seeds") == "Seeds: 0, 1."


def test_rows_on_different_seeds_are_pointed_out():
    found = notes(run("gpo"), run("gpo", "triplet", 2), run("max", "triplet", 2))
    assert (
        note(found, "Seeds")
        == "Seeds: 0, 2. Warning: rows rest on different seeds: max × triplet only 2."
    )


def test_target_names_its_baseline():
    assert (
        note(notes(run("gpo"), run("max")), "Target")
        == "Target: dev RSUM 190.0, 95 % of the best of gpo × triplet."
    )
    partly = notes(run("gpo"), run("max"), run("max", "triplet", 1, curve=[1]))
    assert note(partly, "Target").endswith(" 'n of m': only n seeds reached it.")


def test_what_a_row_costs_without_its_first_round_is_said():
    prior = {"train_seconds": 40.0, "mining_seconds": 3.0, "prior_seconds": 37.0}
    found = notes(run("gpo"), run("gpo", "aoq", cost=prior))
    assert (
        note(found, "Without") == "Without the first round, which rows may share: gpo × aoq 43 s."
    )
    assert not [each for each in notes(run("gpo")) if each.startswith("Without")]


def test_steps_that_time_a_cut_of_the_rate_are_called_that():
    def cut(one, at):
        """Its learning rate is cut before the evaluation in that place."""
        points = [
            e.model_copy(update={"lr": 1e-4 if place >= at else 1e-3})
            for place, e in enumerate(one.curve)
        ]
        return Run(one.record, tuple(points))

    curve = (100, 150, 200)  # at the target with the third evaluation
    timed = [cut(run("gpo", "triplet", seed, curve=curve), at=2) for seed in range(2)]
    others = [cut(run("max", "triplet", seed, curve=curve), at=1) for seed in range(2)]
    never = run("mean", curve=(1, 2, 3))
    assert note(notes(*timed, others[0], never), "Steps to target") == (
        "Steps to target time the schedule: 2 of 3 runs arrived at the first evaluation after a "
        "cut of the learning rate."
    )
    for runs in ((*timed, *others), (never,), (run("gpo", status="failed", error="x"),)):
        assert not [each for each in notes(*runs) if each.startswith("Steps to target")]


def test_no_target():
    found = notes(run("gpo", status="failed"), run("max"), baseline=("gpo", "triplet"))
    assert (
        note(found, "Target")
        == "Target: none, because the baseline gpo × triplet has no finished run here."
    )


@pytest.mark.parametrize(
    ("mask", "said"),
    [
        (True, "sibling_mask=true: other captions of an image are kept out of the negatives"),
        (False, "sibling_mask=false: other captions of an image are used as negatives"),
    ],
)
def test_protocol_with_its_changes_and_the_sibling_mask(mask, said):
    protocol = QUICK.model_copy(update={"sibling_mask": mask})
    found = notes(
        run(
            spec=make_spec(
                protocol=protocol, protocol_changes={"embed_dim": 64, "select_at": "epoch"}
            )
        )
    )
    assert (
        note(found, "Protocol")
        == f"Protocol quick with embed_dim=64, select_at=epoch; {said}. Data scenes-5b1c2."
    )
    assert note(notes(run()), "Protocol").startswith("Protocol quick; sibling_mask")


def test_an_older_metric_version_is_named():
    assert note(notes(run(metric_version="0")), "Protocol").endswith(
        "Data scenes-5b1c2, metric version 0."
    )


def test_device_threads_and_company():
    assert (
        note(notes(run()), "Device") == "Device: cpu (AMD EPYC 9965), 1 thread a run, 2 at a time."
    )
    found = notes(
        run(spec=make_spec(device="cuda"), provenance=make_provenance(device_name="NVIDIA H200"))
    )
    assert note(found, "Device") == "Device: cuda (NVIDIA H200), 2 at a time."


def test_seconds_of_unequal_concurrency_or_device_are_not_compared():
    assert not any("comparable" in n for n in notes(run("gpo"), run("max")))
    found = notes(run("gpo"), run("max", cost={"concurrency": 1}))
    assert (
        "Warning: seconds are not comparable between these rows: runs differ in runs at a time."
        in found
    )
    assert note(found, "Device").endswith("1 or 2 at a time.")
    found = notes(run("gpo"), run("max", provenance=make_provenance(device_name="Apple M4")))
    assert "Warning: seconds are not comparable between these rows: runs differ in device." in found
    by = {word: make_provenance(cpu_generation=word) for word in ("25-17-1", "25-1-1", "")}
    known, other, unknown = (run("gpo", provenance=each) for each in by.values())
    assert (
        "Warning: seconds are not comparable between these rows: runs differ in generation of the "
        "CPU." in notes(known, other)
    )
    assert not any("comparable" in n for n in notes(known, unknown))


def test_rows_of_different_releases_or_commits_are_pointed_out():
    def by(release, commit):
        return make_provenance(
            libraries={"vsebench": release, "torch": "2.13.0"}, git_commit=commit
        )

    def said(*made):
        return [
            n
            for n in notes(
                *(run("gpo", "triplet", seed, provenance=each) for seed, each in enumerate(made))
            )
            if n.startswith("Made with different states")
        ]

    first, second = "a" * 40, "b" * 40
    assert said(by("1.0", first), by("1.0", first)) == []
    assert said(by("1.0", None), by("1.0", first), None, make_provenance()) == []
    assert said(by("1.0", first), by("1.0", second + "+")) == [
        "Made with different states of vsebench: commits aaaaaaaaaaaa and bbbbbbbbbbbb+."
    ]
    assert said(by("1.0", first), by("1.0", first + "+"))
    assert said(by("1.0", None), by("1.1", None)) == [
        "Made with different states of vsebench: releases 1.0 and 1.1."
    ]


def test_data_warnings_are_carried_once():
    found = notes(
        run("gpo", warnings=("5999 images, not 6000",)),
        run("max", warnings=("5999 images, not 6000", "no licence")),
    )
    assert [n for n in found if n.startswith("Data:")] == [
        "Data: 5999 images, not 6000",
        "Data: no licence",
    ]


def test_failed_and_blocked_runs_are_named_with_their_reason():
    error = "Traceback (most recent call last):\n  File\nRuntimeError: " + "x" * 500 + "\n\n"
    found = notes(
        run("gpo"),
        run("max", "aoq", 3, status="failed", error=error),
        run("max", "aoq", 4, status="blocked", error="it needs another"),
    )
    failure = note(found, "Failed")
    assert failure.startswith("Failed: max × aoq, seed 3: RuntimeError: xxx")
    assert len(failure) < 200
    assert note(found, "Blocked") == "Blocked: max × aoq, seed 4: it needs another"


def test_nothing_finished():
    found = notes(run("gpo", status="failed", error=None, cost=None, provenance=None))
    assert note(found, "Failed") == "Failed: gpo × triplet, seed 0: no reason recorded"
    assert not any(n.startswith(("Device", "Seeds")) for n in found)


def test_mixed_blocks_and_superseded_runs_are_pointed_out():
    longer = make_spec(protocol=QUICK.model_copy(update={"epochs": 8}))
    newer = make_spec(depends_on=("ab",))
    sections = split(
        [run(), run(spec=longer), run(spec=newer, provenance=make_provenance(started="2027"))],
        allow_mixed=True,
    )
    found = block_notes(make_block(sections[0]))
    assert "Warning: other blocks of scenes differ from this one, which has epochs=4." in found
    assert "Warning: 1 run by other versions of a component left out, newer ones taken." in found


def test_versions_of_a_component_are_explained():
    runs = [
        run(spec=make_spec("power:p=4", version=version), provenance=make_provenance(started=date))
        for version, date in (("1+91bc00", "2026"), ("1+3f2a00", "2027"))
    ]
    (section,) = split(runs)
    assert note(block_notes(make_block(section)), "Versions") == (
        "Versions of one component: power@3f2a, power@91bc (after the @: digest of its code, or "
        "its card's version), the newest first."
    )


def test_unfinished_runs_are_named():
    assert (
        unfinished_note([make_spec("gpo")])
        == "Unfinished, not in the table: scenes · gpo · triplet · seed 0."
    )
    assert unfinished_note([make_spec("gpo", seed=s) for s in range(5)]).endswith(
        "seed 2; and 2 more."
    )


FLAT = (100, 200, 200, 200, 200)


def test_runs_whose_best_model_is_of_the_warm_up_are_named():
    """Steps per epoch are 40 and the warm-up has one epoch, unless the record says otherwise."""
    early = run("gpo", curve=FLAT, best_step=40, warmup_steps=None)
    found = notes(early, run("mean", curve=FLAT, best_step=120))
    assert note(found, "‡") == (
        "‡ Selected in warm-up: the best on dev was a model trained with sum-hinge and not yet "
        "with the row's loss: gpo × triplet (1)."
    )
    assert NO_EVIDENCE in found


def test_rows_that_had_not_converged_are_named_with_what_they_gained():
    rising = (100, 180, 190, 195, 200)
    found = notes(run("gpo", curve=rising), run("mean", curve=FLAT))
    assert note(found, "↑") == (
        "↑ Still rising: dev RSUM gained more than 1 % in the last quarter of training, so "
        "longer runs may rank differently: gpo × triplet (3.1 %)."
    )
    assert NO_EVIDENCE in found
    every = notes(run("gpo", curve=rising), run("mean", curve=(1, 2, 3, 4)))
    assert note(every, "↑").endswith("rank differently: every row (3.1–25.0 %).")


def test_each_mark_is_explained_only_where_it_occurs():
    sound = notes(run("gpo", curve=FLAT), run("mean", curve=FLAT))
    assert not any(text.startswith(("†", "‡", "↑")) for text in sound)
    assert NO_EVIDENCE not in sound


def test_collapsed_runs_are_named_and_their_row_is_marked():
    collapse = Collapse(
        step=30, cosine=0.985, best_rsum=120, last_rsum=40, last_loss=51.19, plateau=51.2
    )
    collapsed = run("gpo", curve=FLAT, collapse=collapse, best_step=20)
    late = run("gpo", "triplet", 1, curve=FLAT, collapse=collapse, best_step=40)
    block = make_block(Section((collapsed, late, run("mean", curve=FLAT))))
    said = note(block_notes(block), "† Collapsed")
    assert said == (
        "† Collapsed: gpo × triplet, seed 0 from step 30 on (dev RSUM 120 → 40), seed 1 from step "
        "30 on (dev RSUM 120 → 40): "
        "unrelated pairs have a mean cosine of 0.98, the loss is 51.2, where a model with all "
        "embeddings equal has 51.2."
    )
    early = note(notes(run("gpo", collapse=collapse, best_step=20), run("mean")), "† Collapsed")
    assert early.endswith("Figures are of models selected before.")
    assert [entry.row["collapsed_seeds"] for entry in block.entries] == [2, 0]
    column = [cells[-4] for cells in whole(block).body]
    assert [cell.endswith(" †") for cell in column] == [True, False]
