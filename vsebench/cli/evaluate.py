"""`vsebench evaluate`: metrics of embeddings that someone brings, or of a finished run's model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vsebench.cli.options import (  # noqa: TC001  # typer reads annotations at run time
    Json,
    PluginFiles,
    TableOrJson,
)
from vsebench.plugin.errors import SpecError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vsebench.cli.embedded import Embedded
    from vsebench.retrieval import RetrievalMetrics


def evaluate_command(
    images: Annotated[
        str,
        typer.Argument(
            metavar="IMAGES.npy|MODEL",
            help="Image embeddings, one row per image; or an exported model, or a finished run.",
            show_default=False,
        ),
    ],
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
            help="The image of each caption, integers; by default five consecutive captions per "
            "image.",
        ),
    ] = None,
    protocol: Annotated[
        str,
        typer.Option(
            metavar="full|1k-5fold",
            help="Rank among all, or within folds of 1,000 images and average.",
        ),
    ] = "full",
    relevance: Annotated[
        str | None,
        typer.Option(
            metavar="FILE|NAME",
            help="Evaluate against graded relevance: a file, or flickr8k-expert, flickr8k-crowd, "
            "eccv, cxc.",
        ),
    ] = None,
    relevant_from: Annotated[
        float | None,
        typer.Option(
            metavar="GRADE",
            help="The lowest grade that counts as relevant. [default: the relevance's]",
        ),
    ] = None,
    unjudged: Annotated[
        str | None,
        typer.Option(
            metavar="irrelevant|ignored",
            help="What items without a judgement are; ignored leaves them out of the lists. "
            "[default: the relevance's]",
        ),
    ] = None,
    image_ids: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="The id of each image row in the relevance file, one a line."
        ),
    ] = None,
    text_ids: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="The id of each caption row in the relevance file, one a line."
        ),
    ] = None,
    attributes: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.npy",
            help="Evaluate PMRP: 0 or 1, one row per image, one column per attribute.",
        ),
    ] = None,
    dataset: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Evaluate a model on the test split of another data set than its own.",
        ),
    ] = None,
    results: Annotated[
        Path, typer.Option(metavar="DIR", help="The folder that a run is looked for in.")
    ] = Path("runs"),
    data_root: Annotated[
        list[str] | None,
        typer.Option(
            metavar="DIR", help="Where files of a data set are looked for first; repeatable."
        ),
    ] = None,
    plugin: PluginFiles = None,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda; for a model.")] = "auto",
    form: TableOrJson = "table",
    as_json: Json = False,
) -> None:
    """Rank images and captions by their similarity and write the metrics to standard output."""
    from vsebench.cli.embedded import ModelRequest, from_files, from_model

    as_json = as_json or form == "json"
    graded = {
        "--relevant-from": relevant_from,
        "--unjudged": unjudged,
        "--image-ids": image_ids,
        "--text-ids": text_ids,
    }
    _check(relevance=relevance, attributes=attributes, protocol=protocol, graded=graded)
    if texts is None and text_to_image is not None:
        raise SpecError(
            "--text-to-image is about embeddings in files: a model's data set says whose each "
            "caption is"
        )
    if texts is not None and dataset is not None:
        raise SpecError("--dataset is about a model: embeddings in files are of what they are of")
    if texts is not None and device not in ("auto", "cpu"):
        raise SpecError(
            f"--device {device} is about a model: embeddings in files are ranked on the CPU"
        )
    roots = [Path(root) for root in data_root or ()]
    embedded = (
        from_model(
            ModelRequest(images, results, tuple(roots), device, tuple(plugin or ()), dataset)
        )
        if texts is None
        else from_files(Path(images), texts, text_to_image, roots)
    )
    if relevance is not None:
        from vsebench.cli.relevance import RelevanceOptions, evaluate_graded, graded_table

        found = evaluate_graded(
            embedded,
            RelevanceOptions(relevance, relevant_from, unjudged, {"i": image_ids, "t": text_ids}),
        )
        typer.echo(_json(found) if as_json else graded_table(found))
    elif attributes is not None:
        from vsebench.cli.relevance import attributes_table, evaluate_attributes

        found = evaluate_attributes(embedded, attributes)
        typer.echo(_json(found) if as_json else attributes_table(found))
    else:
        typer.echo(_recalls(embedded, protocol, as_json=as_json))


def _check(
    *, relevance: str | None, attributes: Path | None, protocol: str, graded: Mapping[str, object]
) -> None:
    """Refuses options that would have no effect."""
    if relevance is None:
        for name, value in graded.items():
            if value is not None:
                raise SpecError(f"{name} is about a relevance: name one with --relevance")
    if relevance is not None and attributes is not None:
        raise SpecError("--relevance and --attributes are two evaluations: ask for one at a time")
    if (relevance or attributes) and protocol != "full":
        raise SpecError(
            f"--protocol {protocol} is about an image's own captions: relevance and attributes "
            "are evaluated among all"
        )


def _recalls(embedded: Embedded, protocol: str, *, as_json: bool) -> str:
    metrics = embedded.evaluate(protocol)
    counts: dict[str, Any] = {
        "images": embedded.images,
        "captions": embedded.texts,
        "protocol": protocol,
    }
    return (
        _json({**metrics.as_dict(), **counts, **embedded.about})
        if as_json
        else _table(metrics, **counts)
    )


def _json(found: dict[str, Any]) -> str:
    from vsebench.results.run_base import METRIC_VERSION

    return json.dumps({**found, "metric_version": METRIC_VERSION})


def _table(metrics: RetrievalMetrics, *, images: int, captions: int, protocol: str) -> str:
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
        [SIDES[side], *(values[metric.key] for metric in metrics)]
        for side, metrics in by_side.items()
    ]
    columns = by_side["i2t"]
    table = tabulate(
        rows,
        headers=["", *(metric.heading for metric in columns)],
        floatfmt=("", *(f".{(metric.places or 0) + 1}f" for metric in columns)),
    )
    notes = (
        f"{images:,} images, {captions:,} captions, protocol {protocol}. R@K: % of queries with "
        "any match among the first K; ties count against."
    )
    return f"{table}\n\nRSUM {metrics.rsum:.2f}\n{notes}"
