"""A hook of MkDocs: fills reference/commands.md from the command line itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer
from typer.cli import get_docs_for_click

from vsebench.cli.app import app

if TYPE_CHECKING:
    from mkdocs.structure.pages import Page

MARK = "<!-- commands -->"


def reference() -> str:
    """Every command with its arguments and options, as Markdown; headings from level 2 on."""
    command = typer.main.get_command(app)
    context = typer.Context(command, info_name="vsebench")
    whole = get_docs_for_click(obj=command, ctx=context, name="vsebench")
    _, first, rest = whole.partition("\n## ")
    return first.lstrip("\n") + rest


def on_page_markdown(markdown: str, page: Page, **_: Any) -> str:
    """What MkDocs renders of a page: the reference in the place of its mark."""
    if page.file.src_uri != "reference/commands.md":
        return markdown
    return markdown.replace(MARK, reference())
