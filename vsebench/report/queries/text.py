"""Tallies of queries as a table for a terminal, and as JSON."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

from tabulate import tabulate

from vsebench.report.tables.formats import WIDTH
from vsebench.report.wording import name

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from vsebench.report.comparison.verdicts import Combination
    from vsebench.report.queries.tallies import Tally

_KINDS = {"i2t": "image", "t2i": "caption", "images": "image"}


def render(tallies: Sequence[Tally], reference: Combination, captions: Sequence[str] = ()) -> str:
    """The tallies, then the hardest queries of each row.

    Args:
        tallies: one for each row and kind of query.
        reference: row that they are compared with.
        captions: captions of the test split, where they are at hand.
    """
    if not tallies:
        return (
            "No run stored its answers to single queries: runs made by older releases, or unpacked "
            "without them."
        )
    table = tabulate(
        [
            (*each.combination, each.kind, len(each.seeds), each.wins, each.ties, each.losses)
            for each in tallies
        ],
        ("row", "loss", "queries", "seeds", "wins", "ties", "losses"),
        tablefmt="simple",
    )
    what = "smaller geometric mean of its ranks" if tallies[0].ranks else "larger average precision"
    legend = f"wins: queries with a {what} over the common seeds than {name(reference)}."
    hard = [line for each in tallies for line in _hardest(each, reference, captions)]
    return "\n".join([table, "", *textwrap.wrap(legend, WIDTH), *([""] if hard else []), *hard])


def _hardest(each: Tally, reference: Combination, captions: Sequence[str]) -> Iterator[str]:
    if not each.hardest:
        return
    what = _KINDS[each.kind]
    yield f"Hardest {what}s of {name(each.combination)} and {name(reference)}, {each.kind}:"
    form = ".0f" if each.ranks else ".4f"
    for hard in each.hardest:
        text = ""
        if what == "caption" and hard.index < len(captions):
            text = f"  {captions[hard.index]}"
        line = f"{what} {hard.index}: {hard.ours:{form}} and {hard.theirs:{form}}{text}"
        yield f"  {textwrap.shorten(line, WIDTH - 2, placeholder=' …')}"


def as_dict(each: Tally) -> dict[str, Any]:
    """A tally as a flat dict for JSON."""
    compared, loss = each.combination
    return {
        "row": f"{compared},{loss}",
        "queries": each.kind,
        "seeds": list(each.seeds),
        "wins": each.wins,
        "ties": each.ties,
        "losses": each.losses,
        "hardest": [vars(hard) for hard in each.hardest],
    }
