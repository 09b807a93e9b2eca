from __future__ import annotations

import json

import pytest

from vsebench.plugin.errors import SpecError
from vsebench.site.write import MARKER, write_site


def files(out):
    return {path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()}


def test_a_site_replaces_a_site_and_nothing_else(tmp_path):
    out = tmp_path / "new" / "site"
    write_site(out, {"index.html": "1", "studies/a.html": "a"})
    (out / "CNAME").write_text("somebody's")
    write_site(out, {"index.html": "2", "studies/b.html": "b"})
    assert files(out) == {"index.html", "studies/b.html", MARKER, "CNAME"}
    assert (out / "index.html").read_text() == "2"


def test_an_empty_folder_is_taken(tmp_path):
    write_site(tmp_path, {"index.html": "1"})
    assert files(tmp_path) == {"index.html", MARKER}


@pytest.mark.parametrize("marker", [None, "{}", "[]", "no json", '{"made_by": "mkdocs"}'])
def test_other_folders_are_kept(tmp_path, marker):
    (tmp_path / "index.html").write_text("somebody's")
    if marker is not None:
        (tmp_path / MARKER).write_text(marker)
    with pytest.raises(SpecError, match="which are kept"):
        write_site(tmp_path, {"index.html": "1"})
    assert (tmp_path / "index.html").read_text() == "somebody's"


def test_a_file_is_refused(tmp_path):
    (tmp_path / "out").write_text("")
    with pytest.raises(SpecError, match="is a file"):
        write_site(tmp_path / "out", {"index.html": "1"})


def test_a_marker_that_names_files_outside_removes_none(tmp_path):
    other = tmp_path / "precious"
    other.write_text("")
    out = tmp_path / "site"
    write_site(out, {"index.html": "1"})
    marker = json.loads((out / MARKER).read_text())
    (out / MARKER).write_text(json.dumps({**marker, "files": ["../precious", str(other), 7]}))
    write_site(out, {"index.html": "2"})
    assert other.exists()
