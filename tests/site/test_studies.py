from __future__ import annotations

import pytest

from tests.site.made import leave, studies
from vsebench.plugin.errors import MissingError, VsebenchError
from vsebench.site.studies import Slugs


def test_studies_are_found_below_a_folder(tmp_path):
    for name in ("a/one", "a/one/more", "b"):
        leave(tmp_path / name, "mean", 200.0)
    (tmp_path / ".hidden").mkdir()
    leave(tmp_path / ".hidden" / "c", "mean", 200.0)
    assert [(study.name, study.slug) for study in studies(tmp_path)] == [
        ("a/one", "a-one"),
        ("a/one/more", "a-one-more"),
        ("b", "b"),
    ]


def test_a_folder_of_runs_is_itself_alone(tmp_path):
    leave(tmp_path / "one", "mean", 200.0)
    leave(tmp_path / "one" / "more", "mean", 200.0)
    assert [study.name for study in studies(tmp_path / "one")] == ["one"]


def test_a_study_that_links_lead_to_again_is_one(tmp_path):
    leave(tmp_path / "all" / "one", "mean", 200.0)
    (tmp_path / "all" / "loop").symlink_to(tmp_path / "all")
    (tmp_path / "all" / "same").symlink_to(tmp_path / "all" / "one")
    assert [study.name for study in studies(tmp_path / "all")] == ["one"]


def test_what_holds_nothing_is_refused(tmp_path):
    with pytest.raises(MissingError, match="there is no folder"):
        studies(tmp_path / "absent")
    (tmp_path / "empty").mkdir()
    with pytest.raises(VsebenchError, match="nor a folder inside holds runs"):
        studies(tmp_path / "empty")


def test_file_names_are_safe_and_each_ones_own():
    slugs = Slugs()
    names = ["a/b", "A b", "../../etc", "", "…", "x" * 300, "a-b-2"]
    found = [slugs.of(name) for name in names]
    assert found[:5] == ["a-b", "a-b-2", "etc", "unnamed", "unnamed-2"]
    assert len(set(found)) == len(found)
    assert all(len(slug) < 100 and "/" not in slug and slug[0] != "." for slug in found)
