"""A project of every kind."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vsebench.scaffold import Project, render
from vsebench.scaffold.kinds import STARTS

if TYPE_CHECKING:
    from pathlib import Path

KINDS = tuple(kind for kind, start in STARTS.items() if start is not None)


def project(kind: str, **changes: object) -> Project:
    return Project(**{"kind": kind, "name": f"my_{kind.replace('-', '_')}", **changes})  # type: ignore[arg-type]


def files(made: Project) -> dict[str, str]:
    return render(made, version="0.1.0", api=1, year=2026)


def install(made: Project, site: Path) -> None:
    """Puts a project where Python looks for packages, with the metadata that pip would leave."""
    for path, text in files(made).items():
        if path.startswith("src/"):
            file = site / path.removeprefix("src/")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
    info = site / f"{made.package}-0.1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {made.distribution}\nVersion: 0.1.0\n"
    )
    (info / "entry_points.txt").write_text(f"[vsebench]\n{made.name} = {made.package}\n")
