"""`vsebench evaluate --relevance` and `--attributes`: graded relevance and PMRP, computed and
written out.
"""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from vsebench.plugin.errors import DataError, SpecError
from vsebench.plugin.metrics import SIDES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vsebench.cli.shared.embedded import Embedded
    from vsebench.data.relevance import Direction
    from vsebench.data.relevance_sets import CollectedRelevance
    from vsebench.retrieval.ranking.graded import GradedMetrics

_COLUMNS = {
    "map_at_r": "mAP@R",
    "r_precision": "R-Prec",
    "r1": "R@1",
    "r5": "R@5",
    "r10": "R@10",
    "ndcg_at_10": "nDCG@10",
}

Sides = dict[Literal["i", "t"], "Path | None"]


def evaluate_graded(
    embedded: Embedded,
    relevance: str,
    relevant_from: float | None,
    unjudged: str | None,
    id_files: Sides,
) -> dict[str, Any]:
    """What `--format json` prints: the settings and, by direction, the metrics.

    Args:
        embedded: images and captions.
        relevance: a file, or the name of a collected relevance.
        relevant_from: the lowest grade that is relevant; by default that of the collected
            relevance, or any above 0.
        unjudged: `irrelevant` or `ignored`; by default as is usual with the collected relevance,
            and `irrelevant` with a file.
        id_files: files that name the rows of either side, one id a line.
    """
    collected = _collected(embedded, relevance, id_files)
    if relevant_from is None:
        relevant_from = collected.relevant_from
    unjudged = unjudged or collected.unjudged
    return {
        "relevance": relevance,
        "relevant_from": relevant_from,
        "unjudged": unjudged,
        "images": embedded.images,
        "captions": embedded.texts,
        **{
            direction: _direction(
                embedded, collected, direction, relevant_from or None, unjudged
            ).as_dict()
            for direction in collected.relevance
        },
    }


def evaluate_attributes(embedded: Embedded, path: Path) -> dict[str, Any]:
    """PMRP as `--format json` prints it."""
    from vsebench.cli.shared.brought import open_array
    from vsebench.retrieval.ranking.plausible import evaluate_plausible

    found = evaluate_plausible(
        embedded.image,
        embedded.text,
        embedded.owner(),
        open_array(path, 2),
        similarity=embedded.similarity,
    )
    return {"attributes": str(path), **asdict(found)}


def graded_table(found: Mapping[str, Any]) -> str:
    """A row for each direction."""
    from tabulate import tabulate

    from vsebench.report.listing import with_notes

    rows = [
        [d, found[d]["queries"], found[d]["relevant"], *(found[d][key] for key in _COLUMNS)]
        for d in SIDES
        if d in found
    ]
    table = tabulate(
        rows, headers=["", "queries", "relevant", *_COLUMNS.values()], floatfmt=".2f", intfmt=","
    )
    grade = (
        f"a grade of {found['relevant_from']:g} or more"
        if found["relevant_from"]
        else "any grade above 0"
    )
    unjudged = (
        "count as irrelevant" if found["unjudged"] == "irrelevant" else "are left out of the lists"
    )
    notes = (
        (
            f"Relevance {found['relevance']}: {grade} is relevant, unjudged items {unjudged}. "
            f"{found['images']:,} images, {found['captions']:,} captions."
        ),
        (
            "Percentages over queries with a relevant item (nDCG@10: with a grade above 0); R@K is "
            "any-hit; ties count against."
        ),
    )
    return with_notes(table, notes)


def attributes_table(found: Mapping[str, Any]) -> str:
    """A row for each direction."""
    from tabulate import tabulate

    from vsebench.report.listing import with_notes

    rows = [[d, found[f"{d}_pmrp"], *found[d]] for d in ("i2t", "t2i")]
    table = tabulate(rows, headers=["", "PMRP", "ζ = 0", "ζ = 1", "ζ = 2"], floatfmt=".2f")
    counts = (
        f"{found['images']:,} images with an attribute, {found['captions']:,} captions of these"
    )
    note = (
        "R-Precision in percent where images match whose attributes differ in at most ζ places, "
        f"and its mean; {counts}."
    )
    return with_notes(table, [note])


def _collected(embedded: Embedded, relevance: str, id_files: Sides) -> CollectedRelevance:
    """The relevance with the ids of the embedded rows."""
    from vsebench.data.reading import read_lines
    from vsebench.data.relevance import read_relevance
    from vsebench.data.relevance_sets import COLLECTED, CollectedRelevance

    counts: dict[Literal["i", "t"], int] = {"i": embedded.images, "t": embedded.texts}
    if relevance in COLLECTED:
        collected = COLLECTED[relevance](embedded.data_roots)
    elif (path := Path(relevance)).suffix or path.exists():
        rows = {side: [str(row) for row in range(count)] for side, count in counts.items()}
        collected = CollectedRelevance(read_relevance(path), rows, relevant_from=0.0)
    else:
        raise SpecError(
            f"relevance '{relevance}' is neither a file nor one of {', '.join(COLLECTED)}"
        )
    ids = {
        side: read_lines(file) if file else collected.ids[side] for side, file in id_files.items()
    }
    for side, count in counts.items():
        if len(ids[side]) != count:
            what, option = ("images", "--image-ids") if side == "i" else ("captions", "--text-ids")
            source = id_files[side] or f"the split that {relevance} judges"
            raise DataError(
                f"{count:,} {what} are embedded, {source} has {len(ids[side]):,}: name the ids of "
                f"the rows with {option} FILE, one a line"
            )
    return replace(collected, ids=ids)


def _direction(
    embedded: Embedded,
    collected: CollectedRelevance,
    direction: Direction,
    relevant_from: float | None,
    unjudged: str,
) -> GradedMetrics:
    from vsebench.data.relevance import judged_rows
    from vsebench.retrieval.ranking.judgements import Judgements, with_siblings
    from vsebench.retrieval.ranking.relevance import evaluate_relevance
    from vsebench.retrieval.ranking.scored import Transposed

    rows = judged_rows(
        collected.relevance[direction],
        direction,
        collected.ids,
        allow_absent=collected.allow_absent,
    )
    judged = Judgements.from_pairs(rows.queries, rows.items, rows.grades)
    sides = {"i": embedded.image, "t": embedded.text}
    query, item = sides[direction[0]], None if direction[0] == direction[2] else sides[direction[2]]
    similarity = embedded.similarity
    if item is None:
        if similarity is not None:
            raise SpecError(
                f"{direction} needs inner products: the run's similarity scores images "
                "against captions only"
            )
        judged = with_siblings(judged, embedded.owner()) if direction == "t2t" else judged
    elif similarity is not None and direction == "t2i":
        similarity = Transposed(similarity)
    return evaluate_relevance(
        query,
        item,
        judged,
        relevant_from=relevant_from,
        unjudged=unjudged,  # type: ignore[arg-type]
        similarity=similarity,
    )
