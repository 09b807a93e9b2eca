from __future__ import annotations

import json

import pytest

from tests.factories import component, make_record, save
from tests.report.verified import (
    GPO_F30K,
    INSTALLED,
    SETTING,
    leave,
    only,
    published,
    registry,
    said,
    spec,
)
from vsebench.plugin import Setting, SpecError, VsebenchError
from vsebench.report.rows.evidence import WARM_UP
from vsebench.report.statistics.seed_spread import stored
from vsebench.report.verification.text import render
from vsebench.report.verification.verify import verify
from vsebench.results.folder.store import Store


def test_a_run_of_the_published_setting_is_put_beside_the_published_figures(tmp_path):
    leave(tmp_path, "gpo", test={"i2t_r1": 77.5, "rsum": 497.1})
    found = verify("gpo", tmp_path, INSTALLED)
    comparison = only(found)
    assert (
        comparison.row.dataset,
        comparison.row.pooling,
        comparison.row.loss,
        comparison.row.seeds,
    ) == ("flickr30k", "gpo", "triplet", (0,))
    assert comparison.reference.source.endswith("supplement, Table 4")
    assert {figure.metric: figure.published for figure in comparison.figures} == GPO_F30K
    assert {figure.metric: figure.gap for figure in comparison.figures if figure.gap} == {
        "i2t_r1": 1.0,
        "rsum": -1.0,
    }
    assert (found.verdict, found.uncompared, found.unfinished, comparison.remarks) == (
        "too few seeds",
        (),
        (),
        (),
    )


@pytest.mark.parametrize("direction", [1, -1])
@pytest.mark.parametrize("metric", ["i2t_r1", "i2t_r5", "t2i_r10", "rsum"])
def test_a_gap_within_the_limit_is_reproduced_and_any_more_is_not(tmp_path, metric, direction):
    def gap(points):
        for seed in range(3):
            test = {metric: GPO_F30K[metric] + direction * points}
            leave(tmp_path, "gpo", "triplet", seed, test=test)
        return verify("gpo", tmp_path, INSTALLED)

    limit = stored().limits(GPO_F30K, list(GPO_F30K), 3, 0.95)[metric]
    assert gap(limit - 1e-4).verdict == "reproduced"
    found = gap(limit + 1e-4)
    assert found.verdict == "not reproduced"
    assert [figure.metric for figure in only(found).figures if not figure.within] == [metric]


def test_several_seeds_are_compared_by_their_mean(tmp_path):
    for seed, value in ((2, 71.0), (0, 69.0), (7, 73.0)):
        leave(tmp_path, "made-up", "triplet", seed, test={"i2t_r1": value})
    comparison = only(verify("made-up", tmp_path, registry(published())))
    (figure,) = comparison.figures
    assert comparison.row.seeds == (0, 2, 7)
    assert figure.ours == pytest.approx(71)
    assert figure.gap == 1.0
    assert figure.limit == stored().limits({"i2t_r1": 70.0}, ["i2t_r1"], 3, 0.95)["i2t_r1"]
    assert comparison.outcome == "reproduced"


def test_published_figures_within_folds_are_compared_where_runs_were_ranked_so_too(tmp_path):
    folded = published(Setting(**{**vars(SETTING), "evaluation": "1k-5fold"}), i2t_r1=78.0)
    both = registry(folded, published(i2t_r1=76.0))
    in_folds = {f"{key}_1k": value + 1 for key, value in GPO_F30K.items()}
    for seed in range(3):
        leave(tmp_path, seed=seed, protocol={"evaluate": "full,1k-5fold"}, test=in_folds)
    found = verify("made-up", tmp_path, both)
    assert found.verdict == "reproduced"
    assert {
        (each.reference.setting.evaluation, each.figures[0].published, each.figures[0].ours)
        for each in found.compared
    } == {("full", 76.0, 76.5), ("1k-5fold", 78.0, 77.5)}


def test_one_seed_decides_nothing_however_near_or_far(tmp_path):
    for value in (70.0, 10.0):
        leave(tmp_path, "made-up", test={"i2t_r1": value})
        assert verify("made-up", tmp_path, registry(published())).verdict == "too few seeds"


@pytest.mark.parametrize("value", [70.0, 10.0])
def test_a_row_that_is_no_evidence_is_neither_reproduced_nor_not(tmp_path, value):
    for seed in range(3):
        made = make_record(spec(seed=seed), test={**GPO_F30K, "i2t_r1": value}, warmup_steps=60)
        save(tmp_path, made)
    found = verify("made-up", tmp_path, registry(published()))
    assert found.verdict == "no evidence"
    assert only(found).no_evidence == (WARM_UP,)
    text = render(found, "table", 100)
    assert "NO EVIDENCE, whatever its gaps. The row is selected in warm-up." in text
    assert text.endswith("made-up: 0 reproduced, 0 not reproduced, 0 too few seeds, 1 no evidence.")
    (row,) = json.loads(render(found, "json", 100))["compared"]
    assert (row["outcome"], row["no_evidence"]) == ("no evidence", ["selected in warm-up"])


