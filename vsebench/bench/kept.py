"""Figures that a file has kept, checked when they are read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, ValidationError

from vsebench.files import read_json
from vsebench.plugin.errors import DataError, MissingError

if TYPE_CHECKING:
    from pathlib import Path

SCHEMA = 1

_Positive = Annotated[FiniteFloat, Field(gt=0)]


class _Part(BaseModel):
    """What later releases add is kept as it is."""

    model_config = ConfigDict(strict=True, extra="allow")


class _Row(_Part):
    figure: str
    status: Literal["done", "failed"] = "done"
    seconds: _Positive | None = None
    ratio: _Positive | None = None
    share: _Positive | None = None
    reference: str = ""
    floor: str = ""
    error: str = ""


class _Machine(_Part):
    measured: str
    device: str
    cpu: str
    cores: int | None
    load: FiniteFloat | None
    matmul: str
    libraries: dict[str, str]


class _Document(_Part):
    size: str
    device: str
    machine: _Machine
    rows: list[_Row]


def read(path: Path) -> dict[str, Any]:
    """A document that `--format json` has printed.

    Raises:
        MissingError: there is no such file.
        DataError: it is something else.
    """
    try:
        found = read_json(path)
    except FileNotFoundError as error:
        raise MissingError(f"{path} does not exist: expected figures to compare with") from error
    except (OSError, ValueError) as error:
        raise DataError(f"{path} cannot be read as JSON ({error})") from error
    wanted = "expected what 'vsebench bench' has written"
    if not isinstance(found, dict) or found.get("schema") != SCHEMA or "rows" not in found:
        raise DataError(f"{path} holds no figures: {wanted}")
    try:
        return _Document.model_validate(found).model_dump()
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise DataError(f"{path} holds no figures ({where}: {first['msg']}): {wanted}") from None
