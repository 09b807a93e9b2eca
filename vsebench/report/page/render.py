"""The page as text."""

from __future__ import annotations

import re
from importlib.metadata import version
from typing import TYPE_CHECKING

from vsebench.report.page.context import page_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from markupsafe import Markup

    from vsebench.plugin.registry import Registry
    from vsebench.report.rows import Block
    from vsebench.results.spec import AnySpec

_BREAKS = re.compile(r"(?<=[:/,])(?=\S)")


def to_html(
    blocks: Sequence[Block],
    unfinished: Sequence[AnySpec] = (),
    *,
    command: str = "",
    registry: Registry | None = None,
) -> str:
    """Blocks as one HTML document that needs nothing beside it; its end is a line end.

    Args:
        blocks: what to show.
        unfinished: runs without a record, which the page names.
        command: command that makes the page, which then names it.
        registry: where published results of the same settings are looked for; nowhere when None.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("vsebench.report.page"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=True,
    )
    environment.globals["zip"] = zip
    environment.filters["breakable"] = breakable
    page = page_of(blocks, unfinished, command, registry)
    return (
        environment.get_template("page.html.jinja")
        .render(page=page, version=version("vsebench"))
        .strip()
        + "\n"
    )


def breakable(text: str) -> Markup:
    """A text as HTML whose lines may break between the parts of a component spec."""
    from markupsafe import Markup, escape

    return Markup("<wbr>").join(escape(part) for part in _BREAKS.split(text))
