"""A suite as the TOML file that `load_suite` reads."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from vsebench.grid.suite import Suite


def suite_text(suite: Suite, comment: str = "") -> str:
    """The keys that the suite was given, after a comment of one line."""
    values = {
        key: value
        for key, value in suite.model_dump(
            mode="json", exclude_defaults=True, exclude_none=True
        ).items()
        if key != "tuned"
    }
    lines = [f"# {comment}", ""] if comment else []
    lines += [f"{key} = {_value(value)}" for key, value in values.items()]
    for entry in suite.tuned:
        lines += [
            "",
            "[[tuned]]",
            *(
                f"{key} = {_value(value)}"
                for key, value in entry.model_dump(exclude_none=True).items()
            ),
        ]
    return "\n".join(lines) + "\n"


def _value(value: object) -> str:
    """JSON's booleans, numbers and texts are TOML's, too."""
    if isinstance(value, dict):
        return _table(value)
    return (
        _array(value) if isinstance(value, list | tuple) else json.dumps(value, ensure_ascii=False)
    )


def _table(values: Mapping[str, object]) -> str:
    return "{ " + ", ".join(f"{key} = {_value(value)}" for key, value in values.items()) + " }"


def _array(values: Sequence[object]) -> str:
    return f"[{', '.join(_value(value) for value in values)}]"
