"""`vsebench evaluate`: metrics of embeddings that someone brings, or of a finished run's model."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from vsebench.cli.shared.options import (
    ONE_DEVICE,
    RUNS,
    DataRoots,
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
    from collections.abc import Callable, Mapping

    from vsebench.cli.shared.brought import Brought
    from vsebench.cli.shared.embedded import Embedded
    from vsebench.cli.shared.relevance import Sides


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
        ),
    ] = None,
    texts: Annotated[
        Path | None,
        typer.Argument(metavar="[TEXTS.npy]", help="Caption embeddings, one row per caption."),
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
            metavar="GRADE", help="Lowest relevant grade. [default: that of the relevance]"
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
    data_root: DataRoots = None,
    plugin: PluginFiles = None,
    device: Annotated[str, typer.Option(help=f"{ONE_DEVICE} For a model.")] = "auto",
    form: TableOrJson = "table",
    as_json: Json = False,
) -> None:
    """Evaluate embeddings, scores or a trained model by exact ranks, and print the metrics."""
    from vsebench.cli.shared.brought import Brought, open_brought
    from vsebench.cli.shared.embedded import from_model, test_split
    from vsebench.cli.shared.relevance import (
        attributes_table,
        evaluate_attributes,
        evaluate_graded,
        graded_table,
    )
    from vsebench.results.run_base import METRIC_VERSION

    graded = {
        "--relevant-from": relevant_from,
        "--unjudged": unjudged,
        "--image-ids": image_ids,
        "--text-ids": text_ids,
    }
    equal = equal_captions == "positive"
    _check_matches(relevance, attributes, evaluation, graded, equal=equal)
    roots, files = data_root or (), tuple(plugin or ())
    brought = Brought(
        images=None if images is None else Path(images),
        texts=texts,
        scores=similarity,
        orientation=orientation,
        normalise=normalise,
        text_to_image=text_to_image,
        captions=captions,
        data_roots=roots,
    )
    _check_source(brought, dataset, device)
    if brought.is_model:
        embedded = from_model(
            images or "",
            dataset,
            results=results,
            data_roots=roots,
            device=device,
            plugins=files,
            as_counted=relevance is None and attributes is None and evaluation == "full",
        )
    else:
        split = None if dataset is None else test_split(dataset, files, roots).split
        embedded = open_brought(replace(brought, split=split))
    text: Callable[[Mapping[str, Any]], str]
    if relevance is not None:
        ids: Sides = {"i": image_ids, "t": text_ids}
        found = evaluate_graded(embedded, relevance, relevant_from, unjudged, ids)
        text = graded_table
    elif attributes is not None:
        found, text = evaluate_attributes(embedded, attributes), attributes_table
    else:
        found = _recalls(embedded, evaluation, equal=equal)
        text = partial(_recalls_table, scored=embedded.scored)
    as_json = as_json or form == "json"
    typer.echo(json.dumps({**found, "metric_version": METRIC_VERSION}) if as_json else text(found))


def _check_matches(
    relevance: str | None,
    attributes: Path | None,
    evaluation: str,
    graded: Mapping[str, object],
    *,
    equal: bool,
) -> None:
    """Refuses options on what matches that would have no effect."""
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
    if (relevance or attributes) and equal:
        raise SpecError(
            "--equal-captions is about an image's own captions: relevance and attributes say "
            "themselves what matches"
        )


def _check_source(brought: Brought, dataset: str | None, device: str) -> None:
    """Refuses options on what is evaluated that would have no effect."""
    if brought.scores is not None and brought.images is not None:
        raise SpecError(
            f"--similarity takes the place of embeddings: leave {brought.images} out, or the option"
        )
    if brought.scores is None and brought.images is None:
        raise SpecError(
            "name what to evaluate: IMAGES.npy TEXTS.npy, a model, or scores with --similarity"
        )
    if brought.is_model:
        if brought.normalise:
            raise SpecError("--normalise is about embeddings in files")
        if brought.text_to_image is not None:
            raise SpecError(
                "--text-to-image is about embeddings in files: a model's data set says whose each "
                "caption is"
            )
        if brought.captions is not None:
            raise SpecError("--captions is about files: a model's data set has its captions")
    elif device not in ("auto", "cpu"):
        raise SpecError(
            f"--device {device} is about a model: embeddings in files are ranked on the CPU"
        )
    if dataset is not None and (brought.text_to_image or brought.captions):
        raise SpecError(
            "--dataset says whose each caption is, and what it is: leave --text-to-image and "
            "--captions out"
        )


def _recalls(embedded: Embedded, evaluation: str, *, equal: bool) -> dict[str, Any]:
    """What `--format json` prints."""
    return {
        **embedded.evaluate(evaluation, equal_captions=equal).as_dict(),
        **embedded.counts,
        "evaluation": evaluation,
        **({"equal_captions": "positive"} if equal else {}),
        **embedded.about,
    }


def _recalls_table(found: Mapping[str, Any], scored: str) -> str:
    """A row for each direction, of a decimal more than a mean over seeds has."""
    from tabulate import tabulate

    from vsebench.plugin.metrics import METRICS, SIDES
    from vsebench.report.listing import with_notes

    by_side = {
        side: shown
        for side in SIDES
        if (shown := [metric for metric in METRICS["retrieval"] if metric.over == side])
    }
    columns = by_side["i2t"]
    table = tabulate(
        [[side, *(found[metric.key] for metric in shown)] for side, shown in by_side.items()],
        headers=["", *(metric.heading for metric in columns)],
        floatfmt=("", *(f".{(metric.places or 0) + 1}f" for metric in columns)),
    )
    counted = f"{found['images']:,} images, {found['captions']:,} captions"
    if "counted_on" in found:
        counted += f" of {found['counted_on']}, each split ranked by itself, as recorded"
    notes = [f"{counted}, evaluation {found['evaluation']}. {_RECALL}", f"Scores: {scored}."]
    if "equal_captions" in found:
        notes.append("Captions that are equal word for word match the images of all their equals.")
    return with_notes(f"{table}\n\nRSUM {found['rsum']:.2f}", notes)
