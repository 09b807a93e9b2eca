"""The option `--format`, the same in every command that has it."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from vsebench.plugin.errors import SpecError, did_you_mean


def format_option(*forms: str) -> Any:
    """An option that takes one of these words, and refuses another before the command does
    anything.
    """

    def checked(form: str) -> str:
        if form not in forms:
            raise SpecError(f"unknown format '{form}': {did_you_mean(form, forms)}")
        return form

    return typer.Option(
        "--format", metavar="|".join(forms), help="How to write the answer.", callback=checked
    )


TableOrJson = Annotated[str, format_option("table", "json")]

Json = Annotated[bool, typer.Option("--json", help="Short for --format json.")]
