"""`vsebench search`: the best matches of captions in an index that `vsebench embed` wrote."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vsebench.cli.shared.messages import print_json
from vsebench.cli.shared.models import ModelName, open_model, say_unknown
from vsebench.cli.shared.options import RUNS, OneDevice, PluginFiles, SearchedRuns, TableOrJson
from vsebench.plugin.errors import DataError, SpecError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vsebench.data.embedding_file import EmbeddingFile
    from vsebench.retrieval.search import Matches


def search_command(
    model: ModelName,
    queries: Annotated[list[str], typer.Argument(metavar="CAPTION...", help="Text to search for.")],
    index: Annotated[
        Path,
        typer.Option(
            metavar="FILE.npy", help="Embeddings that 'vsebench embed' wrote with this model."
        ),
    ],
    names: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Names of the rows of the index, one per line. [default: those in its note]",
        ),
    ] = None,
    top: Annotated[int, typer.Option("--top", min=1, help="Matches per caption.")] = 10,
    results: SearchedRuns = RUNS,
    plugin: PluginFiles = None,
    device: OneDevice = "auto",
    form: TableOrJson = "table",
) -> None:
    """Find the rows of an index that match captions best, by the model's similarity. The search is
    exhaustive, with FAISS if it is installed, otherwise with NumPy.
    """
    from vsebench.data.embedding_file import read_embeddings
    from vsebench.data.words import has_word
    from vsebench.retrieval.search import search

    for query in queries:
        if not has_word(query):
            raise SpecError(f"'{query}' is an empty caption: write words to search for")
    opened = open_model(model, results, device=device, plugins=plugin)
    found = read_embeddings(index, names)
    if found.run_id and found.run_id != opened.record.run_id:
        raise DataError(
            f"{index} was made with the model of run {found.run_id}, {model} is of run "
            f"{opened.record.run_id}: embed again with this model"
        )
    say_unknown(opened.unknown(queries))
    matches = search(opened.encode_texts(queries), found.rows, top, similarity=opened.similarity)
    if form == "json":
        print_json(_as_dict(queries, found, matches))
    else:
        typer.echo(_table(queries, found, matches))


def _table(queries: Sequence[str], index: EmbeddingFile, matches: Matches) -> str:
    from vsebench.report.listing import tabled

    parts = []
    for query, rows, scores in zip(queries, matches.rows, matches.scores, strict=True):
        cells = [
            (rank, f"{score:.4f}", row, *([index.names[row]] if index.names else []))
            for rank, (row, score) in enumerate(zip(rows, scores, strict=True), start=1)
        ]
        heads = ("", "score", "row", *(["name"] if index.names else []))
        parts.append(f"{query}\n{tabled(heads, cells, 'l' * len(heads))}")
    return "\n\n".join(parts)


def _as_dict(queries: Sequence[str], index: EmbeddingFile, matches: Matches) -> dict[str, Any]:
    return {
        "schema": 1,
        "queries": [
            {
                "text": query,
                "matches": [
                    {
                        "row": int(row),
                        "score": float(score),
                        "name": index.names[row] if index.names else None,
                    }
                    for row, score in zip(rows, scores, strict=True)
                ],
            }
            for query, rows, scores in zip(queries, matches.rows, matches.scores, strict=True)
        ],
    }
