"""What the catalogue says of the packages in this repository is what they register."""

from __future__ import annotations

import importlib
import tomllib
from pathlib import Path

import pytest

from vsebench.catalogue.index import read_index
from vsebench.plugin.host.loader import load_from
from vsebench.plugin.host.sources import PluginSource
from vsebench.plugin.registry import Origin

ROOT = Path(__file__).parents[2]
OWN = [entry for entry in read_index() if "://" not in entry.repository]


@pytest.mark.parametrize("entry", OWN, ids=lambda entry: entry.name)
def test_an_entry_agrees_with_its_package(entry, monkeypatch: pytest.MonkeyPatch):
    folder = ROOT / entry.repository
    project = tomllib.loads((folder / "pyproject.toml").read_text())["project"]
    assert (project["name"], project["version"], project["license"]) == (
        entry.name,
        entry.version,
        entry.license,
    )
    assert any(
        requirement.startswith(f"vsebench>={entry.vsebench}")
        for requirement in project["dependencies"]
    )
    monkeypatch.syspath_prepend(folder / "src")
    sources = [
        PluginSource(
            Origin(entry.name, name, "0"),
            module,
            lambda module=module: importlib.import_module(module),
        )
        for name, module in project["entry-points"]["vsebench"].items()
    ]
    registered: dict[str, list[str]] = {}
    for component in load_from(sources).registry:
        registered.setdefault(component.kind, []).append(component.name)
    assert registered == {kind: list(names) for kind, names in entry.components.items()}


def test_every_example_is_listed():
    assert {path.name for path in (ROOT / "plugins" / "examples").iterdir() if path.is_dir()} == {
        Path(entry.repository).name for entry in OWN
    }
