"""The kinds of value that a suite holds: how each is written in TOML or on the command line, its
JSON schema, and what is said of one that is not valid.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BeforeValidator, Field, WithJsonSchema

from vsebench.kernels.named_devices import PATTERN, parse
from vsebench.plugin.errors import SpecError, did_you_mean
from vsebench.plugin.params import Scalar, format_value
from vsebench.plugin.registry import quote
from vsebench.plugin.specs import split_list
from vsebench.results.tasks import tasks

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pydantic import ValidationError

MOST_MINUTES = 1_000_000
_SEEDS = re.compile(r"(\d+)(?:-(\d+))?")


def parse_seeds(value: object) -> tuple[int, ...]:
    """The seeds that `value` lists; a range includes both ends. Never a count: `3` is the one seed
    3.

    Args:
        value: text, an integer, or a sequence of either; an array.

    Raises:
        SpecError: not a list or a range of integers from 0, a range that runs backwards, or a seed
            given twice.
    """
    value = _plain(value)
    items = (
        value.split(",")
        if isinstance(value, str)
        else value
        if isinstance(value, list | tuple | range)
        else [value]
    )
    seeds = [seed for item in items for seed in _expand_seeds(item)]
    if not seeds:
        raise SpecError("no seed is given: write a list or a range, such as 0,1,2 or 0-5")
    if len(set(seeds)) < len(seeds):
        repeated = next(seed for seed, n in Counter(seeds).items() if n > 1)
        raise SpecError(f"seed {repeated} is given twice")
    return tuple(seeds)


def _plain(value: Any) -> Any:
    """A number or an array of numpy's as Python has it."""
    return value.tolist() if hasattr(value, "tolist") else value


def _expand_seeds(item: object) -> range:
    match = _SEEDS.fullmatch(str(item).strip())
    if match is None or isinstance(item, bool):
        raise SpecError(
            f"seeds are a list or a range of integers from 0, such as 0,1,2 or 0-5; got '{item}'"
        )
    first = int(match[1])
    last = int(match[2] or first)
    if last < first:
        raise SpecError(f"the range of seeds '{item}' runs backwards: write {last}-{first}")
    if last - first >= 10_000:
        raise SpecError(f"the range of seeds '{item}' has more than 10,000 seeds")
    return range(first, last + 1)


_LONGEST = 255
"""Bytes of a file's name."""


def _specs(value: object) -> tuple[str, ...]:
    """A comma list, one `{name, parameter…}` table, or an array of specs and such tables, as spec
    texts.
    """
    if isinstance(value, str):
        return tuple(split_list(value))
    if isinstance(value, Mapping):
        return (_spec(value),)
    if not isinstance(value, list | tuple) or not value:
        raise SpecError(
            f"write component specs, as a comma-separated text or as an array; got {value!r}"
        )
    return tuple(_spec(item) for item in value)


def _spec(item: object) -> str:
    if isinstance(item, str) and item.strip():
        return item.strip()
    if isinstance(item, Mapping) and isinstance(item.get("name"), str):
        params = (
            f"{key}={quote(format_value(value))}" for key, value in item.items() if key != "name"
        )
        return ":".join([item["name"], *params])
    raise SpecError(
        f"{item!r} is not a component spec: write a text such as kmax:k=5, or a table with a name"
    )


def _paths(value: object) -> tuple[str, ...]:
    items = [value] if isinstance(value, str | Path) else value
    if not isinstance(items, list | tuple) or not all(
        isinstance(item, str | Path) and str(item) for item in items
    ):
        raise SpecError(f"write a path or an array of paths; got {value!r}")
    return tuple(str(item) for item in items)


def _folder(value: object) -> str:
    if not isinstance(value, str | Path) or not str(value).strip():
        raise SpecError(f"name a folder; got {value!r}")
    long = next((part for part in Path(value).parts if len(part.encode()) > _LONGEST), None)
    if long is not None:
        raise SpecError(
            f"the name '{long[:20]}…' has {len(long.encode())} bytes: file systems take {_LONGEST}"
        )
    return str(value)


def _devices(value: object) -> str:
    """A comma list, or an array of names, as text."""
    items = [value] if isinstance(value, str) else value
    if not isinstance(items, list | tuple) or not all(isinstance(item, str) for item in items):
        raise SpecError(f"write a device or an array of devices, such as cuda:0; got {value!r}")
    text = ",".join(items)
    parse(text)
    return text


def _count(value: object) -> object:
    """Refuses what pydantic takes for 1."""
    if isinstance(value, bool):
        raise SpecError(f"write an integer, got {str(value).lower()}")
    return value


def _minutes(value: object) -> object:
    """As `_count`."""
    if isinstance(value, bool):
        raise SpecError(f"write minutes, got {str(value).lower()}")
    return value


