"""The published tables: every row is whole, consistent with itself, and says things that the suite
knows or that are listed here as not in it.
"""

from __future__ import annotations

from collections import Counter
from typing import cast

import pytest

from vsebench.plugin import DatasetCard, Setting, recalls
from vsebench.plugin.host.loader import load_plugins
from vsebench.plugin.metrics import RECALLS, keys
from vsebench.results.components import resolve_pooling, resolve_ref
from vsebench.results.presets import PRESETS

REGISTRY = load_plugins().registry
CARDS = {
    component.name: component.card.published for component in REGISTRY if component.card.published
}
SETS = {
    name: [(row, row.setting) for row in rows if isinstance(row.setting, Setting)]
    for name, rows in CARDS.items()
}

ELSEWHERE = {  # what published settings name and this suite need not have
    "dataset": {"msrvtt", "vatex", "cxc"},
    "image-encoder": {"", "region + grid", "frames"},
    "text-encoder": {"", "lstm"},
}
WITHIN_A_MODALITY = {"t2t_r1", "i2i_r1"}
# Rows whose printed RSUM is not the sum of their printed recalls: none is known
TYPOS: set[str] = set()
PATTERNS = "rmse_mean"  # of the synthetic patterns, which are no retrieval
ANNOTATION = "p_at_5"  # of the other task, whose figures no run is compared with
# settings that a paper gives two figures for, as far as it describes them: VSE∞'s Figure 4 and its
# supplement's Table 1
TWO_FIGURES = {"coco 1k-5fold, BUTD regions, bert, gpo/first × triplet"}

each_card = pytest.mark.parametrize("name", CARDS)


def names(kind: str) -> set[str]:
    return {component.name for component in REGISTRY if component.kind == kind}


def test_the_tables_are_there() -> None:
    # No two of one name
    assert len(CARDS) == sum(bool(component.card.published) for component in REGISTRY)
    counts = {name: len(rows) for name, rows in CARDS.items()}
    assert counts["gpo"] >= 27 + 6 + 3  # Tables 4 and 5 of the supplement, the video sets, CxC
    assert counts["aoq"] == 15
    assert counts["kmax"] == 1 + 36
    assert {
        "mean",
        "max",
        "triplet",
        "first",
        "gem",
        "fspool",
        "selfattn",
        "seq2seq",
        "gcn-mean",
        "gcn-seq2seq",
    } <= set(counts)
    assert {"flickr8k", "flickr30k", "coco"} <= set(counts)


@each_card
def test_rows_say_where_they_stand(name: str) -> None:
    for row in CARDS[name]:
        assert "https://" in row.source
        assert str(row.setting)


@each_card
def test_metrics_are_those_of_result_rows_and_possible(name: str) -> None:
    for row, _ in SETS[name]:
        assert set(row.metrics) <= {*keys("retrieval"), *WITHIN_A_MODALITY}
        assert all(0 < value < 100 for key, value in row.metrics.items() if key != "rsum")
        for side in ("i2t", "t2i"):
            ascending = [
                row.metrics[key] for key in RECALLS if key.startswith(side) and key in row.metrics
            ]
            assert ascending == sorted(ascending)


@each_card
def test_rsum_is_the_sum_of_the_recalls(name: str) -> None:
    for row, setting in SETS[name]:
        if {*RECALLS, "rsum"} <= set(row.metrics) and str(setting) not in TYPOS:
            assert sum(row.metrics[key] for key in RECALLS) == pytest.approx(
                row.metrics["rsum"], abs=0.3
            )


@each_card
def test_names_are_those_of_the_suite(name: str) -> None:
    for _, setting in SETS[name]:
        for kind, named in (
            ("dataset", setting.dataset),
            ("image-encoder", setting.image_encoder),
            ("text-encoder", setting.text_encoder),
        ):
            assert named in names(kind) | ELSEWHERE[kind]
        assert setting.features
        assert setting.models >= 1
        assert setting.model or (
            setting.pooling and setting.loss and setting.image_encoder and setting.text_encoder
        )


@each_card
def test_specs_are_canonical(name: str) -> None:
    for _, setting in SETS[name]:
        if setting.pooling:
            image, text = resolve_pooling(setting.pooling, REGISTRY)
            assert setting.pooling == (
                image.spec if image.spec == text.spec else f"{image.spec}/{text.spec}"
            )
        if setting.loss:
            assert setting.loss == resolve_ref("loss", setting.loss, REGISTRY).spec


@each_card
def test_protocols_exist_and_changes_change_them(name: str) -> None:
    for _, setting in SETS[name]:
        assert setting.protocol in {"", *PRESETS}
        preset = PRESETS[setting.protocol or "vse-infinity"]
        for key, value in setting.changes.items():
            assert type(value) is type(getattr(preset, key))
            assert value != getattr(preset, key)
        if setting.protocol:
            assert (setting.image_encoder, setting.text_encoder) == tuple(
                spec.partition(":")[0] for spec in (preset.image_encoder, preset.text_encoder)
            )


def test_no_setting_has_two_figures_but_those_listed() -> None:
    found = Counter(
        (str(setting), setting.image_encoder, setting.protocol)
        for rows in SETS.values()
        for _, setting in rows
    )
    assert {setting for (setting, *_), count in found.items() if count > 1} == TWO_FIGURES


def test_only_what_is_no_retrieval_is_in_prose() -> None:
    prose = [row for rows in CARDS.values() for row in rows if isinstance(row.setting, str)]
    assert sum(PATTERNS in row.metrics for row in prose) == 1
    assert all(PATTERNS in row.metrics or ANNOTATION in row.metrics for row in prose)


def test_features_of_the_data_sets_are_those_of_some_published_setting() -> None:
    """`vsebench verify` compares the two as text."""
    published = {setting.features for rows in SETS.values() for _, setting in rows}
    assert {
        cast("DatasetCard", REGISTRY.get("dataset", name).card).features
        for name in ("flickr30k", "coco")
    } <= published


def test_recalls_reads_a_row_of_a_table() -> None:
    assert recalls("1 2 3 / 4 5.5 6 / 21.5") == dict(
        zip((*RECALLS, "rsum"), (1, 2, 3, 4, 5.5, 6, 21.5), strict=True)
    )
    assert "rsum" not in recalls("1 2 3 / 4 5 6")
    for wrong in (
        "1 2 / 4 5 6",
        "1 2 3 4 / 5 6 7",
        "1 2 3",
        "1 2 3 / 4 5 6 / 7 8",
        "1 2 3 / 4 5 6 / 7 / 8",
    ):
        with pytest.raises(ValueError):  # noqa: PT011  # the messages are those of zip and of unpacking
            recalls(wrong)


def test_a_setting_reads_as_one_line() -> None:
    setting = Setting(
        "coco",
        "BUTD grid",
        "gpo/mean",
        text_encoder="bert",
        evaluation="1k-5fold",
        models=2,
        changes={"augment_words": 0.0},
    )
    assert (
        str(setting)
        == "coco 1k-5fold, BUTD grid, bert, gpo/mean × triplet, 2 models, augment_words=0.0"
    )
    assert (
        str(Setting("flickr30k", "BUTD regions", loss="", model="HGR"))
        == "flickr30k full, BUTD regions, HGR"
    )
