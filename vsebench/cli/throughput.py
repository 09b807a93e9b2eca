"""`vsebench throughput`: what components cost by themselves."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vsebench.cli.shared.messages import print_json
from vsebench.cli.shared.options import PluginFiles, TableOrJson
from vsebench.plugin.errors import SpecError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from vsebench.annotation.throughput import Throughput

_MOST = 100_000_000
"""Of labels, pairs and images; what is larger is a typo, and fits in few memories."""

throughput_app = typer.Typer(
    help="Measure the cost of components by themselves.", rich_markup_mode=None
)


@throughput_app.callback()
def _group() -> None:
    """Measure the cost of components by themselves."""


@throughput_app.command("samplers")
def samplers_command(
    sampler: Annotated[
        str | None,
        typer.Option(
            metavar="LIST", help="Component specs, comma-separated. [default: all samplers]"
        ),
    ] = None,
    labels: Annotated[
        str, typer.Option(metavar="LIST", help="Numbers of labels.")
    ] = "300,5000,100000",
    batch: Annotated[
        str, typer.Option(metavar="LIST", help="Pairs per call, one negative each.")
    ] = "256,4096,65536",
    device: Annotated[
        str, typer.Option(metavar="auto|cpu|cuda", help="Device to measure.")
    ] = "auto",
    images: Annotated[
        int, typer.Option(help="Number of images, with five labels each.", min=1, max=_MOST)
    ] = 20_000,
    dim: Annotated[int, typer.Option(help="Number of factors.", min=1, max=65_536)] = 100,
    threads: Annotated[int, typer.Option(help="CPU threads.", min=1, max=1024)] = 1,
    plugin: PluginFiles = None,
    form: TableOrJson = "table",
) -> None:
    """Time draws and refreshes of negative samplers, count useful draws, and compare draws with the
    exact distribution.
    """
    from vsebench.kernels.devices import resolve_device

    where = resolve_device(device)
    counts, batches = _numbers("labels", labels), _numbers("batch", batch)
    samplers = _samplers(sampler, tuple(plugin or ()))
    rows = list(_measured(samplers, counts, batches, where, images, dim, threads))
    if form == "json":
        flat = [{"sampler": name, **row.as_dict()} for name, row in rows]
        sizes = {"images": images, "dim": dim, "threads": threads}
        print_json({"schema": 1, **sizes, "rows": flat})
    else:
        typer.echo(_table(rows, batches, images, dim))


def _numbers(option: str, text: str) -> list[int]:
    parts = [part.strip() for part in text.split(",")]
    for part in parts:
        if not part.isdecimal() or int(part) < 1:
            raise SpecError(
                f"--{option} takes positive integers, comma-separated, such as 300,5000; got "
                f"'{part}'"
            )
        if int(part) > _MOST:
            raise SpecError(f"--{option} takes numbers up to {_MOST:,}, got {part}")
        if parts.count(part) > 1:
            raise SpecError(f"--{option} names {part} twice: keep one")
    return [int(part) for part in parts]


def _samplers(asked: str | None, plugin_files: tuple[str, ...]) -> dict[str, Callable[[], Any]]:
    """What makes each sampler, by its spec.

    Raises:
        VsebenchError: one of them is not known, or cannot be made.
    """
    from vsebench.plugin.host.loader import load_plugins
    from vsebench.plugin.specs import parse_spec, split_list

    registry = load_plugins(plugin_files).registry
    found: dict[str, Callable[[], Any]] = {}
    for spec in (
        [registry.spelling(each) for each in registry if each.kind == "sampler"]
        if asked is None
        else split_list(asked)
    ):
        name, given = parse_spec(spec)
        found[spec] = partial(registry.get("sampler", name).create, given)
        found[spec]()  # a misspelt one is refused before anything is measured
    return found


def _measured(
    samplers: Mapping[str, Callable[[], Any]],
    counts: Sequence[int],
    batches: Sequence[int],
    device: str,
    images: int,
    dim: int,
    threads: int,
) -> Iterator[tuple[str, Throughput]]:
    """Each sampler's figures, by number of labels."""
    import torch

    from vsebench.annotation.throughput import measure, planted_state

    torch.set_num_threads(threads)
    for count in counts:
        try:
            state = planted_state(images, count, dim, torch.device(device))
        except MemoryError as error:
            raise SpecError(
                f"{images:,} images and {count:,} labels of {dim:,} factors do not fit in memory: "
                "ask for fewer"
            ) from error
        for name, make in samplers.items():
            typer.echo(f"{name}, {count:,} labels", err=True)
            yield name, measure(make(), state, batches)


def _table(
    rows: Sequence[tuple[str, Throughput]], batches: Sequence[int], images: int, dim: int
) -> str:
    from vsebench.report.listing import tabled

    headers = [
        "labels",
        "sampler",
        *(f"M draws/s @{size:,}" for size in batches),
        "refresh ms",
        "every",
        "ns/draw",
        "trials",
        "useful",
        "law",
        "by chance",
    ]
    lines = [
        [
            f"{row.labels:,}",
            name,
            *(_figure(row.draws_per_second.get(size), 1e-6, ".2f") for size in batches),
            _figure(row.refresh_seconds, 1e3, ".3g"),
            "once" if row.refresh_every is None else f"{row.refresh_every:,}",
            _figure(row.seconds_per_draw, 1e9, ",.0f"),
            _figure(row.trials_per_draw, 1, ",.2f"),
            _figure(row.useful, 100, ".1f") + ("" if row.useful is None else " %"),
            _figure(row.law_distance, 1, ".4f"),
            _figure(row.law_distance_by_chance, 1, ".4f"),
        ]
        for name, row in rows
    ]
    table = tabled(headers, lines, "rl" + "r" * (len(headers) - 2))
    device = rows[0][1].device if rows else ""
    model = (
        f"{device}, {images:,} images with five labels each, {dim} factors, a model that ranks "
        "them high."
    )
    notes = (
        "Seconds are CPU time on the CPU. ns/draw: largest batch, refreshes included. useful: "
        "negatives within the margin."
    )
    return (
        f"{table}\n\n{model}\n{notes}\nlaw: total variation between draws and exact law; by "
        "chance: its mean for draws from that law."
    )


def _figure(value: float | None, scale: float, form: str) -> str:
    return "–" if value is None else format(value * scale, form)