def test_runs_that_count_dev_too_are_of_another_setting(tmp_path):
    for seed in range(3):
        leave(tmp_path, seed=seed, protocol={"evaluate_on": "dev+test", "tune_images": 1000})
    found = verify("made-up", tmp_path, registry(published()))
    assert (found.verdict, len(found.uncompared)) == ("nothing compared", 1)
    assert said(found.uncompared[0])["evaluate_on"] == ("dev+test", "test")


def test_a_row_that_is_not_reproduced_outweighs_one_of_too_few_seeds(tmp_path):
    leave(tmp_path, "gpo", dataset="coco", seed=0)
    for seed in range(2):
        leave(tmp_path, "gpo", "triplet", seed, test={"i2t_r1": 10.0})
    found = verify("gpo", tmp_path, INSTALLED)
    assert {comparison.outcome for comparison in found.compared} == {
        "too few seeds",
        "not reproduced",
    }
    assert found.verdict == "not reproduced"


@pytest.mark.parametrize(
    ("changes", "what", "ours", "theirs"),
    [
        ({"dataset": "flickr30k:test=x"}, "data set", "flickr30k:test=x", "flickr30k"),
        ({"image_encoder": component("other")}, "image encoder", "other", "region"),
        ({"text_encoder": component("bert:model=b")}, "text encoder", "bert", "bigru"),
        ({"similarity": component("late")}, "similarity", "late", "dot"),
        ({"loss": "aoq"}, "loss", "aoq", "triplet"),
        ({"text_pooling": component("mean")}, "pooling", "made-up/mean", "made-up"),
        ({"image_pooling": component("made-up:k=2")}, "pooling", "made-up:k=2/made-up", "made-up"),
        ({"protocol": {"embed_dim": 128}}, "embed_dim", "128", "1024"),
        ({"protocol": {"sibling_mask": True}}, "sibling_mask", "true", "false"),
        ({"protocol": {"lr": 2e-3}}, "lr", "0.002", "0.0005"),
        (
            {"protocol": {"image_encoder": "region:count_padding=true"}},
            "image_encoder",
            "region:count_padding=true",
            "region",
        ),
    ],
)
def test_another_setting_is_not_compared_and_says_what_differs(
    tmp_path, changes, what, ours, theirs
):
    leave(tmp_path, **changes)
    found = verify("made-up", tmp_path, registry(published()))
    (row,) = found.uncompared
    assert found.verdict == "nothing compared"
    assert said(row) == {what: (ours, theirs)}


@pytest.mark.parametrize(
    ("setting", "what"),
    [
        ({"models": 2}, {"models averaged": ("1", "2")}),
        ({"evaluation": "1k-5fold"}, {"evaluation": ("full", "1k-5fold")}),
        ({"features": "BUTD grid"}, {"features": ("BUTD regions", "BUTD grid")}),
        ({"protocol": ""}, {"protocol": ("vse-infinity", "the paper's own")}),
        ({"protocol": "of-tomorrow"}, {"protocol": ("vse-infinity", "of-tomorrow")}),
        ({"changes": {"augment_words": 0.0}}, {"augment_words": ("0.2", "0")}),
        (
            {"model": "HGR", "image_encoder": "", "text_encoder": "", "loss": ""},
            {"model": ("two towers", "HGR")},
        ),
    ],
)
def test_a_published_result_of_another_kind_is_not_compared(tmp_path, setting, what):
    leave(tmp_path)
    (row,) = verify(
        "made-up", tmp_path, registry(published(Setting(**{**vars(SETTING), **setting})))
    ).uncompared
    assert said(row) == what


def test_changes_of_the_published_protocol_are_asked_of_the_run(tmp_path):
    leave(tmp_path, protocol={"augment_words": 0.0})
    assert only(
        verify(
            "made-up",
            tmp_path,
            registry(published(Setting(**{**vars(SETTING), "changes": {"augment_words": 0.0}}))),
        )
    )


def test_neutral_differences_are_remarked_and_do_not_forbid_the_comparison(tmp_path):
    protocol = {"name": "mine", "threads": 4, "precision": "bf16", "evals_per_epoch": 1}
    leave(tmp_path, protocol=protocol)
    comparison = only(verify("made-up", tmp_path, registry(published())))
    assert comparison.remarks == (
        "evals_per_epoch 1, where the protocol has 4",
        "precision bf16, where the protocol has auto",
        "threads 4, where the protocol has 1",
    )


def test_warnings_of_the_runs_are_carried_once(tmp_path):
    for seed in (0, 1):
        save(
            tmp_path,
            make_record(
                spec(seed=seed), test=GPO_F30K, warnings=("999 images, published are 1000",)
            ),
        )
    assert only(verify("made-up", tmp_path, registry(published()))).remarks == (
        "999 images, published are 1000",
    )


def test_runs_of_unequal_protocols_are_rows_of_their_own(tmp_path):
    leave(tmp_path)
    leave(tmp_path, protocol={"epochs": 3})
    found = verify("made-up", tmp_path, registry(published()))
    assert only(found).row.seeds == (0,)
    assert [said(row) for row in found.uncompared] == [{"epochs": ("3", "25")}]


