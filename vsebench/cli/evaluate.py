"""`vsebench evaluate`: metrics of embeddings that someone brings, or of a finished run's model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from vsebench.cli.shared.options import (  # typer reads annotations at run time
    ONE_DEVICE,
    RUNS,
    Evaluation,
    Json,
    Normalise,
    Orientation,
    PluginFiles,
    SearchedRuns,
    Similarity,
    TableOrJson,
)
from vsebench.plugin.errors import SpecError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vsebench.cli.shared.embedded import Embedded
    from vsebench.retrieval import RetrievalMetrics


_RECALL = (
    "i2t: images retrieve captions; t2i: captions retrieve images. R@K: % of queries with any "
    "match among the first K; ties count against."
)


def evaluate_command(
    images: Annotated[
        str | None,
        typer.Argument(
            metavar="[IMAGES.npy|MODEL]",
            help="Image embeddings, one row per image; or an exported model, or a finished run.",
            show_default=False,
        ),
    ] = None,
    texts: Annotated[
        Path | None,
        typer.Argument(
            metavar="[TEXTS.npy]",
            help="Caption embeddings, one row per caption.",
            show_default=False,
        ),
    ] = None,
    text_to_image: Annotated[
        Path | None,
        typer.Option(
            metavar="MAP.npy",
            help="The image of each caption, integers. [default: five consecutive captions per "
            "image]",
        ),
    ] = None,
    similarity: Similarity = None,
    orientation: Orientation = None,
    normalise: Normalise = False,
    captions: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="The captions, one per line, for --equal-captions."),
    ] = None,
    equal_captions: Annotated[
        Literal["negative", "positive"],
        typer.Option(
            help="Whether captions with the same words match each other's images (positive) or "
            "only their own."
        ),
    ] = "negative",
    evaluation: Evaluation = "full",
    relevance: Annotated[
        str | None,
        typer.Option(
            metavar="FILE|NAME",
            help="Graded relevance to evaluate against: a file, flickr8k-expert, flickr8k-crowd, "
            "eccv or cxc.",
        ),
    ] = None,
    relevant_from: Annotated[
        float | None,
        typer.Option(
            metavar="GRADE",
            help="Lowest relevant grade. [default: that of the relevance]",
        ),
    ] = None,
    unjudged: Annotated[
        str | None,
        typer.Option(
            metavar="irrelevant|ignored",
            help="How to treat unjudged items; ignored leaves them out of the lists. [default: "
            "that of the relevance]",
        ),
    ] = None,
    image_ids: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Ids of the image rows in the relevance file, one per line."
        ),
    ] = None,
    text_ids: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Ids of the caption rows in the relevance file, one per line."
        ),
    ] = None,
    attributes: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.npy",
            help="Attributes for PMRP: 0 or 1, one row per image, one column per attribute.",
        ),
    ] = None,
    dataset: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Data set whose test split to use: for a model, instead of its own; for files, "
            "to map captions to images.",
        ),
    ] = None,
    results: SearchedRuns = RUNS,
    data_root: Annotated[
        list[str] | None,
        typer.Option(metavar="DIR", help="Folder to search for data sets first; repeatable."),
    ] = None,
    plugin: PluginFiles = None,
    device: Annotated[str, typer.Option(help=f"{ONE_DEVICE} For a model.")] = "auto",
    form: TableOrJson = "table",
    as_json: Json = False,
) -> None:
    """Evaluate embeddings, scores or a trained model by exact ranks, and print the metrics."""
    from vsebench.cli.shared.brought import open_brought
    from vsebench.cli.shared.embedded import ModelRequest, from_model
    from vsebench.cli.shared.sources import Source

    as_json = as_json or form == "json"
    graded = {
        "--relevant-from": relevant_from,
        "--unjudged": unjudged,
        "--image-ids": image_ids,
        "--text-ids": text_ids,
    }
    _check(
        relevance=relevance,
        attributes=attributes,
        evaluation=evaluation,
        graded=graded,
        equal_captions=equal_captions,
    )
    roots = tuple(Path(root) for root in data_root or ())
    source = Source(
        images, texts, similarity, orientation, normalise, text_to_image, captions, dataset
    )
    source.check(device)
    files = tuple(plugin or ())
    recalls = relevance is None and attributes is None
    embedded = (
        from_model(
            ModelRequest(
                images or "",
                results,
                roots,
                device,
                files,
                dataset,
                as_counted=recalls and evaluation == "full",
            )
        )
        if source.is_model
        else open_brought(source.brought(files, roots))
    )
    if relevance is not None:
        from vsebench.cli.shared.relevance import RelevanceOptions, evaluate_graded, graded_table

        found = evaluate_graded(
            embedded,
            RelevanceOptions(relevance, relevant_from, unjudged, {"i": image_ids, "t": text_ids}),
        )
        typer.echo(_json(found) if as_json else graded_table(found))
    elif attributes is not None:
        from vsebench.cli.shared.relevance import attributes_table, evaluate_attributes

        found = evaluate_attributes(embedded, attributes)
        typer.echo(_json(found) if as_json else attributes_table(found))
    else:
        typer.echo(
            _recalls(embedded, evaluation, equal=equal_captions == "positive", as_json=as_json)
        )


def _check(
    *,
    relevance: str | None,
    attributes: Path | None,
    evaluation: str,
    graded: Mapping[str, object],
    equal_captions: str,
) -> None:
    """Refuses options that would have no effect."""
    if relevance is None:
        for name, value in graded.items():
            if value is not None:
                raise SpecError(f"{name} is about a relevance: name one with --relevance")
    if relevance is not None and attributes is not None:
        raise SpecError("--relevance and --attributes are two evaluations: ask for one at a time")
    if (relevance or attributes) and evaluation != "full":
        raise SpecError(
            f"--evaluation {evaluation} is about an image's own captions: relevance and attributes "
            "are evaluated among all"
        )
    if (relevance or attributes) and equal_captions == "positive":
        raise SpecError(
            "--equal-captions is about an image's own captions: relevance and attributes say "
            "themselves what matches"
        )


def _recalls(embedded: Embedded, evaluation: str, *, equal: bool, as_json: bool) -> str:
    metrics = embedded.evaluate(evaluation, equal_captions=equal)
    if as_json:
        counts = {**embedded.counts, "evaluation": evaluation}
        asked = {"equal_captions": "positive"} if equal else {}
        return _json({**metrics.as_dict(), **counts, **asked, **embedded.about})
    from vsebench.report.listing import with_notes

    counted = "{images:,} images, {captions:,} captions".format(**embedded.counts)
    if embedded.second is not None:
        counted += f" of {embedded.about['counted_on']}, each split ranked by itself, as recorded"
    notes = [
        f"{counted}, evaluation {evaluation}. {_RECALL}",
        f"Scores: {embedded.scored}.",
    ]
    if equal:
        notes.append("Captions that are equal word for word match the images of all their equals.")
    return with_notes(f"{_table(metrics)}\n\nRSUM {metrics.rsum:.2f}", notes)


def _json(found: dict[str, Any]) -> str:
    from vsebench.results.run_base import METRIC_VERSION

    return json.dumps({**found, "metric_version": METRIC_VERSION})


def _table(metrics: RetrievalMetrics) -> str:
    from tabulate import tabulate

    from vsebench.plugin.metrics import METRICS, SIDES

    values = metrics.as_dict()
    # Of one model, a decimal more than of a mean over seeds
    by_side = {
        side: found
        for side in SIDES
        if (found := [metric for metric in METRICS["retrieval"] if metric.over == side])
    }
    rows = [
        [side, *(values[metric.key] for metric in metrics)] for side, metrics in by_side.items()
    ]
    columns = by_side["i2t"]
    return tabulate(
        rows,
        headers=["", *(metric.heading for metric in columns)],
        floatfmt=("", *(f".{(metric.places or 0) + 1}f" for metric in columns)),
    )
