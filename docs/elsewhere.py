"""A hook of MkDocs: renders the pages that lie beside docs/ (results, claims, the changelog), makes
links between them and docs/ right on the site as they are in the repository, and gives each page a
link to edit it where `VSEBENCH_REPOSITORY` says where the repository is.
"""

from __future__ import annotations

import os
import posixpath
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[1]
PLACES = {"results": "studies", "claims": "studies/hypotheses", "suites": "studies/suites"}
"""Folders of the repository, and where their pages are on the site, beside docs/results.md."""
ALONE = ("CHANGELOG.md", "CONTRIBUTING.md")
SUFFIXES = (".md", ".svg", ".png", ".toml", ".csv")
_LINK = re.compile(r"(?P<label>\[[^\]]*\])\((?P<target>[^()\s:#]+)(?P<anchor>#[^()\s]*)?\)")


def site_places() -> dict[str, str]:
    """Where each file beside docs/ is on the site: paths relative to docs/, by those relative to
    the repository.
    """
    found = {name: name for name in ALONE}
    for folder, place in PLACES.items():
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix in SUFFIXES:
                inside = path.relative_to(ROOT / folder).as_posix()
                found[f"{folder}/{inside}"] = f"{place}/{inside}"
    return found


def relinked(markdown: str, source: str, places: dict[str, str]) -> str:
    """A page with the links of the repository turned into those of the site.

    Args:
        markdown: the page's text.
        source: the page's path in the repository.
        places: what `site_places` gives.

    Returns:
        The same text; a link to a file that is not on the site is its label alone.
    """
    here = places.get(source, source.removeprefix("docs/"))

    def site_link(link: re.Match[str]) -> str:
        target = posixpath.normpath(posixpath.join(posixpath.dirname(source), link["target"]))
        if not (ROOT / target).exists():
            return link[0]
        if target.startswith("docs/"):
            place = target.removeprefix("docs/")
        elif target in places:
            place = places[target]
        else:
            return link["label"][1:-1]
        relative = posixpath.relpath(place, posixpath.dirname(here) or ".")
        return f"{link['label']}({relative}{link['anchor'] or ''})"

    return _LINK.sub(site_link, markdown)


def on_files(files: Files, config: MkDocsConfig, **_: Any) -> Files:
    """Adds the files beside docs/."""
    from mkdocs.structure.files import File

    for source, place in site_places().items():
        files.append(File.generated(config, place, abs_src_path=str(ROOT / source)))
    return files


def on_config(config: MkDocsConfig, **_: Any) -> MkDocsConfig:
    """Links the site to its repository."""
    config.repo_url = os.environ.get("VSEBENCH_REPOSITORY")
    return config


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, **_: Any) -> str:
    """What MkDocs renders of a page; tables of results come last in a search."""
    places = site_places()
    sources = {place: source for source, place in places.items()}
    uri = page.file.src_uri
    source = sources.get(uri, f"docs/{uri}")
    if uri in sources:
        page.meta["search"] = {"boost": 0.3}
    page.edit_url = f"{config.repo_url}/edit/main/{source}" if config.repo_url else None
    return relinked(markdown, source, places)
