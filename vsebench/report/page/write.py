"""The page as text, and as a file."""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING

from vsebench.report.page.context import page_of
from vsebench.results.files import write_text

if TYPE_CHECKING:
    from pathlib import Path

    from vsebench.plugin.registry import Registry
    from vsebench.report.results import Results


def to_html(results: Results, *, command: str = "", registry: Registry | None = None) -> str:
    """Results as one HTML document that needs nothing beside it.

    Args:
        results: what to show.
        command: that makes the page, which then says so.
        registry: where published results of the same settings are looked for; nowhere when None.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(loader=PackageLoader("vsebench.report.page"), undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, autoescape=True)
    environment.globals["zip"] = zip
    page = page_of(results.blocks, results.unfinished, command, registry)
    return environment.get_template("page.html.jinja").render(page=page, version=version("vsebench")).strip() + "\n"


def write_page(results: Results, path: Path, *, command: str = "", registry: Registry | None = None) -> None:
    """Writes `to_html` to a file, which is replaced where it exists.

    Raises:
        VsebenchError: it cannot be written; then it is as it was.
    """
    write_text(path, to_html(results, command=command, registry=registry))
