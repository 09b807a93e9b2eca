"""The site of docs/: complete, and without warnings."""

from __future__ import annotations

import os
import pkgutil
import re
import subprocess
import sys
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from vsebench import plugin
from vsebench.cli.app import app
from vsebench.plugin import executors, sampling

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"


def pages_of(entries: object) -> set[str]:
    """The pages that a part of the navigation names."""
    match entries:
        case str():
            return {entries}
        case dict():
            return set().union(*(pages_of(part) for part in entries.values()))
        case list():
            return set().union(*(pages_of(part) for part in entries))
    raise TypeError(entries)


def hook(name: str) -> Any:
    """A hook of the site, as a module."""
    spec = spec_from_file_location(name, DOCS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    spec.loader.exec_module(module := module_from_spec(spec))
    return module


def test_every_page_can_be_reached() -> None:
    site = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))
    pages = {str(path.relative_to(DOCS)) for path in DOCS.rglob("*.md")}
    beside = {place for place in hook("elsewhere").site_places().values() if place.endswith(".md")}
    assert not pages & beside
    assert pages_of(site["nav"]) == pages | beside, "list every page under 'nav' in mkdocs.yml"


@pytest.mark.parametrize(
    ("source", "link", "rendered"),
    [
        ("results/aoq/README.md", "[a](../../docs/tables.md#marks)", "[a](../../tables.md#marks)"),
        ("results/README.md", "[a](aoq/README.md)", "[a](aoq/README.md)"),
        ("results/mirflickr/README.md", "![a](curves.svg)", "![a](curves.svg)"),
        ("claims/README.md", "[`a`](samplers.toml)", "[`a`](samplers.toml)"),
        ("docs/start.md", "[a](../results/LEADERBOARD.md)", "[a](studies/LEADERBOARD.md)"),
        ("docs/plugins/hooks.md", "[a](../faq.md#x)", "[a](../faq.md#x)"),
        ("CHANGELOG.md", "[a](results/quick/README.md)", "[a](studies/quick/README.md)"),
        ("results/README.md", "[`suites/`](../suites)", "`suites/`"),
        ("docs/start.md", "[a](https://a.org/b) [b](none.md)", "[a](https://a.org/b) [b](none.md)"),
    ],
)
def test_links_of_the_repository_become_those_of_the_site(
    source: str, link: str, rendered: str
) -> None:
    elsewhere = hook("elsewhere")
    text = "See {} there."
    assert elsewhere.relinked(text.format(link), source, elsewhere.site_places()) == text.format(
        rendered
    )


@pytest.mark.parametrize("name", plugin.__all__)
def test_the_reference_has_what_a_plugin_may_import(name: str) -> None:
    reference = (DOCS / "reference" / "plugin.md").read_text(encoding="utf-8")
    home = getattr(getattr(plugin, name), "__module__", None)
    if isinstance(getattr(plugin, name), int | float):
        (home,) = (module.__name__ for module in (executors, sampling) if hasattr(module, name))
    elif home is None or not home.startswith("vsebench.plugin."):
        # a marker of pluggy's, and names of plain types
        assert name in ("Embedding", "Event", "Files", "Message", "Scalar", "hookimpl")
        return
    assert f"::: {home}\n" in reference or f"::: {home}.{name}\n" in reference


@pytest.mark.parametrize(
    "page", sorted((DOCS / "reference").glob("*.md")), ids=lambda page: page.stem
)
def test_what_the_reference_names_is_there(page: Path) -> None:
    for name in re.findall(r"^::: (\S+)$", page.read_text(encoding="utf-8"), re.MULTILINE):
        assert pkgutil.resolve_name(name) is not None


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_it_builds_without_warnings(tmp_path: Path) -> None:
    if find_spec("mkdocs") is None or find_spec("mkdocstrings") is None:
        pytest.skip("needs mkdocs: pip install -e '.[docs]'")
    built = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", tmp_path / "site"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "VSEBENCH_REPOSITORY": "https://example.org/vsebench"},
    )
    assert built.returncode == 0, built.stderr
    for page, source in (("start", "docs/start.md"), ("studies/aoq", "results/aoq/README.md")):
        html = (tmp_path / "site" / page / "index.html").read_text(encoding="utf-8")
        assert f'href="https://example.org/vsebench/edit/main/{source}"' in html
    reference = (tmp_path / "site" / "reference" / "plugin" / "index.html").read_text(
        encoding="utf-8"
    )
    assert "Pools" in reference  # docstrings are there, not names alone


def test_the_reference_has_every_command_and_option() -> None:
    commands = hook("commands")
    page = (DOCS / "reference" / "commands.md").read_text(encoding="utf-8")
    assert page.count(commands.MARK) == 1
    reference = commands.reference()

    def check(group: Any, name: str) -> None:
        for each in group.commands.values():
            assert f"# `{name} {each.name}`" in reference
            if hasattr(each, "commands"):
                check(each, f"{name} {each.name}")
                continue
            for option in (parameter for parameter in each.params if parameter.opts[0][0] == "-"):
                if not getattr(option, "hidden", False):
                    assert option.opts[0] in reference, (each.name, option.name)
                    assert option.help, (each.name, option.name)

    check(typer.main.get_command(app), "vsebench")
