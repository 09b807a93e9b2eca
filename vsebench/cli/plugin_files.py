"""The option `--plugin`, the same in every command that names components."""

from __future__ import annotations

from typing import Annotated

import typer

PluginFiles = Annotated[
    list[str] | None,
    typer.Option(
        "--plugin", metavar="FILE", help="Python file that implements plugin hooks; repeatable."
    ),
]
