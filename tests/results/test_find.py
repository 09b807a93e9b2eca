"""A run is what a person writes of it: its directory, its id, a beginning, a pattern."""

from __future__ import annotations

import pytest

from tests.factories import make_record, make_spec, save
from vsebench.plugin.errors import VsebenchError
from vsebench.results.folder.find import find_runs


@pytest.fixture
def names(tmp_path):
    """The directories of three runs by pooling, under `tmp_path`."""
    for pooling in ("gpo", "max", "maxavg"):
        save(tmp_path, make_record(make_spec(pooling)))
    return {path.name.split("-")[1]: path.name for path in tmp_path.iterdir()}


def found(tmp_path, *wanted):
    return [run.path.name for run in find_runs(wanted, tmp_path)]


def test_a_beginning_of_the_name_serves_as_one_of_the_id_does(tmp_path, names):
    gpo = names["gpo"]
    for text in (gpo, str(tmp_path / gpo), gpo[:10], gpo[:-1], gpo[-10:], gpo[-10:-5]):
        assert found(tmp_path, text) == [gpo]


@pytest.mark.parametrize("text", ["scenes-max", "scenes", "scen"])
def test_a_beginning_of_several_is_refused(tmp_path, names, text):
    with pytest.raises(VsebenchError, match=f"'{text}' begins the names or ids of [23] runs"):
        found(tmp_path, text)
    assert found(tmp_path, "scenes-max-", "scenes-maxa") == [names["max"], names["maxavg"]]


def test_a_folder_of_runs_and_a_name_of_none_are_refused_in_one_line(tmp_path, names):
    with pytest.raises(VsebenchError) as caught:
        found(tmp_path, str(tmp_path))
    text = str(caught.value)
    assert f"'{tmp_path}' is a folder of {len(names)} runs: name one, such as {tmp_path}/" in text
    assert text.endswith(f"'vsebench runs {tmp_path}' lists them")
    with pytest.raises(VsebenchError, match=f"'vsebench runs {tmp_path}' lists its runs"):
        found(tmp_path, "nothing-like-it-at-all")


@pytest.mark.parametrize("text", ["sce", "cenes-gpo", "avg"])
def test_what_is_too_short_or_within_a_name_names_nothing(tmp_path, names, text):
    with pytest.raises(VsebenchError, match=f"no run '{text}' in "):
        found(tmp_path, text)
