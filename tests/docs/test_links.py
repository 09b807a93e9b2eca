"""Links of every Markdown page lead to files, and to headings, that are in the repository."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = (".", "docs/**", "results/**", "claims", "plugins/examples/*")
PAGES = sorted(
    {page for folder in FOLDERS for page in ROOT.glob(f"{folder}/*.md")} | {ROOT / "docs/llms.txt"}
)
_CODE = re.compile(r"^ *(```+|~~~+).*?^ *\1 *$|^ {4,}\S.*?$", flags=re.DOTALL | re.MULTILINE)
_LINK = re.compile(r"\]\(([^\s():#]*)(?:#([^\s()]*))?\)")


def anchors(text: str) -> set[str]:
    """What GitHub calls the headings of a page."""
    found: list[str] = []
    for heading in re.findall(r"^#+ (.*?) *$", _CODE.sub("", text), flags=re.MULTILINE):
        words = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()
        anchor = re.sub(r"[^\w\- ]", "", words).replace(" ", "-")
        found.append(f"{anchor}-{found.count(anchor)}" if anchor in found else anchor)
    return set(found)


def broken(page: Path) -> list[str]:
    """Links of a page that lead nowhere."""
    found = []
    for path, anchor in _LINK.findall(_CODE.sub("", page.read_text(encoding="utf-8"))):
        target = page.parent / path if path else page
        if not target.exists() or (
            anchor
            and target.suffix == ".md"
            and anchor not in anchors(target.read_text(encoding="utf-8"))
        ):
            found.append(f"{path}#{anchor}")
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    assert broken(page) == []


def test_a_broken_link_is_found(tmp_path: Path) -> None:
    (tmp_path / "b.md").write_text("# One `two`, three\n", encoding="utf-8")
    page = tmp_path / "a.md"
    page.write_text(
        "[a](b.md#one-two-three) [b](b.md#one) [c](c.md) [d](#d)\n```text\n[e](e.md)\n```\n# D\n",
        encoding="utf-8",
    )
    assert broken(page) == ["b.md#one", "c.md#"]
