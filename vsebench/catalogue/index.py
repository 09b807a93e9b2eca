"""The index file of the catalogue: reading and checking it."""

from __future__ import annotations

import tomllib
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from vsebench.catalogue.entry import Entry
from vsebench.plugin.errors import PluginError

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

SHIPPED = Path(__file__).with_name("index.toml")
"""The index that comes with this release."""

SECONDS = 20.0
"""How long a server may take to answer."""


class Index(BaseModel):
    """Every package of the catalogue."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: Literal[1] = Field(alias="schema")
    package: tuple[Entry, ...] = ()

    @field_validator("package")
    @classmethod
    def _in_order(cls, packages: tuple[Entry, ...]) -> tuple[Entry, ...]:
        names = [entry.name for entry in packages]
        for before, name in pairwise(names):
            if name <= before:
                raise ValueError(
                    f"'{name}' stands after '{before}': each package once, in alphabetical order"
                )
        return packages


def read_index(place: str | Path = SHIPPED) -> tuple[Entry, ...]:
    """The packages of an index.

    Args:
        place: a file, or an address that begins with https://; only then is the network used.

    Raises:
        PluginError: it cannot be read, or an entry is not valid; the message names the first fault.
    """
    try:
        text = (
            _fetch(place)
            if isinstance(place, str) and "://" in place
            else Path(place).read_text(encoding="utf-8")
        )
        return Index.model_validate(tomllib.loads(text)).package
    except OSError as error:
        raise PluginError(
            f"the catalogue '{place}' cannot be read: {error.strerror or error}"
        ) from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise PluginError(f"{place}: not valid TOML in UTF-8: {error}") from None
    except ValidationError as error:
        raise PluginError(f"{place}: {_one_line(error.errors()[0])}") from None


def _fetch(address: str) -> str:
    from urllib.request import urlopen

    if not address.startswith("https://"):
        raise PluginError(
            f"the catalogue '{address}' is not read: expected a file, or an address that begins "
            "with https://"
        )
    with urlopen(address, timeout=SECONDS) as answer:
        content: bytes = answer.read()
    return content.decode()


def _one_line(error: ErrorDetails) -> str:
    """`package 'x', license: 'foo' is no SPDX expression`."""
    path = [str(part) for part in error["loc"]]
    where = ", ".join(path)
    if path[:1] == ["package"] and len(path) > 1:
        where = ", ".join([f"package number {int(path[1]) + 1}", *path[2:]])
    return f"{where}: {error['msg'].removeprefix('Value error, ')}"


def added(new: tuple[Entry, ...], old: tuple[Entry, ...]) -> list[Entry]:
    """Entries of `new` that `old` does not have in this form."""
    known: dict[str, Any] = {entry.name: entry for entry in old}
    return [entry for entry in new if known.get(entry.name) != entry]
