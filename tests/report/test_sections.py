from __future__ import annotations

import pytest

from tests.factories import QUICK, component, make_provenance, make_record, make_spec
from vsebench.plugin.errors import VsebenchError
from vsebench.report.rows.runs import Run
from vsebench.report.rows.sections import split


def run(*arguments, started="1", rsum=300.0, metric_version="1", **changes):
    record = make_record(
        make_spec(*arguments, **changes),
        rsum=rsum,
        metric_version=metric_version,
        provenance=make_provenance(started=started),
    )
    return Run(record)


def test_data_sets_and_similarities_are_sections_of_their_own():
    runs = [
        run("gpo"),
        run("gpo", dataset="flickr8k"),
        run("max"),
        run("gpo", similarity=component("maxsim")),
    ]
    sections = split(runs)
    assert [(s.dataset, s.set_apart, len(s.runs)) for s in sections] == [
        ("scenes", (), 2),
        ("flickr8k", (), 1),
        ("scenes", ("similarity maxsim",), 1),
    ]
    assert all(not s.apart for s in sections)


def test_data_sets_may_have_unequal_protocols():
    assert (
        len(
            split(
                [run(), run(dataset="flickr8k", protocol=QUICK.model_copy(update={"epochs": 25}))]
            )
        )
        == 2
    )


UNEQUAL = {
    "epochs": ({"protocol": QUICK.model_copy(update={"epochs": 8})}, r"epochs \(4 and 8\)"),
    "sibling_mask": (
        {"protocol": QUICK.model_copy(update={"sibling_mask": False})},
        r"sibling_mask \(True and False\)",
    ),
    "data": ({"data_fingerprint": "other"}, r"data fingerprint \(scenes-5b1c2a90 and other\)"),
    "metric": ({"metric_version": "0"}, r"metric version \(1 and 0\)"),
    "device": ({"device": "cuda"}, r"device \(cpu and cuda\)"),
    "encoder": (
        {"text_encoder": component("bigru", version="2")},
        r"text_encoder \(bigru and bigru \(version 2\)\)",
    ),
}


@pytest.mark.parametrize(("changes", "message"), UNEQUAL.values(), ids=UNEQUAL.keys())
def test_unequal_conditions_share_no_table(changes, message):
    runs = [run("gpo"), run("max"), run("max", "aoq", **changes)]
    with pytest.raises(
        VsebenchError,
        match=r"runs scenes · gpo · triplet · seed 0 .* and scenes · max · aoq · seed 0 .* "
        rf"differ in {message}",
    ) as caught:
        split(runs, allow_mixed=False)
    assert "--allow-mixed" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_many_differences_are_counted():
    other = QUICK.model_copy(
        update={"epochs": 8, "lr": 1.0, "threads": 2, "batch_size": 4, "embed_dim": 8}
    )
    with pytest.raises(VsebenchError, match="and 2 more: report"):
        split([run(), run("gpo", protocol=other)])


def test_the_name_of_the_preset_does_not_count():
    assert len(split([run(), run("gpo", protocol=QUICK.model_copy(update={"name": "mine"}))])) == 1


def test_mixed_runs_stand_in_blocks_that_say_what_sets_them_apart():
    longer = QUICK.model_copy(update={"epochs": 8})
    sections = split(
        [
            run("gpo"),
            run("gpo", protocol=longer),
            run("max"),
            run("max", protocol=longer, device="cuda"),
        ],
        allow_mixed=True,
    )
    assert [(s.apart, len(s.runs)) for s in sections] == [
        (("device=cpu", "epochs=4"), 2),
        (("device=cpu", "epochs=8"), 1),
        (("device=cuda", "epochs=8"), 1),
    ]


def names(section):
    return [(*r.combination, r.record.spec.seed) for r in section.runs]


def test_two_versions_of_a_component_are_two_rows_the_newest_first():
    old = [run("power:p=4", seed=s, version="1+91bc00112233", started="1") for s in (0, 1)]
    new = [run("power:p=4", seed=s, version="1+3f2a44556677", started="2") for s in (0, 1)]
    mean = run("mean", started="0")
    expected = [
        ("power@3f2a:p=4", "triplet", 0),
        ("power@3f2a:p=4", "triplet", 1),
        ("power@91bc:p=4", "triplet", 0),
        ("power@91bc:p=4", "triplet", 1),
        ("mean", "triplet", 0),
    ]
    for runs in ([*old, mean, *new], [*new, *old, mean]):
        for allow_mixed in (False, True):
            (section,) = split(runs, allow_mixed=allow_mixed)
            assert names(section) == expected
            assert section.superseded == 0
    assert [r.record.run_id for r in section.runs[:2]] == [r.record.run_id for r in new]


def test_only_the_newest_version_is_a_row_where_that_is_asked_for():
    old, new = run("gpo", started="1"), run("gpo", version="2", started="2")
    older = run("max", version="7", started="0")
    (section,) = split([old, older, new], only_newest=True)
    assert names(section) == [("gpo", "triplet", 0), ("max", "triplet", 0)]
    assert section.superseded == 1
    assert section.runs == (new, older)


def test_versions_are_told_apart_by_as_much_as_it_takes():
    found = [
        run("gpo", version=version, started=started)
        for version, started in (("1+3f2a11", "3"), ("1+3f2a22", "2"), ("1", "1"), ("2", "0"))
    ]
    (section,) = split(found)
    assert [r.combination[0] for r in section.runs] == [
        "gpo@3f2a1",
        "gpo@3f2a2",
        "gpo@1",
        "gpo@2",
    ]


def test_only_the_side_that_changed_is_told_apart():
    old = make_spec("gpo/mean", version="1")
    new = old.model_copy(update={"text_pooling": component("mean", version="2")})
    (section,) = split([Run(make_record(old)), Run(make_record(new))])
    assert [r.combination[0] for r in section.runs] == ["gpo/mean@1", "gpo/mean@2"]


def test_a_changed_loss_is_told_apart():
    old, new = (
        make_spec().model_copy(update={"loss": component("mine", version=version)})
        for version in ("1+aaaa1", "1+bbbb1")
    )
    (section,) = split([Run(make_record(old)), Run(make_record(new))])
    assert [r.axes["loss"] for r in section.runs] == ["mine@aaaa", "mine@bbbb"]


def test_a_changed_data_set_that_gives_the_same_data_makes_no_new_row():
    old, new = (
        Run(
            make_record(
                make_spec().model_copy(update={"dataset": component("scenes", version=version)}),
                provenance=make_provenance(started=version),
            )
        )
        for version in ("1+aaaa", "1+bbbb")
    )
    for runs in ([old, new], [new, old]):
        (section,) = split(runs)
        assert section.runs == (new,)
        assert section.superseded == 1


def test_runs_that_no_name_tells_apart_are_not_averaged():
    old, new = run("gpo", started="1"), run("gpo", depends_on=("ab",), started="2")
    with pytest.raises(VsebenchError, match="something that the row does not name"):
        split([new, old])
    for runs in ([new, old], [old, new]):
        (section,) = split(runs, allow_mixed=True)
        assert section.runs == (new,)
        assert section.superseded == 1
