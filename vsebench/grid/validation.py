"""pydantic's findings as one line that a person can act on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vsebench.plugin.errors import SpecError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pydantic import ValidationError


def one_line(error: ValidationError, where: str, known: Iterable[str]) -> SpecError:
    """The first finding as an error: where, which key, what was expected.

    Args:
        error: what pydantic raised.
        where: begins the line, such as the path of a suite file.
        known: the keys that exist, for the nearest match of an unknown one.
    """
    finding = error.errors(include_url=False)[0]
    key = str(finding["loc"][0]) if finding["loc"] else ""
    if finding["type"] == "extra_forbidden":
        return SpecError(f"{where}: unknown key '{key}': {did_you_mean(key, known)}")
    cause = finding.get("ctx", {}).get("error")
    if cause is not None:
        return SpecError(f"{where}: {key}: {cause}" if key else f"{where}: {cause}")
    message = finding["msg"].removeprefix("Input should be ")
    # What follows the comma tells of pydantic, not of the request
    if finding["type"].endswith("_parsing"):
        message = message.split(",")[0]
    return SpecError(f"{where}: {key} must be {message}, got {finding['input']!r}")
