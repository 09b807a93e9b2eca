"""How `vsebench show` prints published results: a small table for each table of a paper, with what
its rows share in the heading.
"""

from __future__ import annotations

import textwrap
from itertools import groupby
from typing import TYPE_CHECKING

from vsebench.plugin.published import Setting

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from vsebench.plugin.published import Published

WIDTH = 100
_INDENT = "    "

_COLUMNS: Mapping[str, Callable[[Setting], str]] = {
    "features": lambda setting: setting.features,
    "text": lambda setting: setting.text_encoder,
    "model": lambda setting: setting.model,
    "pooling": lambda setting: setting.pooling,
    "loss": lambda setting: setting.loss,
    "models": lambda setting: str(setting.models),
    "changes": lambda setting: ", ".join(
        f"{key}={value:g}" if isinstance(value, float) else f"{key}={value}"
        for key, value in setting.changes.items()
    ),
}


def published_lines(rows: Sequence[Published]) -> Iterator[str]:
    """The results, in lines of at most 100 columns."""
    for _, group in groupby(rows, key=_table):
        table = list(group)
        settings = [row.setting for row in table if isinstance(row.setting, Setting)]
        if settings:
            yield from _settings(table, settings)
        else:
            yield from map(_prose, table)


def _table(row: Published) -> tuple[str, str]:
    """What rows of one table share: its source and what it was tested on."""
    return row.source, row.setting.test if isinstance(row.setting, Setting) else ""


def _prose(row: Published) -> str:
    return _filled(
        f"  published, {row.setting}: "
        f"{', '.join(f'{key} {value:g}' for key, value in row.metrics.items())} ({row.source})"
    )


def _settings(rows: Sequence[Published], settings: Sequence[Setting]) -> Iterator[str]:
    cells = {name: [cell(setting) for setting in settings] for name, cell in _COLUMNS.items()}
    varying = {name: column for name, column in cells.items() if len(set(column)) > 1}
    yield _filled(f"  published, {', '.join(_shared(settings[0], varying))} ({rows[0].source}):")
    metrics = list(dict.fromkeys(key for row in rows for key in row.metrics))
    if len(rows) == 1:
        yield _filled(
            _INDENT
            + ", ".join(f"{_head(key)} {value:.1f}" for key, value in rows[0].metrics.items())
        )
    elif len(metrics) == len(varying) == 1:
        (key,), (names,) = metrics, varying.values()
        named = zip(names, rows, strict=True)
        values = ", ".join(f"{name} {row.metrics[key]:.1f}" for name, row in named)
        yield _filled(f"{_INDENT}{_head(key)}: {values}")
    else:
        yield from _grid(rows, varying, metrics)


def _shared(setting: Setting, varying: Mapping[str, object]) -> Iterator[str]:
    """The setting's words but for those that have columns."""
    yield setting.test
    for name, cell in _COLUMNS.items():
        word = cell(setting)
        if name not in varying and word and word != ("1" if name == "models" else ""):
            yield f"{word} models" if name == "models" else word


def _grid(
    rows: Sequence[Published], words: Mapping[str, Sequence[str]], metrics: Sequence[str]
) -> Iterator[str]:
    from tabulate import tabulate

    figures = [
        [f"{row.metrics[key]:.1f}" if key in row.metrics else "–" for key in metrics]
        for row in rows
    ]
    body = [[*row, *figure] for *row, figure in zip(*words.values(), figures, strict=True)]
    # The first row: tabulate makes columns wider than the heads it is given
    heads = [
        *words,
        *map(_head, metrics),
    ]
    alignment = ["left"] * len(words) + ["right"] * len(metrics)
    table = tabulate([heads, *body], tablefmt="plain", colalign=alignment, disable_numparse=True)
    yield from (f"{_INDENT}{line}".rstrip() for line in table.splitlines())


def _head(metric: str) -> str:
    """`i2t@5` for R@5 of that direction."""
    side, _, k = metric.partition("_r")
    return f"{side}@{k}" if k else metric.upper()


def _filled(text: str) -> str:
    return textwrap.fill(
        text, WIDTH, subsequent_indent=_INDENT, break_long_words=False, break_on_hyphens=False
    )
