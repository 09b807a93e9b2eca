"""The name of a new plugin, its kind and its licence, and every other name that follows from
them.
"""

from __future__ import annotations

import keyword
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vsebench.plugin.errors import SpecError, did_you_mean
from vsebench.plugin.kinds import KINDS
from vsebench.scaffold.kinds import STARTS, Start

if TYPE_CHECKING:
    from collections.abc import Mapping

LICENCES: Mapping[str, str] = {
    "apache-2.0": "Apache-2.0",
    "mit": "MIT",
    "bsd-3-clause": "BSD-3-Clause",
}
"""What `--license` takes, and how SPDX writes it."""

LONGEST = 60
"""Characters of a name, which are in those of files, folders and a distribution."""

_NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")


@dataclass(frozen=True)
class Project:
    """A plugin of one component, to be written.

    Attributes:
        kind: the name of the component's kind.
        name: name of the component and of the entry point.
        licence: a key of `LICENCES`.
        shared: another distribution has a component of that kind and name, so that it is reached as
            `dist::name`.

    Raises:
        SpecError: the name cannot be one of a Python module, or kind or licence is none that the
            scaffold has.
    """

    kind: str
    name: str
    licence: str = "apache-2.0"
    shared: bool = False

    def __post_init__(self) -> None:
        if STARTS.get(self.kind) is None:
            known = [kind for kind, start in STARTS.items() if start is not None]
            raise SpecError(
                f"there is no scaffold for a '{self.kind}': {did_you_mean(self.kind, known)}"
            )
        if self.licence not in LICENCES:
            raise SpecError(
                f"unknown licence '{self.licence}': {did_you_mean(self.licence, LICENCES)}"
            )
        if len(self.name) > LONGEST:
            raise SpecError(
                f"a plugin's name has at most {LONGEST} characters, '{self.name[:20]}…' has "
                f"{len(self.name)}: choose a shorter one"
            )
        if keyword.iskeyword(self.name):
            raise SpecError(
                f"'{self.name}' is a keyword of Python: choose another name, such as my_{self.name}"
            )
        if not _NAME.fullmatch(self.name):
            raise SpecError(
                f"'{self.name}' cannot name a plugin's module: write lower-case letters, digits "
                f"and single underscores, such as {_nearest(self.name)}"
            )

    @property
    def start(self) -> Start:
        """What the component starts as."""
        start = STARTS[self.kind]
        assert start is not None  # see __post_init__
        return start

    @property
    def distribution(self) -> str:
        return f"vsebench-{self.name.replace('_', '-')}"

    @property
    def package(self) -> str:
        return f"vsebench_{self.name}"

    @property
    def module(self) -> str:
        """Of the component, inside the package."""
        return self.kind.replace("-", "_")

    @property
    def class_name(self) -> str:
        return "".join(part.capitalize() for part in self.name.split("_"))

    @property
    def spec(self) -> str:
        """How a person writes the component."""
        return f"{self.distribution}::{self.name}" if self.shared else self.name

    @property
    def licence_id(self) -> str:
        """SPDX's."""
        return LICENCES[self.licence]

    @property
    def run_options(self) -> str:
        """Of `vsebench run`, to use the component."""
        own = KINDS[self.kind].option.replace("NAME", self.spec)
        return " ".join(filter(None, (self.start.run, own)))


def _nearest(name: str) -> str:
    """A name that is allowed, made of what is left of `name`."""
    words = [word for word in re.split(r"[^a-z0-9]+", name.lower()) if word]
    nearest = "_".join(words)
    return (
        nearest
        if _NAME.fullmatch(nearest) and not keyword.iskeyword(nearest)
        else f"my_{nearest}".rstrip("_")
    )
