"""A run that loses its lease to another process, for both tasks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from vsebench.results.folder.store import RunDirectory, Store

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import Any


def writes_no_more_after_an_evaluation(run: Callable[..., object], spec: Any, out: Path) -> None:
    """The next holder makes that evaluation again: a line written now would stand twice in the
    curve.
    """
    path, left = Store(out).directory_for(spec).path, {}

    def ensure_held() -> None:
        if left:
            raise KeyboardInterrupt

    def lose(event: dict[str, object]) -> None:
        if event["event"] == "evaluated":
            left.update({file.name: file.read_bytes() for file in path.iterdir()})

    directory = RunDirectory(path, ensure_held)
    directory.write_spec(spec)
    with pytest.raises(KeyboardInterrupt):
        run(spec, directory, lose)
    assert {file.name: file.read_bytes() for file in path.iterdir()} == left
    assert len(directory.read_curve()) == 1
