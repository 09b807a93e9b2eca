"""What was prepared from what: `prepared.json`, written last, so that a folder with one is
whole.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from vsebench.data.fingerprint import scan
from vsebench.plugin import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MANIFEST, SCHEMA = "prepared.json", 1


def digest(content: object) -> str:
    """SHA-256 of what JSON can say, hexadecimal."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def read_manifest(folder: Path) -> dict[str, Any] | None:
    """The manifest of a folder; None where there is none.

    Raises:
        DataError: it is damaged.
    """
    path = folder / MANIFEST
    if not path.is_file():
        return None
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise DataError(
            f"{path} is damaged ({error}): delete the folder and prepare it again"
        ) from None
    if not isinstance(content, dict) or content.get("schema") != SCHEMA:
        raise DataError(
            f"{path} is no manifest of this version: delete the folder and prepare it again"
        )
    return content


def damaged_files(folder: Path, manifest: dict[str, Any]) -> Iterator[str]:
    """What is wrong with files that the manifest names: one sentence each. Hashes are remembered,
    so a second look is quick.
    """
    for name, known in manifest["files"].items():
        path = folder / name
        if not path.is_file():
            yield f"{name} is missing"
        elif path.stat().st_size != known["bytes"]:
            yield f"{name} has {path.stat().st_size} bytes, prepared were {known['bytes']}"
        elif scan(path).sha256 != known["sha256"]:
            yield f"{name} has another SHA-256 than was prepared"
