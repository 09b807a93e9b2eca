"""A page as a tree of elements: refuses what is not balanced."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

VOID = {"meta", "link", "img", "br", "hr", "input", "wbr"}


@dataclass
class Element:
    """An element with its attributes, elements and text inside."""

    tag: str
    attributes: dict[str, str | None]
    children: list[Element] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)

    def __getitem__(self, key: str) -> str | None:
        return self.attributes[key]

    def get(self, key: str) -> str | None:
        return self.attributes.get(key)

    @property
    def classes(self) -> set[str]:
        return set((self.get("class") or "").split())

    @property
    def text(self) -> str:
        """All of it, whitespace as a browser shows it."""
        return " ".join("".join(self._texts()).split())

    def _texts(self) -> Iterator[str]:
        yield from self.texts
        for child in self.children:
            yield from child._texts()

    def all(self, tag: str, name: str = "") -> list[Element]:
        """Every element of a tag, and of a class where one is given, in order."""
        found = [self] if tag in (self.tag, "*") and (not name or name in self.classes) else []
        return [*found, *(element for child in self.children for element in child.all(tag, name))]

    def one(self, tag: str, name: str = "") -> Element:
        """The only one."""
        (found,) = self.all(tag, name)
        return found


class _Builder(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.root = Element("", {})
        self.open = [self.root]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len({key for key, _ in attrs}) == len(attrs), f"<{tag}> has an attribute twice"
        element = Element(tag, dict(attrs))
        self.open[-1].children.append(element)
        if tag not in VOID:
            self.open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.open[-1].children.append(Element(tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop().tag == tag, f"</{tag}> at {self.getpos()} closes nothing"

    def handle_data(self, data: str) -> None:
        self.open[-1].texts.append(data) if not self.open[-1].children else self.open[
            -1
        ].children.append(Element("#text", {}, texts=[data]))


def parse(html: str) -> Element:
    """The document.

    Raises:
        AssertionError: an element is not closed, or closed where it is not open.
    """
    builder = _Builder()
    builder.feed(html)
    builder.close()
    assert builder.open == [builder.root], f"<{builder.open[-1].tag}> is not closed"
    return builder.root


@dataclass
class PageTable:
    """A table with a key for each column: cells of its rows by key."""

    heads: dict[str, Element]
    rows: list[dict[str, Element]]


def keyed(table: Element) -> PageTable:
    """A table of which each head says its key."""
    heads = {head["data-key"]: head for head in table.one("thead").all("th")}
    return PageTable(
        heads,
        [dict(zip(heads, row.all("td"), strict=True)) for row in table.one("tbody").all("tr")],
    )  # type: ignore[arg-type]


def tables(section: Element) -> tuple[PageTable, PageTable]:
    """Of a section: what a person reads, and all columns."""
    main, full = (table for table in section.all("table") if table.all("caption"))
    return keyed(main), keyed(full)