def test_the_nearest_result_has_the_fewest_differences_in_components_then_in_all(tmp_path):
    far = Setting(**{**vars(SETTING), "loss": "aoq"})
    near = Setting(**{**vars(SETTING), "changes": {"lr": 1e-3, "epochs": 9}})
    nearest = Setting(**{**vars(SETTING), "changes": {"lr": 1e-3}})
    leave(tmp_path)
    (row,) = verify(
        "made-up", tmp_path, registry(published(far), published(near), published(nearest))
    ).uncompared
    assert row.nearest.setting == nearest


def test_coco_is_the_whole_test_split_and_not_the_five_folds(tmp_path):
    leave(tmp_path, "gpo", dataset="coco")
    leave(tmp_path, "gpo", dataset="coco:test=test")
    found = verify("gpo", tmp_path, INSTALLED)
    assert only(found).reference.source.endswith("Table 5")
    assert [set(said(row)) for row in found.uncompared] == [{"data set"}]


def test_figures_belong_to_every_component_that_they_name(tmp_path):
    leave(tmp_path, "gpo")
    leave(tmp_path, "mean", protocol={"drop_regions": 0.0, "augment_words": 0.0})
    poolings = {
        name: [comparison.row.pooling for comparison in verify(name, tmp_path, INSTALLED).compared]
        for name in ("triplet", "bigru", "flickr30k", "gpo")
    }
    assert poolings == {
        "triplet": ["gpo", "mean"],
        "bigru": ["gpo", "mean"],
        "flickr30k": ["gpo", "mean"],
        "gpo": ["gpo"],
    }


def test_a_component_that_two_distributions_claim_is_matched_by_its_bare_name(tmp_path):
    leave(
        tmp_path,
        image_pooling=component("vsebench::made-up").model_copy(
            update={"name": "vsebench::made-up"}
        ),
    )
    for name in ("made-up", "vsebench::made-up"):
        assert (
            only(verify(name, tmp_path, registry(published()))).row.pooling
            == "vsebench::made-up/made-up"
        )
    with pytest.raises(SpecError, match="unknown component 'other::made-up'"):
        verify("other::made-up", tmp_path, registry(published()))


def test_failed_and_unfinished_runs_are_named_and_not_counted(tmp_path):
    leave(tmp_path)
    save(tmp_path, make_record(spec(seed=1), status="failed", test={}, error="RuntimeError"))
    Store(tmp_path).directory_for(spec(seed=2)).write_spec(spec(seed=2))
    found = verify("made-up", tmp_path, registry(published()))
    assert only(found).row.seeds == (0,)
    assert found.unfinished == (
        "flickr30k · made-up · triplet · seed 1 (failed)",
        "flickr30k · made-up · triplet · seed 2",
    )


def test_a_folder_in_which_every_run_failed_is_an_error(tmp_path):
    save(tmp_path, make_record(spec(), status="failed", test={}, error="RuntimeError"))
    with pytest.raises(VsebenchError, match=r"no finished run in .* uses 'made-up'"):
        verify("made-up", tmp_path, registry(published()))


def test_requests_that_cannot_be_served(tmp_path):
    leave(tmp_path, "max")
    with pytest.raises(SpecError, match="unknown component 'gpoo': did you mean 'gpo'"):
        verify("gpoo", tmp_path, INSTALLED)
    with pytest.raises(SpecError, match="no published figures name 'maxavg'"):
        verify("maxavg", tmp_path, INSTALLED)
    with pytest.raises(VsebenchError, match=r"no finished run in .* uses 'gpo'"):
        verify("gpo", tmp_path, INSTALLED)
    with pytest.raises(VsebenchError, match="holds no runs"):
        verify("gpo", next(tmp_path.iterdir()), INSTALLED)
    with pytest.raises(VsebenchError, match="there is no folder"):
        verify("gpo", tmp_path / "absent", INSTALLED)


@pytest.mark.parametrize(
    "row",
    [published("some setting in prose"), published(i2i_r1=40.0)],
    ids=["prose", "no metric of ours"],
)
def test_what_no_run_could_be_compared_with_is_no_published_figure(tmp_path, row):
    leave(tmp_path)
    with pytest.raises(SpecError, match="no published figures name 'made-up'"):
        verify("made-up", tmp_path, registry(row))


def test_metrics_that_were_not_published_are_not_compared(tmp_path):
    leave(tmp_path, test={"i2t_r1": 70.0})
    assert [
        figure.metric
        for figure in only(
            verify("made-up", tmp_path, registry(published(i2t_r1=70.0, t2t_r1=3.0)))
        ).figures
    ] == ["i2t_r1"]


def test_a_data_set_that_is_not_installed_has_unknown_features(tmp_path):
    leave(tmp_path, dataset="elsewhere")
    (row,) = verify("made-up", tmp_path, registry(published())).uncompared
    assert said(row) == {
        "data set": ("elsewhere", "flickr30k"),
        "features": ("unknown", "BUTD regions"),
    }