def _changes(value: object) -> dict[str, Scalar]:
    if not isinstance(value, Mapping):
        raise SpecError(f"write a table of protocol keys; got {value!r}")
    changes = {key: _plain(item) for key, item in value.items()}
    for key, item in changes.items():
        if not isinstance(item, bool | int | float | str):
            raise SpecError(
                f"protocol key '{key}' must be true or false, a number or a text; got {item!r}"
            )
    return changes


def _changes_schema() -> dict[str, Any]:
    """The keys of the tasks' protocols with their types and descriptions; the defaults are the
    preset's.
    """
    keys: dict[str, list[dict[str, Any]]] = {}
    for task in tasks():
        for key, schema in task.protocol.model_json_schema()["properties"].items():
            keys.setdefault(key, []).append({k: v for k, v in schema.items() if k != "default"})
    del keys["name"]
    properties = {
        key: schemas[0] if len(schemas) == 1 else {"anyOf": schemas}
        for key, schemas in keys.items()
    }
    return {"type": "object", "properties": properties, "additionalProperties": False}


_SPEC_SCHEMA = {
    "anyOf": [
        {"type": "string", "description": "a component spec"},
        {
            "type": "object",
            "description": "a component by name with its parameters, for values that hold commas "
            "or colons",
            "required": ["name"],
            "properties": {"name": {"type": "string"}},
            "additionalProperties": {"type": ["boolean", "integer", "number", "string"]},
        },
    ]
}
_SPECS_SCHEMA = {
    "anyOf": [
        {"type": "string", "description": "component specs, comma-separated"},
        _SPEC_SCHEMA["anyOf"][1],
        {"type": "array", "minItems": 1, "items": _SPEC_SCHEMA},
    ]
}
_PATHS_SCHEMA = {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}
_DEVICES_SCHEMA = {
    "anyOf": [
        {"type": "string", "pattern": PATTERN},
        {"type": "array", "minItems": 1, "items": {"type": "string", "pattern": PATTERN}},
    ]
}
_SEED_SCHEMA = {"type": "integer", "minimum": 0}
_SEEDS_SCHEMA = {
    "anyOf": [
        _SEED_SCHEMA,
        {
            "type": "string",
            "pattern": r"^\s*\d+(-\d+)?(\s*,\s*\d+(-\d+)?)*\s*$",
            "description": "a list or a range, both ends included",
        },
        {"type": "array", "minItems": 1, "items": _SEED_SCHEMA},
    ]
}

Specs = Annotated[tuple[str, ...], BeforeValidator(_specs), WithJsonSchema(_SPECS_SCHEMA)]
Paths = Annotated[tuple[str, ...], BeforeValidator(_paths), WithJsonSchema(_PATHS_SCHEMA)]
Folder = Annotated[
    str, BeforeValidator(_folder), WithJsonSchema({"type": "string", "minLength": 1})
]
Seeds = Annotated[tuple[int, ...], BeforeValidator(parse_seeds), WithJsonSchema(_SEEDS_SCHEMA)]
DeviceNames = Annotated[str, BeforeValidator(_devices), WithJsonSchema(_DEVICES_SCHEMA)]
Count = Annotated[Annotated[int, Field(ge=1)] | None, BeforeValidator(_count)]
NonNegative = Annotated[Annotated[int, Field(ge=0)] | None, BeforeValidator(_count)]
Minutes = Annotated[Annotated[float, Field(ge=0, le=MOST_MINUTES)], BeforeValidator(_minutes)]
Changes = Annotated[dict[str, Scalar], BeforeValidator(_changes), WithJsonSchema(_changes_schema())]


COMMAND_LINE = "command line"
"""Where options come from."""


def one_line(error: ValidationError, where: str, known: Iterable[str]) -> SpecError:
    """The first finding as an error: where, which key, what was expected. An unknown key comes
    before one that is missing, which it may be a misspelling of.

    Args:
        error: what pydantic raised.
        where: begins the line, such as the path of a suite file; of the `COMMAND_LINE` the option
            does, as it is written.
        known: the keys that exist, for the nearest match of an unknown one.
    """
    findings = error.errors(include_url=False)
    unknown = (finding for finding in findings if finding["type"] == "extra_forbidden")
    finding = next(unknown, findings[0])
    key = str(finding["loc"][0]) if finding["loc"] else ""
    if finding["type"] == "extra_forbidden":
        return SpecError(f"{where}: unknown key '{key}': {did_you_mean(key, known)}")
    if finding["type"] == "missing":
        return SpecError(f"{where}: {key} is missing")
    on_line = where == COMMAND_LINE
    begin = f"--{key.replace('_', '-')}" if on_line else f"{where}: {key}"
    cause = finding.get("ctx", {}).get("error")
    if cause is not None:
        return SpecError(f"{begin}: {cause}" if key else f"{where}: {cause}")
    message = finding["msg"].removeprefix("Input should be ")
    # What follows the comma tells of pydantic, not of the request
    if finding["type"].endswith("_parsing"):
        message = message.split(",")[0]
    return SpecError(f"{begin} must be {message}, got {finding['input']!r}")
