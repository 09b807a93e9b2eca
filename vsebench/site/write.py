"""Writes a site into its folder: over a site that was made before, over nothing else."""

from __future__ import annotations

import json
from importlib.metadata import version
from typing import TYPE_CHECKING

from vsebench import files
from vsebench.plugin.errors import SpecError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

MARKER = "site.json"
_MAKER = "vsebench site"


def check_folder(out: Path) -> None:
    """Refuses a folder that holds anything but a site made before.

    Raises:
        SpecError: it is a file, or holds something else.
    """
    if out.is_file():
        raise SpecError(f"--out {out} is a file: name a folder, new or of a site made before")
    if out.is_dir() and any(out.iterdir()) and _written(out) is None:
        raise SpecError(
            f"--out {out} holds files of no site that 'vsebench site' made, which are kept: name "
            "another folder, or empty it"
        )


def write_site(out: Path, pages: Mapping[str, str]) -> None:
    """Writes every page, and removes those of the site before that it no longer has.

    Args:
        out: the folder.
        pages: what to write, by path inside it.

    Raises:
        SpecError: the folder holds something else than a site.
        WriteError: it cannot be written.
    """
    check_folder(out)
    before = _written(out) or ()
    with files.guarded(out):
        for folder in {(out / path).parent for path in pages} | {out}:
            folder.mkdir(parents=True, exist_ok=True)
        marker = {"made_by": _MAKER, "version": version("vsebench"), "files": sorted(pages)}
        # first, so that a killed writer leaves a folder that the next one takes for its own
        kept = {**marker, "files": sorted({*pages, *before})}
        files.write_text(out / MARKER, json.dumps(kept, indent=1) + "\n")
        for path, text in pages.items():
            files.write_text(out / path, text)
        for path in {*before} - set(pages):
            (out / path).unlink(missing_ok=True)
        files.write_text(out / MARKER, json.dumps(marker, indent=1) + "\n")


def _written(out: Path) -> list[str] | None:
    """The files of the site in a folder; None where it holds none."""
    try:
        marker = files.read_json(out / MARKER)
    except (OSError, ValueError):
        return None
    if not isinstance(marker, dict) or marker.get("made_by") != _MAKER:
        return None
    inside = out.resolve()
    return [
        path
        for path in marker.get("files", ())
        if isinstance(path, str) and (out / path).resolve().is_relative_to(inside)
    ]
