"""The data roots, and the sets under them that a small file names: `dataset.toml`, beside the data,
calls what lies in its folder by a name of its own, which `--dataset` then finds.
"""

from __future__ import annotations

import json
import os
import re
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING

from vsebench.plugin import DataError, DatasetCard, MissingError, SpecError
from vsebench.plugin.errors import did_you_mean
from vsebench.plugin.registry import Component, Origin, Registry
from vsebench.plugin.specs import parse_spec
from vsebench.text import read_toml

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

DESCRIPTOR = "dataset.toml"

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
_NAMES = "names are letters, digits, '_', '.' and '-', such as my_set"


@dataclass(frozen=True)
class Descriptor:
    """What the file says.

    Attributes:
        name: what the set is called.
        layout: the registered data set that reads such files, such as `precomp`.
        summary: one line of what it is.
        licence: licence of the data.
        citation: what its authors ask to be cited.
    """

    name: str
    layout: str
    summary: str = ""
    licence: str = ""
    citation: str = ""


_KEYS = tuple(field.name for field in fields(Descriptor))


def read_descriptor(path: Path) -> Descriptor:
    """Reads a descriptor.

    Raises:
        DataError: it cannot be read, or is no such file.
    """
    content = read_toml(path)
    for key, value in content.items():
        if key not in _KEYS:
            raise DataError(f"{path} has an unknown key '{key}': {did_you_mean(key, _KEYS)}")
        if not isinstance(value, str):
            raise DataError(f"{path}: {key} is {value!r}, expected a text")
    if missing := [key for key in ("name", "layout") if key not in content]:
        raise DataError(f"{path} lacks {' and '.join(missing)}: expected name and layout")
    found = Descriptor(**content)
    if not _NAME.fullmatch(found.name):
        raise DataError(f"{path} has the name '{found.name}': {_NAMES}")
    return found


def descriptor_text(found: Descriptor) -> str:
    """The file, to be read back by `read_descriptor`."""
    lines = [
        f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in asdict(found).items()
    ]
    return "\n".join(
        [f"# 'vsebench run --dataset {found.name}' opens the files in this folder", *lines, ""]
    )


def check_name(name: str, registry: Registry) -> None:
    """Refuses a name that a set cannot have.

    Raises:
        SpecError: it is no name, or a registered data set has it.
    """
    if not _NAME.fullmatch(name):
        raise SpecError(f"a data set cannot be called '{name}': {_NAMES}")
    if any(component.kind == "dataset" for component in registry.find(name)):
        raise SpecError(f"there is a data set '{name}' already: choose another name")


def data_roots(given: Sequence[Path], *, elsewhere: bool = True) -> list[Path]:
    """The folders in which data sets are looked for, in their order.

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


def described(
    roots: Sequence[Path], *, elsewhere: bool = True
) -> Iterator[tuple[Path, Descriptor]]:
    """The descriptors under the data roots: ROOT/dataset.toml and ROOT/FOLDER/dataset.toml.

    Args:
        roots: folders to look in first.
        elsewhere: whether to look in `$VSEBENCH_DATA` and `./data`, too.
    """
    for root in data_roots(roots, elsewhere=elsewhere):
        for path in (root / DESCRIPTOR, *sorted(root.glob(f"*/{DESCRIPTOR}"))):
            if path.is_file():
                yield path, read_descriptor(path)


def described_sets(registry: Registry, roots: Sequence[Path]) -> dict[str, DatasetCard]:
    """The cards of the sets that descriptors name, by name.

    Raises:
        DataError: a descriptor is damaged.
    """
    found: dict[str, DatasetCard] = {}
    for path, descriptor in described(roots):
        card = _component(registry, path, descriptor).card
        assert isinstance(card, DatasetCard)
        found.setdefault(descriptor.name, card)
    return found


def dataset_component(
    registry: Registry, name: str, roots: Sequence[Path], *, elsewhere: bool = True
) -> Component:
    """The data set of that name: a registered one, else one that a descriptor names.

    Raises:
        SpecError: there is none (with the nearest registered name).
        DataError: a descriptor is damaged.
    """
    if not any(component.kind == "dataset" for component in registry.find(name)):
        for path, found in described(roots, elsewhere=elsewhere):
            if found.name == name:
                return _component(registry, path, found)
    return registry.get("dataset", name)


def with_described(registry: Registry, specs: Iterable[str], roots: Sequence[Path]) -> Registry:
    """A registry that has the described sets among those that `specs` name, too.

    Raises:
        SpecError: a spec is malformed.
        DataError: a descriptor is damaged.
    """
    names = {parse_spec(text)[0] for text in specs}
    unknown = {name for name in names if not registry.find(name)}
    added = Registry()
    for path, found in described(roots) if unknown else ():
        if found.name in unknown:
            unknown.remove(found.name)
            added.add(_component(registry, path, found))
    whole = Registry()
    whole.merge(registry)
    whole.merge(added)
    return whole


def _component(registry: Registry, path: Path, found: Descriptor) -> Component:
    try:
        layout = registry.get("dataset", found.layout)
    except SpecError as error:
        raise DataError(f"{path}: layout: {error}") from None
    if not isinstance(layout.card, DatasetCard) or layout.card.generated:
        raise DataError(
            f"{path}: layout '{found.layout}' is generated: expected one that reads files, such "
            "as precomp"
        )
    card = replace(
        layout.card,
        summary=found.summary or f"a data set of yours in the layout of {found.layout}",
        paper=None,
        published=(),
        notes=(),
        features="",
        licence=found.licence or layout.card.licence,
        citation=found.citation,
        downloads=(),
        prepare=f"Nothing to get: {path} names the files beside it.",
        at=str(path.parent.absolute()),
    )
    return replace(layout, name=found.name, card=card, origin=Origin(DESCRIPTOR, found.name, "0"))
