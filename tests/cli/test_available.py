from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.catalogue.entries import index, toml
from vsebench.cli.app import main

if TYPE_CHECKING:
    from pathlib import Path


def plugins(*arguments: str) -> int:
    with pytest.raises(SystemExit) as caught:
        main(["plugins", *arguments])
    return int(caught.value.code or 0)


def test_known_packages_are_listed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("COLUMNS", "200")  # nothing wraps
    second = toml(
        name="pytest", components={"loss": ["zebra"]}, repository="plugins/examples/zebra"
    ).removeprefix("schema = 1\n")
    file = str(index(tmp_path, "schema = 1\n" + second + toml().removeprefix("schema = 1\n")))
    assert plugins("--available", "--index", file) == 0
    text = capsys.readouterr().out
    assert "pip install 'git+https://example.org/acme/vsebench-acme'" in text
    assert "pip install './plugins/examples/zebra' in a checkout of vsebench" in text
    assert plugins("--available", "--index", file, "--format", "json") == 0
    listed = {
        package["name"]: package for package in json.loads(capsys.readouterr().out)["packages"]
    }
    assert listed["vsebench-acme"]["installed"] is None
    assert listed["pytest"]["installed"] == pytest.__version__
    assert listed["pytest"]["components"] == {"loss": ["zebra"]}
    assert plugins("--available", "--index", file, "--kind", "loss") == 0
    assert "vsebench-acme" not in capsys.readouterr().out


def test_an_empty_catalogue_says_how_to_add_to_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    assert plugins("--available", "--index", str(index(tmp_path, "schema = 1\n"))) == 0
    assert (
        capsys.readouterr().out
        == "no package is listed; docs/plugins/trust.md says how to add one\n"
    )


def test_the_shipped_catalogue_is_listed(capsys: pytest.CaptureFixture[str]):
    assert plugins("--available", "--format", "json") == 0
    assert json.loads(capsys.readouterr().out)["schema"] == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--available", "--failed"], "--available lists packages and --failed plugins: keep one"),
        (
            ["--index", "x.toml"],
            "--index is the catalogue of --available: add that, or leave --index out",
        ),
        (
            ["--available", "--index", "x.toml"],
            "the catalogue 'x.toml' cannot be read: No such file or directory",
        ),
        (
            ["--available", "--kind", "poolings"],
            "unknown kind of component 'poolings': did you mean 'pooling'?",
        ),
    ],
)
def test_what_cannot_be_answered_is_one_line(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
):
    assert plugins(*arguments) == 2
    assert capsys.readouterr().err == f"vsebench: error: {said}\n"
