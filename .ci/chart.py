"""A leaderboard's JSON, on standard input, as bar charts that GitHub draws in Markdown."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

HEADLINES = {"retrieval": "rsum", "annotation": "map", "patterns": "explained"}
AXES = ("pooling", "sampler", "loss")


def charts(document: dict[str, Any]) -> Iterator[str]:
    """A chart a board, of the rows whose headline metric is known."""
    for board in document["boards"]:
        rows = [row for row in board["rows"] if row[HEADLINES[row["task"]]] is not None]
        if rows:
            key = HEADLINES[rows[0]["task"]]
            names = ", ".join(json.dumps(name(row)) for row in rows)
            values = ", ".join(f"{row[key]:.4g}" for row in rows)
            yield "\n".join(
                [
                    "```mermaid",
                    "xychart-beta horizontal",
                    f"  title {json.dumps(board['dataset'])}",
                    f"  x-axis [{names}]",
                    f'  y-axis "{key.upper()}"',
                    f"  bar [{values}]",
                    "```",
                ]
            )


def name(row: dict[str, Any]) -> str:
    """The components that a row compares."""
    return ", ".join(row[axis] for axis in AXES if row[axis] is not None)


if __name__ == "__main__":
    sys.stdout.write("\n\n".join(charts(json.load(sys.stdin))) + "\n")
