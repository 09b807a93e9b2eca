"""One package of the catalogue, and what makes it valid."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression
from packaging.utils import InvalidName, canonicalize_name
from packaging.version import InvalidVersion, Version
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator

from vsebench.plugin.kinds import KINDS, kind_named

if TYPE_CHECKING:
    from collections.abc import Mapping

FIRST_PARTY = "vsebench"


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
