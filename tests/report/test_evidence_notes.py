"""What a table says of collapsed runs."""

from __future__ import annotations

from typing import Any

import pytest

from tests.factories import QUICK, component, make_record, make_spec
from vsebench.report.rows.runs import Run
from vsebench.report.tables.evidence_notes import collapse_notes
from vsebench.results.record import Collapse

COLLAPSE = Collapse(
    step=30,
    cosine=0.5,
    image_cosine=0.932,
    text_cosine=0.999,
    best_rsum=82,
    last_rsum=5.5,
    last_loss=52.1,
    plateau=51.2,
)


def fallen(loss: str = "triplet", seed: int = 0, spec: Any = None, **changes: object) -> Run:
    collapse = COLLAPSE.model_copy(update=changes)
    return Run(make_record(spec or make_spec("gpo", loss, seed), collapse=collapse, best_step=40))


def told(*runs: Run) -> str:
    (row, _) = collapse_notes(runs)
    return row.partition(": ")[2].partition("): ")[2]


def hints(*runs: Run) -> str:
    last = collapse_notes(runs)[-1]
    assert last.startswith("What has helped against collapse: ")
    return last.partition(": ")[2]


def test_without_a_collapse_nothing_is_said() -> None:
    assert collapse_notes([Run(make_record(make_spec("gpo")))]) == []


def test_both_sides_are_described() -> None:
    assert told(fallen()) == (
        "images have a mean cosine of 0.93 to each other, captions of 1.00, the loss is 52.1, "
        "where a model with all embeddings equal has 51.2."
    )
    assert told(fallen(), fallen(seed=1, text_cosine=0.3, last_loss=60)) == (
        "images have a mean cosine of 0.93 to each other, captions of 0.30–1.00, the loss is "
        "52.1–60.0, where a model with all embeddings equal has 51.2."
    )


@pytest.mark.parametrize("missing", [{"image_cosine": None}, {"text_cosine": None}])
def test_records_that_do_not_know_the_sides_say_what_they_know(missing: dict[str, None]) -> None:
    old = fallen(seed=1, cosine=0.97, **missing)
    assert told(fallen(), old).startswith("unrelated pairs have a mean cosine of 0.50–0.97, ")


def test_a_plateau_that_is_not_known_is_left_out() -> None:
    assert told(fallen(plateau=None)).endswith("the loss is 52.1.")
    assert told(fallen(plateau=None), fallen(seed=1)).endswith("equal has 51.2.")


def test_each_row_has_a_note_and_the_hints_stand_once() -> None:
    found = collapse_notes([fallen(), fallen("selhn"), fallen(seed=1)])
    assert [note.split(",")[0] for note in found[:2]] == [
        "† Collapsed: gpo × triplet",
        "† Collapsed: gpo × selhn",
    ]
    assert len(found) == 3


def test_what_has_helped_is_named_where_it_is_not_in_use_already() -> None:
    assert hints(fallen()) == (
        "--set augment_words=0, a longer warm-up (--set warmup_epochs=…), a lower learning rate "
        "(--set lr=…), --loss selhn; --set stop=collapse ends such runs early."
    )
    assert "--loss aoq:start=warm" in hints(fallen("aoq"))
    assert "aoq" not in hints(fallen("aoq:start=warm"))
    assert "selhn" not in hints(fallen("selhn"))
    assert "selhn" in hints(fallen("selhn"), fallen())
    whole_words = make_spec("gpo", protocol=QUICK.model_copy(update={"augment_words": 0.0}))
    assert "augment_words" not in hints(fallen(spec=whole_words))
    assert "augment_words" in hints(fallen(spec=whole_words), fallen())
    stopped = make_spec("gpo", stop=component("collapse"))
    assert "stop=" not in hints(fallen(spec=stopped))
