"""`vsebench ensemble`: the mean of several runs' similarities, beside the runs themselves."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vsebench.cli.shared.messages import print_json, warn
from vsebench.cli.shared.options import (
    RUNS,
    DataRoots,
    Evaluation,
    OneDevice,
    SearchedRuns,
    TableOrJson,
)
from vsebench.plugin.errors import DataError, SpecError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vsebench.retrieval import RetrievalMetrics
    from vsebench.retrieval.stored import StoredRun
    from vsebench.retrieval.trained import EmbeddedSplit

_LEAST = 2


def ensemble_command(
    runs: Annotated[
        list[str],
        typer.Argument(
            metavar="RUN...", help="Run directories, ids or prefixes of ids, or patterns: '*gpo*'."
        ),
    ],
    results: SearchedRuns = RUNS,
    evaluation: Evaluation = "full",
    data_root: DataRoots = None,
    allow_mixed: Annotated[
        bool,
        typer.Option(
            "--allow-mixed",
            help="Accept runs on different features of the same test images and captions.",
        ),
    ] = False,
    device: OneDevice = "auto",
    form: TableOrJson = "table",
) -> None:
    """Evaluate the mean similarity of several finished runs on the test split, beside each run."""
    from vsebench.results.folder.find import find_runs
    from vsebench.retrieval.stored import open_stored

    members = [open_stored(directory) for directory in find_runs(runs, results)]
    if len(members) < _LEAST:
        raise SpecError(
            f"an ensemble has at least {_LEAST} runs, '{' '.join(runs)}' names {len(members)}"
        )
    _check_data(members, allow_mixed=allow_mixed)
    rows, ensemble = _evaluate(members, data_root or (), evaluation, device)
    if form == "json":
        _print_json(members, rows, ensemble, evaluation)
    else:
        typer.echo(_table(members, rows, ensemble, evaluation))


def _check_data(members: Sequence[StoredRun], *, allow_mixed: bool) -> None:
    """Refuses runs on other data than the first one's."""
    first, *others = members
    for other in others:
        if other.spec.data_fingerprint != first.spec.data_fingerprint and not allow_mixed:
            raise DataError(
                f"{first.directory.path.name} and {other.directory.path.name} were made on "
                f"different data (fingerprints {first.spec.data_fingerprint} and "
                f"{other.spec.data_fingerprint}): give runs on one data set, or --allow-mixed "
                "where they are other features of the same images and captions"
            )


def _evaluate(
    members: Sequence[StoredRun], data_roots: Sequence[Path], evaluation: str, device_name: str
) -> tuple[list[RetrievalMetrics], RetrievalMetrics]:
    """Each member's metrics and the ensemble's; one model at a time is in memory."""
    from vsebench.kernels.named_devices import one_device
    from vsebench.retrieval.ranking.ensemble import Member, evaluate_ensemble
    from vsebench.retrieval.stored import embed_test

    device = one_device(device_name)
    rows, embedded = [], []
    first: EmbeddedSplit | None = None
    for run in members:
        test = embed_test(run, data_roots, device)
        if test.mismatch is not None:
            warn(test.mismatch)
        found = test.split
        first = first or found
        if (
            list(found.captions) != list(first.captions)
            or (found.text_to_image != first.text_to_image).any()
        ):
            raise DataError(
                f"{run.directory.path.name} has another test split than "
                f"{members[0].directory.path.name}: an ensemble ranks one set of captions"
            )
        rows.append(found.evaluate(evaluation))
        embedded.append(Member(found.image, found.text, found.similarity))
    assert first is not None
    return rows, evaluate_ensemble(embedded, first.text_to_image, protocol=evaluation)  # type: ignore[arg-type]


def _print_json(
    members: Sequence[StoredRun],
    rows: Sequence[RetrievalMetrics],
    ensemble: RetrievalMetrics,
    evaluation: str,
) -> None:
    from vsebench.results.run_base import METRIC_VERSION

    def described(run: StoredRun, metrics: RetrievalMetrics) -> dict[str, Any]:
        spec = run.spec
        identity = {
            "run_id": spec.run_id,
            "dataset": spec.dataset.spec,
            "pooling": spec.pooling,
            "loss": spec.loss.spec,
            "seed": spec.seed,
        }
        return {**identity, "data_fingerprint": spec.data_fingerprint, **metrics.as_dict()}

    counts = {
        "images": len(ensemble.i2t_ranks),
        "captions": len(ensemble.t2i_ranks),
        "evaluation": evaluation,
        "metric_version": METRIC_VERSION,
    }
    rows_of = [described(run, metrics) for run, metrics in zip(members, rows, strict=True)]
    print_json({"schema": 1, **counts, "members": rows_of, "ensemble": ensemble.as_dict()})


def _table(
    members: Sequence[StoredRun],
    rows: Sequence[RetrievalMetrics],
    ensemble: RetrievalMetrics,
    evaluation: str,
) -> str:
    from vsebench.plugin.metrics import METRICS
    from vsebench.report.listing import listing, with_notes
    from vsebench.results.folder.listing import ID_DIGITS

    shown = [metric for metric in METRICS["retrieval"] if metric.shown]

    def cells(name: str, metrics: RetrievalMetrics) -> list[str]:
        values = metrics.as_dict()
        return [name, *(metric.text(values[metric.key]) for metric in shown)]

    names = [f"{run.spec.method} ({run.spec.run_id[:ID_DIGITS]})" for run in members]
    names.append(f"ensemble of {len(members)}")
    table = listing(
        ["run", *(f"{metric.over}\n{metric.heading}".strip() for metric in shown)],
        [cells(name, each) for name, each in zip(names, [*rows, ensemble], strict=True)],
        rights=range(1, len(shown) + 1),
    )
    notes = (
        (
            f"{len(ensemble.i2t_ranks):,} images, {len(ensemble.t2i_ranks):,} captions, evaluation "
            f"{evaluation}."
        ),
        (
            "The ensemble ranks by the mean of the runs' similarities. R@K: % of queries with any "
            "match among the first K; ties count against."
        ),
    )
    return with_notes(table, notes)
