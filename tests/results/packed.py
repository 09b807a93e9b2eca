"""What tests do to packs: reading all of them, and changing their lines."""

from __future__ import annotations

import gzip
import hashlib
import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from vsebench.plugin.errors import VsebenchError
from vsebench.results.folder.store import Store
from vsebench.results.packs.format import RUNS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Lines = list[dict[str, Any]]


def rewrite(folder: Path, change: Callable[[Lines], Lines | None]) -> None:
    """Changes the lines of a pack, whose gzip file is whole afterwards."""
    text = gzip.decompress((folder / RUNS).read_bytes())
    lines = [json.loads(line) for line in text.split(b"\n")[:-1]]
    lines = change(lines) or lines
    changed = "".join(json.dumps(line) + "\n" for line in lines)
    (folder / RUNS).write_bytes(gzip.compress(changed.encode()))


def refusal(act: Callable[[], object]) -> str:
    with pytest.raises(VsebenchError) as caught:
        act()
    assert "\n" not in str(caught.value)
    return str(caught.value)


def read_all(folder: Path) -> None:
    """Reads everything that reports and people read."""
    for run in Store(folder).runs():
        record = run.read_record()
        assert record is not None
        run.read_whole_curve(record)
        if record.status == "done":
            run.read_ranks()


def stand(packed: Path, change: Callable[[bytes], bytes], line: int = 2) -> None:
    """Changes a line as it stands, that of the second run unless told."""
    lines = gzip.decompress((packed / RUNS).read_bytes()).split(b"\n")
    lines[line] = change(lines[line])
    (packed / RUNS).write_bytes(gzip.compress(b"\n".join(lines)))


def summed_again(line: bytes) -> bytes:
    """With the checksum of the files' text as it is."""
    found = hashlib.sha256(line[line.index(b',"files":') + 9 : -1]).hexdigest()
    return re.sub(rb'("text":\{"sha256":")[0-9a-f]{64}', b"\\g<1>" + found.encode(), line)
