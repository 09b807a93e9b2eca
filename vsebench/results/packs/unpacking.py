"""Restores packed runs, to the byte."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vsebench import files
from vsebench.plugin.errors import VsebenchError
from vsebench.results.folder.noted import PLAN
from vsebench.results.packs.format import NAMES, ROW, RUNS
from vsebench.results.packs.pack import Pack

if TYPE_CHECKING:
    from pathlib import Path


def unpack(folder: Path, target: Path | None = None) -> int:
    """Writes the runs of a folder's pack, its external rows and the folder's plan as they were
    packed. Files that are there already are left alone.

    Args:
        folder: holds the pack.
        target: receives a folder per run; `folder` itself by default.

    Returns:
        Number of runs.

    Raises:
        VsebenchError: there is no pack, it is damaged, a file of another content is in the way, or
            a file cannot be written.
    """
    target = target or folder
    packed = Pack.of(folder)
    if packed is None:
        raise VsebenchError(f"{folder} has no {RUNS}: give the folder of a pack")
    missing: dict[Path, bytes] = {}
    for run in (*packed.runs, *packed.external):
        for name in (*NAMES, ROW):
            if run.holds(name):
                path = target / run.path.relative_to(folder) / name
                content = run.read_bytes(name)
                if not path.exists():
                    missing[path] = content
                elif path.read_bytes() != content:
                    raise VsebenchError(
                        f"{path} is not what the pack holds of it: unpack into another folder "
                        "with --out"
                    )
    for path, content in missing.items():
        with files.guarded(path.parent):
            path.parent.mkdir(parents=True, exist_ok=True)
        files.write_bytes(path, content)
    if packed.plan is not None and not (target / PLAN).exists():
        files.write_bytes(target / PLAN, packed.plan)
    return len(packed.runs)
