"""The folders in which data sets are looked for."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from vsebench.plugin import MissingError

if TYPE_CHECKING:
    from collections.abc import Sequence


def data_roots(given: Sequence[Path], *, elsewhere: bool = True) -> list[Path]:
    """The data roots in their order.

    Args:
        given: folders that are named in the request.
        elsewhere: whether `$VSEBENCH_DATA` and `./data` follow them.

    Raises:
        MissingError: one of `given` is not a folder.
    """
    for root in given:
        if not root.is_dir():
            raise MissingError(f"data root '{root}' is not a folder")
    environment = os.environ.get("VSEBENCH_DATA")
    others = [*([Path(environment)] if environment else []), Path("data")] if elsewhere else []
    return list(dict.fromkeys([*given, *others]))
