"""`vsebench data get`: downloads what may be downloaded of a data set, and says how to get the
rest.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vsebench.cli.shared.messages import resumable
from vsebench.cli.shared.options import PluginFiles, Quiet, find_dataset


def get_command(
    name: Annotated[str, typer.Argument(help="A data set.")],
    target: Annotated[
        Path | None, typer.Option("--to", metavar="DIR", help="Output folder. [default: data/NAME]")
    ] = None,
    more: Annotated[
        list[str] | None,
        typer.Option(
            "--with",
            metavar="WHAT",
            help="Also get optional large files, such as images; repeatable.",
        ),
    ] = None,
    mirrors: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help='TOML of lines "PREFIX" = ["MIRROR", …]: prefixes of addresses, and mirrors to '
            "try first.",
        ),
    ] = None,
    plugin: PluginFiles = None,
    quiet: Quiet = False,
) -> None:
    """Download what can be downloaded of a data set, with checksums, resuming interrupted
    downloads, and explain how to get the rest. Proxies and HF_ENDPOINT are honoured.
    """
    from vsebench.cli.shared.counting import counting
    from vsebench.data.download import get, read_mirrors
    from vsebench.plugin.errors import SpecError, did_you_mean

    component, card, _ = find_dataset(name, tuple(plugin or ()))
    offered = {download.only_with for download in card.downloads if download.only_with}
    for what in more or ():
        if what not in offered:
            raise SpecError(
                f"data set '{component.name}' has no '{what}' to download: "
                f"{did_you_mean(what, offered)}"
            )
    found = read_mirrors(mirrors) if mirrors else {}
    folder = target or Path("data") / component.name
    wanted = [each for each in card.downloads if each.only_with in ("", *(more or ()))]
    with resumable(), counting("bytes", quiet=quiet) as report:
        for download in wanted:
            for line in get(download, folder, found, report):
                typer.echo(line)
    left = sorted(offered - set(more or ()))
    if left:
        typer.echo(f"not asked for: {', '.join(left)} (--with {' --with '.join(left)})")
    if not wanted and not card.generated:
        typer.echo(f"nothing of {component.name} can be downloaded by a command")
    typer.echo(f"\nTo prepare it:\n{card.prepare}")
