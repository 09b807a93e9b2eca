"""A component's card, for a person and for programs."""

from __future__ import annotations

import textwrap
from dataclasses import asdict
from itertools import groupby
from typing import TYPE_CHECKING, Any

from vsebench.plugin.cards import DatasetCard, LossCard, PoolingCard
from vsebench.plugin.kinds import KINDS
from vsebench.plugin.metrics import named
from vsebench.plugin.params import format_value
from vsebench.plugin.published import Setting
from vsebench.plugin.routes import choices

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from vsebench.plugin.cards import Card
    from vsebench.plugin.params import Param
    from vsebench.plugin.published import Published
    from vsebench.plugin.registry import Component

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


def card_lines(component: Component, spelling: str) -> Iterator[str]:
    """The card in lines.

    Args:
        component: the component.
        spelling: its name, as it is written where other distributions have one of that name.
    """
    card, origin = component.card, component.origin
    yield f"{component.name} ({component.kind}): {card.summary}"
    yield (
        f"  from plugin '{origin.plugin}' of {origin.distribution} {origin.version}, "
        f"{component.target}, behaviour version {component.version}"
    )
    yield f"  used with {KINDS[component.kind].option.replace('NAME', spelling)}"
    yield "  parameters:" if component.params else "  takes no parameters"
    yield from (f"    {_param(param)}" for param in component.params)
    if card.paper is not None:
        paper = card.paper
        parts = (paper.title, paper.venue, str(paper.year), paper.where)
        yield f"  paper: {', '.join(part for part in parts if part)}"
        if paper.url:
            yield f"    {paper.url}"
    yield from published_lines(card.published)
    yield from _particulars(card, component)
    yield from (f"  note: {note}" for note in card.notes)


def as_dict(component: Component) -> dict[str, Any]:
    """The card for programs."""
    card = asdict(component.card)
    if isinstance(component.card, LossCard):
        offline = component.card.offline_for(component.resolve({}))
        card["offline"] = offline and {
            name: _called(value) for name, value in asdict(offline).items()
        }
    return {
        "kind": component.kind,
        "name": component.name,
        "target": component.target,
        "origin": asdict(component.origin),
        "params": [{**asdict(param), "type": param.kind.__name__} for param in component.params],
        "card": {key: value for key, value in card.items() if not callable(value)},
        "routes": [choice._asdict() for choice in choices(_kernels(component.card))],
    }


def _called(value: Any) -> Any:
    """A function, or what a `functools.partial` is of, by its name."""
    if not callable(value):
        return value
    function = getattr(value, "func", value)
    return f"{function.__module__}:{getattr(function, '__qualname__', type(function).__name__)}"


def _kernels(card: Card) -> tuple[str, ...]:
    return card.kernels if isinstance(card, PoolingCard) else ()


def _routes(kernels: Sequence[str]) -> Iterator[str]:
    """The form that kernels would take on each device, and why."""
    for (device, form, because), group in groupby(
        choices(kernels), key=lambda choice: (choice.device, choice.form, choice.because)
    ):
        names = ", ".join(choice.kernel for choice in group)
        where = "the CPU" if device == "CPU" else device
        yield _filled(f"  on {where} {names} by {form} ({because})")


def _param(param: Param) -> str:
    bounds = [f"at least {param.minimum:g}"] if param.minimum is not None else []
    bounds += [f"at most {param.maximum:g}"] if param.maximum is not None else []
    bounds += (
        [f"one of {', '.join(format_value(choice) for choice in param.choices)}"]
        if param.choices
        else []
    )
    facts = ", ".join([param.kind.__name__, *bounds])
    return (
        f"{param.name}={format_value(param.default)} "
        f"({facts}){': ' if param.help else ''}{param.help}"
    )


def _particulars(card: Card, component: Component) -> Iterator[str]:
    """What only some kinds have to say."""
    yield from _routes(_kernels(card))
    if isinstance(card, LossCard):
        yield f"  task: {card.task}"
        offline = card.offline_for(component.resolve({}))
        if offline is not None:
            kept = f"{offline.text_h} captions per image and {offline.image_h} images per caption"
            yield (
                f"  needs offline negatives ({kept}, mine: {_called(offline.mine)}), from a first "
                f"round of '{offline.first_round}'; start: {offline.start}"
            )
            yield f"  drawn by {_called(offline.draw)}: {', '.join(offline.roles)}"
        if card.sampled:
            yield (
                "  needs global negatives, which a sampler draws over the whole training set: "
                "name one with --sampler"
            )
    if isinstance(card, DatasetCard):
        yield f"  task: {card.task}; features: {card.feature_kind}; protocol: {card.protocol}"
        yield from (
            f"  {label}: {text}"
            for label, text in (("licence", card.licence), ("citation", card.citation))
            if text
        )
        yield f"  'vsebench data info {component.name}' says how to prepare it"


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
        pairs = zip(names, rows, strict=True)
        values = ", ".join(f"{name} {row.metrics[key]:.1f}" for name, row in pairs)
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
    heads = [*words, *map(_head, metrics)]
    alignment = ["left"] * len(words) + ["right"] * len(metrics)
    table = tabulate([heads, *body], tablefmt="plain", colalign=alignment, disable_numparse=True)
    yield from (f"{_INDENT}{line}".rstrip() for line in table.splitlines())


def _head(metric: str) -> str:
    found = named(metric)
    return found.short or found.heading


def _filled(text: str) -> str:
    return textwrap.fill(
        text, WIDTH, subsequent_indent=_INDENT, break_long_words=False, break_on_hyphens=False
    )
