"""Rows that were tuned one by one share a table, and say what was tuned."""

from __future__ import annotations

import pytest

from tests.factories import make_annotation_spec, make_curve, make_record, make_spec
from vsebench.plugin import VsebenchError
from vsebench.report.formats import render
from vsebench.report.rows import make_block
from vsebench.report.runs import Run
from vsebench.report.sections import split
from vsebench.results.protocol import AnnotationProtocol


def run(sampler: str, *, tuned: tuple[str, ...] = ("lr",), **protocol: float) -> Run:
    spec = make_annotation_spec(
        sampler, protocol=AnnotationProtocol(**protocol), protocol_changes=protocol, tuned=tuned
    )
    test = dict.fromkeys(("p_at_5", "p_at_10", "r_at_5", "r_at_10", "map", "auc"), 0.2)
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
    text = render([block], [], "md", 100)
    assert [cell.strip() for cell in text.splitlines()[2].split("|")[1:5]] == [
        "sampler",
        "loss",
        "lr",
        "seeds",
    ]
    assert "0.02" in text
    assert "Protocol vse-ens; lr tuned for each row." in text


def test_rows_that_differ_in_something_else_or_were_not_tuned_do_not():
    with pytest.raises(VsebenchError, match="differ in l2_label"):
        split([run("uniform", lr=0.1, l2_label=0.1), run("warp", lr=0.1)])
    with pytest.raises(VsebenchError, match=r"differ in lr \(tuned for each row and 0.01\)"):
        split([run("uniform", lr=0.1), run("warp", tuned=())])
    assert len(split([run("uniform", lr=0.1), run("warp", tuned=())], allow_mixed=True)) == 2


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
    head = render([block], [], "md", 100).splitlines()[2]
    assert [cell.strip() for cell in head.split("|")[1:5]] == [
        "pooling",
        "loss",
        "sampler",
        "seeds",
    ]
    plain = make_block(split([Run(make_record(make_spec("mean", "triplet")))])[0])
    assert "sampler" not in render([plain], [], "md", 100).splitlines()[2]
