from __future__ import annotations

from collections import Counter

import pytest
import torch

from vsebench.bench.figure import SIZES, Figure, area_of
from vsebench.bench.figures import FIGURES
from vsebench.bench.run import measured, selected

CPU = torch.device("cpu")
WHOLE_RUNS = ("grid", "protocol")
"""Areas whose figures start processes, which take seconds even when they are tiny."""


def marked(figure: Figure) -> object:
    marks = [pytest.mark.slow] if area_of(figure.name) in WHOLE_RUNS else []
    return pytest.param(figure, id=figure.name, marks=marks)


@pytest.mark.parametrize("figure", [marked(figure) for figure in FIGURES])
def test_each_figure_runs_and_agrees_with_its_plain_version(figure: Figure) -> None:
    row = measured(figure, "tiny", CPU)
    assert row.status == "done", row.trace
    assert row.seconds is not None
    assert (row.ratio is None) == (not figure.reference)
    assert (row.share is None) == (not figure.floor)


def test_names_are_unique_and_every_area_is_there() -> None:
    assert Counter(figure.name for figure in FIGURES).most_common(1)[0][1] == 1
    assert {area_of(figure.name) for figure in FIGURES} == {
        "pooling",
        "kernel",
        "loss",
        "encoder",
        "loader",
        "step",
        "evaluation",
        "mining",
        "sampler",
        "grid",
        "protocol",
    }


def test_each_figure_can_be_rehearsed_before_it_is_measured() -> None:
    for figure in FIGURES:
        for sizes in (figure.on_cpu, figure.on_cuda):
            assert "tiny" in sizes or not sizes
            assert set(sizes) <= set(SIZES)


def test_what_a_first_hour_on_cuda_measures() -> None:
    names = {figure.name for figure in selected(FIGURES, "full", "cuda")}
    assert {figure.name for figure in FIGURES} - names == {
        "evaluation/screened in bf16",
        "loader/training pairs in glibc",
        "step/published size in torch",
    }
    on_cpu = {figure.name for figure in selected(FIGURES, "full", "cpu")}
    of_cuda = {"mining/coco", "protocol/vse-infinity"}
    assert names - on_cpu == {*of_cuda, "kernel/sorted values bfloat16"}


def test_areas_and_names_choose() -> None:
    chosen = selected(FIGURES, "full", "cpu", ("loss", "step/small"))
    assert [figure.name for figure in chosen][-1] == "step/small"
    assert {area_of(figure.name) for figure in chosen} == {"loss", "step"}
