"""Verdicts on claims as text for a terminal, as Markdown and as JSON."""

from __future__ import annotations

import textwrap
from collections import Counter
from typing import TYPE_CHECKING, Any, get_args

from vsebench.claims.judge import Verdict
from vsebench.report.listing import tabled
from vsebench.report.page.render import VerdictLine, Verdicts
from vsebench.report.tables.formats import WIDTH
from vsebench.report.tables.layout import ABSENT
from vsebench.report.wording import name, p_text, percent
from vsebench.text import as_json

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from vsebench.claims.file import Claim, ClaimsFile
    from vsebench.claims.judge import Evidence, Judged

SCHEMA = 1


def render(held: ClaimsFile, judged: Sequence[Judged], form: str = "table") -> str:
    """The verdicts, without a last line end.

    Args:
        held: the claims.
        judged: their verdicts.
        form: `table`, `md` or `json`.
    """
    if form == "json":
        return as_json(as_dict(held, judged))
    pipe = form == "md"
    heads = ["claim", "verdict", "found", "interval", "p", "seeds"]
    cells = [_cells(held, each) for each in judged]
    table = tabled(heads, cells, "llrrrr", "pipe" if pipe else "simple")
    bullet = "- " if pipe else ""
    sentences = [f"{each.claim.id}: {said(each)}" for each in judged]
    sentences += notes(held, judged)
    lines = (
        note if pipe else textwrap.fill(note, WIDTH, subsequent_indent="  ")
        for note in (bullet + note for note in sentences)
    )
    return "\n".join([table, "", *lines])


def as_dict(held: ClaimsFile, judged: Sequence[Judged]) -> dict[str, Any]:
    """The verdicts as plain values."""
    return {
        "schema": SCHEMA,
        "file": held.path.name,
        "suites": {suite: held.digest(suite) for suite in held.suites},
        "families": {key: family.model_dump() for key, family in held.claims.family.items()},
        "claims": [
            {
                **each.claim.model_dump(mode="json"),
                "metric": each.metric.key,
                "verdict": each.verdict,
                "reasons": list(each.reasons),
                "evidence": None if each.evidence is None else _numbers(each.evidence),
            }
            for each in judged
        ],
    }


def _numbers(evidence: Evidence) -> dict[str, Any]:
    return {
        **evidence._asdict(),
        "row": ",".join(evidence.row),
        "reference": ",".join(evidence.reference),
        "seeds": list(evidence.seeds),
        "apart": list(evidence.apart),
    }


def on_page(held: ClaimsFile, judged: Sequence[Judged]) -> Verdicts:
    """The verdicts as pages show them."""
    lines = []
    for each in judged:
        claim, verdict, *figures = _cells(held, each)
        lines.append(VerdictLine(claim, verdict, figures, said(each)))
    return Verdicts(held.path.name, lines, list(notes(held, judged)))


def _cells(held: ClaimsFile, each: Judged) -> list[str]:
    """The claim's id, its verdict, what was found, the interval, p and the number of seeds."""
    found = each.evidence
    if found is None:
        return [each.claim.id, each.verdict, *[ABSENT] * 4]
    border = held.claims.family[each.claim.family].alpha / 2
    return [
        each.claim.id,
        each.verdict,
        _value(each, found.difference),
        f"{_value(each, found.low)} … {_value(each, found.high)}",
        p_text(min(found.p_confirm, found.p_refute), border),
        str(len(found.seeds)),
    ]


def _value(each: Judged, value: float) -> str:
    return f"{value:.2f} ×" if each.claim.kind == "speed" else each.metric.text(value, "+")


def said(each: Judged) -> str:
    """What is claimed, and what decided."""
    claim, found = each.claim, each.evidence
    paper = f" ({claim.paper})" if claim.paper else ""
    text = f"{claim.statement.removesuffix('.')}{paper}. {_asked(each)}."
    if found is not None:
        apart = f" with {', '.join(found.apart)}" if found.apart else ""
        text += f" {name(found.row)} against {name(found.reference)}{apart}."
        if each.verdict == "undecided":
            least = _value(each, found.detectable)
            text += f" Such a design detects {least} in 4 of 5 cases."
    if each.reasons:
        text += f" Inadmissible: {'; '.join(each.reasons)}."
    return text


def _asked(each: Judged) -> str:
    claim: Claim = each.claim
    if claim.kind == "speed":
        unit = claim.unit.replace("cpu", "CPU")
        return f"Asked: {claim.ratio:g} × sooner at dev {claim.target:g}, in {unit}"
    margin = each.metric.text(claim.margin)
    return {
        "superiority": f"Asked: more than {margin} {each.metric.name} better",
        "non-inferiority": f"Asked: less than {margin} {each.metric.name} worse",
        "equivalence": f"Asked: within {margin} {each.metric.name}",
    }[claim.kind]


def notes(held: ClaimsFile, judged: Sequence[Judged]) -> Iterator[str]:
    """What holds for all claims of the file."""
    counts = Counter(each.verdict for each in judged)
    yield ", ".join(f"{counts[verdict]} {verdict}" for verdict in get_args(Verdict)) + "."
    for key, family in held.claims.family.items():
        members = [each for each in judged if each.claim.family == key]
        tested = sum(each.evidence is not None for each in members)
        yield (
            f"Family {key}: {tested} of {len(members)} claims tested together at "
            f"{percent(1 - family.alpha)} (Holm, one-sided each way at "
            f"{percent(family.alpha / 2)}); intervals are uncorrected."
        )
    if any(each.evidence is not None and each.evidence.images for each in judged):
        yield "Intervals and tests of differences count other seeds and other test images."
