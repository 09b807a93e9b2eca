"""Rows that were tuned one by one share a table, and say what was tuned."""

from __future__ import annotations

import pytest

from tests.factories import make_annotation_spec, make_curve, make_record, make_spec
from vsebench.plugin import VsebenchError
from vsebench.report.comparison.verdicts import compare
from vsebench.report.leaderboard.board import boards
from vsebench.report.rows.combinations import make_block
from vsebench.report.rows.runs import Run
from vsebench.report.rows.sections import parse_row, split
from vsebench.report.tables.formats import Style, render
from vsebench.results.protocol import AnnotationProtocol


def run(
    sampler: str,
    *,
    tuned: tuple[str, ...] = ("lr",),
    seed: int = 0,
    score: float = 0.2,
    **protocol: float,
) -> Run:
    spec = make_annotation_spec(
        sampler,
        protocol=AnnotationProtocol(**protocol),
        protocol_changes=protocol,
        tuned=tuned,
        seed=seed,
    )
    test = dict.fromkeys(("p_at_5", "p_at_10", "r_at_5", "r_at_10", "map", "auc"), score)
    return Run(
        make_record(spec, test=test),
        tuple(e.model_copy(update={"metrics": {"map": 0.2}}) for e in make_curve([1])),
    )


def test_rows_may_differ_in_what_was_tuned_and_show_it():
    (section,) = split([run("uniform", lr=0.1), run("warp", lr=0.02)])
    block = make_block(section)
    assert [entry.row["protocol"] for entry in block.entries] == [
        "vse-ens:lr=0.1",
        "vse-ens:lr=0.02",
    ]
    text = render([block], [], Style("md"))
    assert [cell.strip() for cell in text.splitlines()[2].split("|")[1:5]] == [
        "sampler",
        "loss",
        "lr",
        "seeds",
    ]
    assert "0.02" in text
    assert "Protocol vse-ens; lr tuned for each row." in text


def test_rows_that_differ_in_something_else_do_not():
    with pytest.raises(VsebenchError, match="differ in l2_label"):
        split([run("uniform", lr=0.1, l2_label=0.1), run("warp", lr=0.1)])


def test_a_parameter_is_shown_in_the_rows_for_which_it_was_tuned():
    keys = {"triplet:margin=0.155": ("lr", "loss.margin"), "infonce:margin=0.0": ("lr",)}
    (section,) = split(
        [
            Run(make_record(make_spec(loss=loss, tuned=tuned)), tuple(make_curve([100.0])))
            for loss, tuned in keys.items()
        ]
    )
    block = make_block(section)
    assert [entry.tuned.get("loss.margin") for entry in block.entries] == ["0.155", None]
    above, below = (line.split() for line in render([block], [], Style("table")).splitlines()[3:5])
    assert (above[0], below[:4]) == ("loss", ["pooling", "loss", "lr", "margin"])


def test_tuned_rows_stand_beside_untuned_ones_and_say_so():
    runs = [
        run("uniform", tuned=(), epochs=3),
        run("uniform", epochs=3, lr=0.1),
        run("warp", tuned=(), epochs=3),
        run("warp", epochs=3, lr=0.02),
        run("vse-ens", epochs=3, lr=0.03),
    ]
    for order in (runs, runs[::-1]):
        (section,) = split(order)
        assert {each.combination for each in section.runs} == {
            ("uniform", "hinge"),
            ("uniform", "hinge (tuned)"),
            ("warp", "hinge"),
            ("warp", "hinge (tuned)"),
            ("vse-ens", "hinge (tuned)"),
        }
    (section,) = split(runs)
    block = make_block(section)
    assert [entry.row["loss"] for entry in block.entries] == [
        "hinge",
        "hinge (tuned)",
        "hinge",
        "hinge (tuned)",
        "hinge (tuned)",
    ]
    assert [entry.tuned["lr"] for entry in block.entries] == [0.01, 0.1, 0.01, 0.02, 0.03]
    text = " ".join(render([block], [], Style("md")).split())
    assert (
        "Protocol vse-ens with epochs=3; lr tuned for each row that is marked (tuned), the others "
        "have lr=0.01."
    ) in text


def test_what_the_untuned_rows_have_may_differ_from_the_preset():
    (section,) = split([run("uniform", tuned=(), lr=0.3), run("uniform", lr=0.1)])
    text = render([make_block(section)], [], Style("md"))
    assert "Protocol vse-ens; lr tuned for each row" in text
    assert "the others have lr=0.3" in " ".join(text.split())


