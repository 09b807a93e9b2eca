"""Published figures of a card as text."""

from __future__ import annotations

from dataclasses import replace

import pytest

from vsebench.plugin import Published, Setting, recalls
from vsebench.plugin.host.loader import load_plugins
from vsebench.report.card import WIDTH, published_lines

SOURCE = "https://example.org, Table 2"
GPO = Setting("coco", "BUTD regions", "gpo", text_encoder="bigru")
CARDS = {
    component.name: component.card.published
    for component in load_plugins().registry
    if component.card.published
}


def shown(*rows: Published) -> str:
    return "\n".join(published_lines(rows)) + "\n"


def test_rows_of_a_table_stand_under_what_they_share():
    rows = (
        Published(GPO, recalls("50 60 70 / 40 50 60.5 / 330.5"), SOURCE),
        Published(replace(GPO, text_encoder="bert", models=2), {"i2t_r1": 55.0}, SOURCE),
    )
    assert shown(*rows) == (
        "  published, coco full, BUTD regions, gpo, triplet (https://example.org, Table 2):\n"
        "    text   models  i2t@1  i2t@5  i2t@10  t2i@1  t2i@5  t2i@10   RSUM\n"
        "    bigru  1        50.0   60.0    70.0   40.0   50.0    60.5  330.5\n"
        "    bert   2        55.0      –       –      –      –       –      –\n"
    )


def test_a_row_by_itself_takes_one_line():
    row = Published(
        replace(GPO, models=2, changes={"augment_words": 0.0}),
        {"i2t_r1": 55.0, "rsum": 400.0},
        SOURCE,
    )
    assert shown(row).splitlines() == [
        "  published, coco full, BUTD regions, bigru, gpo, triplet, 2 models, augment_words=0",
        "    (https://example.org, Table 2):",
        "    i2t@1 55.0, RSUM 400.0",
    ]


def test_one_figure_over_one_choice_runs_on():
    rows = [
        Published(replace(GPO, pooling=pooling), {"rsum": 500.0 + i}, SOURCE)
        for i, pooling in enumerate(("max", "mean", "kmax/max"))
    ]
    assert shown(*rows).splitlines()[1:] == ["    RSUM: max 500.0, mean 501.0, kmax/max 502.0"]


@pytest.mark.parametrize("other", [{"dataset": "flickr30k"}, {"evaluation": "1k-5fold"}])
def test_another_test_is_another_table(other: dict[str, str]):
    rows = (
        Published(GPO, {"rsum": 1.0}, SOURCE),
        Published(replace(GPO, **other), {"rsum": 2.0}, SOURCE),
    )
    assert shown(*rows).count("published") == 2


def test_a_setting_in_prose_is_one_sentence():
    assert (
        shown(Published("somewhere", {"i2t_r1": 70.5}, "table 2"))
        == "  published, somewhere: i2t_r1 70.5 (table 2)\n"
    )


@pytest.mark.parametrize("name", CARDS)
def test_every_card_fits(name: str):
    assert max(map(len, shown(*CARDS[name]).splitlines())) <= WIDTH
