"""The index file of the catalogue: what makes an entry, one package, valid, and how the file is
read and checked.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression
from packaging.utils import InvalidName, canonicalize_name
from packaging.version import InvalidVersion, Version
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, field_validator

from vsebench.plugin.errors import PluginError
from vsebench.plugin.kinds import KINDS, kind_named
from vsebench.text import parse_toml, toml_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic_core import ErrorDetails

FIRST_PARTY = "vsebench"
SHIPPED = Path(__file__).with_name("index.toml")
"""The index that comes with this release."""

SECONDS = 20.0
"""How long a server may take to answer."""


def _version(text: str) -> str:
    try:
        Version(text)
    except InvalidVersion:
        raise ValueError(f"'{text}' is no version: write one such as 0.1.0") from None
    return text


VersionText = Annotated[str, AfterValidator(_version)]


class Entry(BaseModel):
    """A package of plugins that can be installed with pip."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    name: str
    """As pip writes it, in its normal form: lower case, with hyphens."""
    summary: str = Field(max_length=120)
    """One line."""
    repository: str
    """An address that begins with https://, or a folder of vsebench's own repository."""
    license: str
    """An SPDX expression."""
    version: VersionText
    """The oldest release that keeps the promises of its components."""
    vsebench: VersionText
    """The oldest release of vsebench that it works with."""
    components: dict[str, tuple[str, ...]]
    """Names by kind."""

    @field_validator("name")
    @classmethod
    def _normal(cls, name: str) -> str:
        try:
            normal = canonicalize_name(name, validate=True)
        except InvalidName:
            raise ValueError(f"'{name}' is no name of a distribution") from None
        if normal != name:
            raise ValueError(f"write '{normal}', the normal form of '{name}'")
        if name == FIRST_PARTY:
            raise ValueError(f"'{name}' is this package itself")
        return name

    @field_validator("summary")
    @classmethod
    def _one_line(cls, summary: str) -> str:
        if not summary.strip() or len(summary.splitlines()) > 1:
            raise ValueError("write one line")
        return summary

    @field_validator("repository")
    @classmethod
    def _address(cls, repository: str) -> str:
        scheme, separator, rest = repository.partition("://")
        if separator and (
            scheme != "https" or not rest.partition("/")[0] or any(c.isspace() for c in rest)
        ):
            raise ValueError(f"'{repository}' is no address that begins with https://")
        if not separator and not repository.startswith("plugins/"):
            raise ValueError(
                f"'{repository}' is neither an address that begins with https:// nor a folder "
                "plugins/… of this repository"
            )
        return repository

    @field_validator("license")
    @classmethod
    def _spdx(cls, licence: str) -> str:
        try:
            normal = canonicalize_license_expression(licence)
        except InvalidLicenseExpression:
            raise ValueError(
                f"'{licence}' is no SPDX expression: write one such as Apache-2.0 or MIT"
            ) from None
        if normal != licence:
            raise ValueError(f"write '{normal}'")
        return licence

    @field_validator("components")
    @classmethod
    def _some(cls, components: Mapping[str, tuple[str, ...]]) -> Mapping[str, tuple[str, ...]]:
        if not components or not all(components.values()):
            raise ValueError(
                f"name the components by kind ({', '.join(KINDS)}), such as {{ pooling = "
                f"['my_pool'] }}"
            )
        for kind, names in components.items():
            kind_named(kind)
            for name in names:
                if (
                    not name
                    or any(c in "%,:/=" or c.isspace() for c in name)
                    or names.count(name) > 1
                ):
                    raise ValueError(
                        f"{kind} '{name}' is no name of a component, or stands there twice"
                    )
        return components

    @property
    def source(self) -> str:
        """What pip installs: a package need not be on the package index."""
        return f"git+{self.repository}" if "://" in self.repository else f"./{self.repository}"


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
        content = (
            toml_of(_fetch(place))
            if isinstance(place, str) and "://" in place
            else parse_toml(Path(place))
        )
        return Index.model_validate(content).package
    except OSError as error:
        raise PluginError(
            f"the catalogue '{place}' cannot be read: {error.strerror or error}"
        ) from None
    except ValidationError as error:
        raise PluginError(f"{place}: {_one_line(error.errors()[0])}") from None
    except ValueError as error:
        raise PluginError(f"{place}: not valid TOML in UTF-8: {error}") from None


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