@pytest.mark.parametrize(
    ("others", "message"),
    [
        ([run("warp", tuned=(), l2_label=0.7)], "differ in .*l2_label"),
        ([run("warp", tuned=(), epochs=7)], "differ in epochs"),
        # untuned rows of two rates: nothing says beside which the tuned ones stand
        (
            [run("warp", tuned=(), lr=0.3), run("warp", tuned=(), lr=0.4)],
            r"lr \(tuned for each row",
        ),
        # tuned in other keys is tuned with another effort
        ([run("warp", tuned=("lr", "l2_label"))], r"l2_label \(0.01 and tuned for each row\)"),
        (
            [run("warp", tuned=("lr", "l2_label")), run("warp", tuned=())],
            r"l2_label \(0.01 and tuned for each row\)",
        ),
    ],
)
def test_rows_that_differ_in_what_was_not_tuned_share_no_table(others, message):
    with pytest.raises(VsebenchError, match=message):
        split([run("uniform", lr=0.1), *others])
    apart = split([run("uniform", lr=0.1), *others], allow_mixed=True)
    assert len(apart) == 1 + len(others)
    assert all(not each.mark for section in apart for each in section.runs)


def test_a_row_that_was_tuned_twice_is_not_averaged():
    with pytest.raises(VsebenchError, match=r"tuned twice \(lr=0.1 and lr=0.2\): delete"):
        split([run("uniform", lr=0.1), run("uniform", lr=0.2)])


def test_a_row_is_named_with_what_tells_it_from_its_untuned_one():
    mixed = split([run("uniform", tuned=()), run("uniform", lr=0.1), run("warp", lr=0.1)])
    assert parse_row("uniform,hinge", mixed, "--to") == ("uniform", "hinge")
    assert parse_row("uniform,hinge,tuned", mixed, "--to") == ("uniform", "hinge (tuned)")
    assert parse_row("uniform,hinge (tuned)", mixed, "--to") == ("uniform", "hinge (tuned)")
    with pytest.raises(VsebenchError, match="did you mean 'warp,hinge,tuned'"):
        parse_row("warp,hinge", mixed, "--to")
    alone = split([run("uniform", lr=0.1)])
    for text in ("uniform,hinge", "uniform,hinge,tuned"):
        assert parse_row(text, alone, "--to") == ("uniform", "hinge")
    with pytest.raises(VsebenchError, match="is no row"):
        parse_row("uniform,hinge,tuned", split([run("uniform", tuned=())]), "--to")


def test_a_leaderboard_ranks_both_and_compares_them():
    runs = [run("uniform", tuned=(), seed=seed, score=0.2 + seed / 100) for seed in range(3)] + [
        run("uniform", lr=0.1, seed=seed, score=0.3 + seed / 90) for seed in range(3)
    ]
    (board,) = boards(runs)
    assert [(each.rank, each.entry.row["loss"]) for each in board.standings] == [
        (1, "hinge (tuned)"),
        (2, "hinge"),
    ]
    assert len(boards([*runs, run("uniform", tuned=(), epochs=9)])) == 2
    (section,) = split(runs)
    (found,) = compare(section, ("uniform", "hinge"))
    assert found.combination == ("uniform", "hinge (tuned)")
    assert found.verdict == "better"


def test_losses_with_samplers_are_rows_of_their_own_with_a_column_for_them():
    with_sampler = make_spec(
        "mean", "triplet-global", sampler=make_annotation_spec("vse-ens").sampler
    )
    section = split(
        [
            Run(make_record(spec), tuple(make_curve([100.0, 200.0])))
            for spec in (make_spec("mean", "triplet"), with_sampler)
        ]
    )[0]
    block = make_block(section)
    assert [(entry.row["loss"], entry.row["sampler"]) for entry in block.entries] == [
        ("triplet", None),
        ("triplet-global", "vse-ens"),
    ]
    head = render([block], [], Style("md")).splitlines()[2]
    assert [cell.strip() for cell in head.split("|")[1:5]] == [
        "pooling",
        "loss",
        "sampler",
        "seeds",
    ]
    plain = make_block(split([Run(make_record(make_spec("mean", "triplet")))])[0])
    assert "sampler" not in render([plain], [], Style("md")).splitlines()[2]
