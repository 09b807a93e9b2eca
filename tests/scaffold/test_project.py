"""Which names a plugin may have, and what follows from them."""

from __future__ import annotations

import pytest

from tests.scaffold.projects import project
from vsebench.plugin import SpecError
from vsebench.scaffold import Project


def test_every_name_follows_from_one():
    made = Project("batch-plan", "my_hard_batches", "mit")
    assert (made.distribution, made.package, made.module, made.class_name) == (
        "vsebench-my-hard-batches",
        "vsebench_my_hard_batches",
        "batch_plan",
        "MyHardBatches",
    )
    assert (made.spec, made.licence_id, made.run_options) == (
        "my_hard_batches",
        "MIT",
        "--set batch_plan=my_hard_batches",
    )


def test_a_shared_name_is_written_with_its_distribution():
    made = Project("pooling", "maxavg", shared=True)
    assert made.spec == "vsebench-maxavg::maxavg"
    assert made.run_options == "--pooling vsebench-maxavg::maxavg"


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("My-Pool", "my_pool"),
        ("2ad", "my_2ad"),
        ("_x", "x"),
        ("x_", "x"),
        ("a__b", "a_b"),
        ("a.b", "a_b"),
        ("größe", "gr_e"),
        ("", "my"),
        ("-", "my"),
        ("If", "my_if"),
    ],
)
def test_a_name_that_no_module_can_have_is_refused_with_one_that_can(name: str, nearest: str):
    with pytest.raises(SpecError) as caught:
        Project("pooling", name)
    assert (
        str(caught.value)
        == f"'{name}' cannot name a plugin's module: write lower-case letters, digits and single "
        f"underscores, such as {nearest}"
    )
    assert Project("pooling", nearest).name == nearest


def test_a_name_too_long_for_a_file_is_refused():
    with pytest.raises(SpecError, match="at most 60 characters, 'aaaaaaaaaaaaaaaaaaaa…' has 300"):
        Project("pooling", "a" * 300)
    assert Project("pooling", "a" * 60).name == "a" * 60


@pytest.mark.parametrize("name", ["lambda", "class", "async"])
def test_a_keyword_is_refused(name: str):
    with pytest.raises(
        SpecError, match=f"'{name}' is a keyword of Python: choose another name, such as my_{name}"
    ):
        Project("pooling", name)


def test_unknown_kinds_and_licences_are_refused():
    with pytest.raises(SpecError, match="no scaffold for a 'stopping-rule'"):
        project("stopping-rule")
    with pytest.raises(SpecError, match=r"unknown licence 'apache': did you mean 'apache-2.0'\?"):
        project("pooling", licence="apache")
