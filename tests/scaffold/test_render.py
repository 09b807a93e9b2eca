"""The files of a new plugin."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

from tests.scaffold.projects import KINDS, files, project
from vsebench.plugin import SpecError, WriteError
from vsebench.plugin.kinds import KINDS as KINDS_OF
from vsebench.scaffold import LICENCES, render, requirement, write

LINES = 25
"""Of the module that an author starts from, at most."""
GIT = "git+https://a.org/b@"


@pytest.mark.parametrize("kind", KINDS)
def test_the_author_starts_from_a_short_module(kind: str):
    made = project(kind)
    code = files(made)[f"src/{made.package}/{made.module}.py"]
    assert len([line for line in code.splitlines() if line.strip()]) <= LINES
    assert f"class {made.class_name}" in code
    assert ast.get_docstring(ast.parse(code)) == f"The {KINDS_OF[kind].noun} `{made.name}`."


@pytest.mark.parametrize("kind", KINDS)
def test_listing_it_imports_no_torch(kind: str):
    made = project(kind)
    code = files(made)[f"src/{made.package}/__init__.py"]
    imported = {
        node.module for node in ast.walk(ast.parse(code)) if isinstance(node, ast.ImportFrom)
    }
    assert imported == {"__future__", "typing", "vsebench.plugin"}


@pytest.mark.parametrize("kind", KINDS)
def test_its_metadata_name_what_is_there(kind: str):
    made = project(kind)
    rendered = files(made)
    metadata = tomllib.loads(rendered["pyproject.toml"])["project"]
    assert metadata["name"] == made.distribution
    assert metadata["dependencies"] == ["vsebench>=0.1.0"]
    assert metadata["entry-points"]["vsebench"] == {made.name: made.package}
    assert set(rendered) == {
        "pyproject.toml",
        "README.md",
        "AGENTS.md",
        "LICENSE",
        ".gitignore",
        ".github/workflows/ci.yml",
        f"src/{made.package}/__init__.py",
        f"src/{made.package}/{made.module}.py",
        f"tests/test_{made.name}.py",
    }
    assert made.run_options in rendered["README.md"]
    for text in rendered.values():
        assert text.endswith("\n")
        assert not re.search(r"(?<!\$)\{\{|\{%", text)  # `${{` is of the workflow


@pytest.mark.parametrize("licence", LICENCES)
def test_its_licence_is_the_one_that_was_chosen(licence: str):
    made = project("pooling", licence=licence)
    rendered = files(made)
    assert tomllib.loads(rendered["pyproject.toml"])["project"]["license"] == LICENCES[licence]
    assert {
        "apache-2.0": "Apache License",
        "mit": "MIT License",
        "bsd-3-clause": "BSD 3-Clause License",
    }[licence] in rendered["LICENSE"]
    if licence != "apache-2.0":
        assert (
            f"2026{',' if licence.startswith('bsd') else ''} the authors of vsebench-my-pooling"
            in rendered["LICENSE"]
        )


def test_a_class_that_would_hide_an_import_is_refused():
    with pytest.raises(
        SpecError,
        match="'tensor' would be called Tensor",
    ):
        files(project("pooling", name="tensor"))


def test_the_code_is_formatted_and_sound(tmp_path: Path):
    pytest.importorskip("ruff", reason="ruff is not installed: pip install -e '.[dev]'")
    for kind in KINDS:
        made = project(kind)
        for path, text in files(made).items():
            file = tmp_path / made.distribution / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
    ruff = [sys.executable, "-m", "ruff"]
    options = ["--isolated", "--no-cache", "--line-length", "160", str(tmp_path)]
    third_party = "lint.isort.known-third-party = ['torch', 'numpy', 'pytest']"
    first_party = "lint.isort.known-first-party = ['vsebench']"
    select = ["--select", "E,F,I,UP,B", "--config", third_party, "--config", first_party]
    for command in (["format", "--check", *options], ["check", *select, *options]):
        done = subprocess.run([*ruff, *command], capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr


def test_files_are_written(tmp_path: Path):
    write({"a.txt": "é\n", "b/c.txt": "2\n"}, tmp_path / "new")
    assert (tmp_path / "new" / "a.txt").read_text(encoding="utf-8") == "é\n"
    assert (tmp_path / "new" / "b" / "c.txt").read_text() == "2\n"
    assert list(tmp_path.iterdir()) == [tmp_path / "new"]


@pytest.mark.parametrize("make", [Path.mkdir, Path.touch, lambda path: path.symlink_to("nowhere")])
def test_what_exists_is_never_touched(make, tmp_path: Path):
    make(tmp_path / "new")
    before = os.lstat(tmp_path / "new")
    with pytest.raises(SpecError, match=r"'.*new' exists already"):
        write({"a.txt": "1"}, tmp_path / "new")
    assert os.lstat(tmp_path / "new") == before
    assert list(tmp_path.iterdir()) == [tmp_path / "new"]


def test_nothing_is_left_half_written(tmp_path: Path):
    with pytest.raises(WriteError, match=r"cannot write .*new: "):
        write({"a.txt": "1", "a.txt/b.txt": "2"}, tmp_path / "new")
    assert list(tmp_path.iterdir()) == []


def install_from(about: str | None, folder: Path) -> None:
    """Metadata of vsebench in a folder, with what pip notes about the source."""
    info = folder / "vsebench-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: vsebench\nVersion: 1.0\n")
    if about is not None:
        (info / "direct_url.json").write_text(about)


@pytest.mark.parametrize(
    ("about", "expected"),
    [
        (None, "vsebench"),
        ("{", "vsebench"),
        ("[]", "vsebench"),
        ({"url": "file:///home/me/vsebench", "dir_info": {"editable": True}}, "vsebench"),
        ({"url": "https://a.org/b", "vcs_info": {"vcs": "git", "commit_id": "3f2a"}}, GIT + "3f2a"),
        (
            {
                "url": "https://a.org/b",
                "vcs_info": {"vcs": "git", "commit_id": "3f2a", "requested_revision": "v0.2"},
            },
            GIT + "v0.2",
        ),
        (
            {"url": "https://a.org/'; echo", "vcs_info": {"vcs": "git", "commit_id": "3f2a"}},
            "vsebench",
        ),
    ],
)
def test_its_ci_installs_vsebench_from_where_it_came(
    about: object, expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    text = about if about is None or isinstance(about, str) else json.dumps(about)
    install_from(text, tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    assert requirement("vsebench") == expected


def test_without_metadata_its_ci_installs_the_release():
    assert requirement("vsebench-of-nobody") == "vsebench-of-nobody"


@pytest.mark.parametrize("source", ["vsebench", GIT + "v0.2"])
def test_its_ci_is_a_workflow_in_which_a_variable_names_another_source(source: str):
    rendered = render(project("pooling"), version="0.1.0", api=1, source=source)
    workflow = yaml.safe_load(rendered[".github/workflows/ci.yml"])
    assert workflow["env"] == {"VSEBENCH": f"${{{{ vars.VSEBENCH || '{source}' }}}}"}
    commands = [step["run"] for step in workflow["jobs"]["conformance"]["steps"] if "run" in step]
    assert commands.index('pip install "$VSEBENCH"') < commands.index("pip install -e '.[test]'")
    assert "`VSEBENCH`" in rendered["README.md"]
