"""Detects replaced functions and classes of the libraries that runs compute with."""

from __future__ import annotations

import inspect
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_MODULES = (
    "builtins",
    "math",
    "random",
    "time",
    "numpy",
    "numpy.linalg",
    "numpy.random",
    "torch",
    "torch.autograd",
    "torch.linalg",
    "torch.nn",
    "torch.nn.functional",
    "torch.nn.init",
    "torch.optim",
    "torch.optim.lr_scheduler",
)
_CLASSES_OF = ("torch.nn", "torch.optim", "torch.optim.lr_scheduler")
_MISSING = object()

Space = Any
"""A module or a class."""


class _Replaced(NamedTuple):
    space: Space
    name: str
    before: Any


@dataclass(frozen=True)
class Functions:
    """The values of names, by module and class."""

    found: Mapping[int, tuple[Space, Mapping[str, Any]]]

    @classmethod
    def now(cls) -> Functions:
        """The functions of the libraries that are loaded."""
        return cls({id(space): (space, dict(vars(space))) for space in _spaces()})

    def put_back(self) -> list[tuple[str, bool]]:
        """Puts back what was replaced, and returns each name with whether that succeeded. New names
        stay, unless they hide what a class has inherited.
        """
        return [
            (_full_name(each.space, each.name), _put_back(each))
            for space, before in self.found.values()
            for each in _replaced(space, before)
        ]


def _spaces() -> Iterator[Space]:
    for name in _MODULES:
        if (module := sys.modules.get(name)) is not None:
            yield module
    for name in _CLASSES_OF:
        for value in list(vars(sys.modules[name]).values()) if name in sys.modules else ():
            if isinstance(value, type):
                yield value
    if "torch" in sys.modules and hasattr(sys.modules["torch"], "Tensor"):
        yield sys.modules["torch"].Tensor


def _replaced(space: Space, before: Mapping[str, Any]) -> Iterator[_Replaced]:
    found = vars(space)
    for name, value in before.items():
        now = found.get(name, _MISSING)
        if now is value or not callable(value) or _own(space, name) or _wraps(now, value, space):
            continue
        yield _Replaced(space, name, value)
    if isinstance(space, type) and len(found) > len(before):
        for name in found.keys() - before.keys():
            inherited = _inherited(space, name)
            if callable(inherited) and not _wraps(found[name], inherited, space):
                yield _Replaced(space, name, _MISSING)


def _own(space: Space, name: str) -> bool:
    """Whether a name belongs to the machinery of imports."""
    return isinstance(space, ModuleType) and name in ("__loader__", "__spec__", "__getattr__")


def _inherited(space: type, name: str) -> Any:
    for base in space.__mro__[1:]:
        if base is not object and name in vars(base):
            return vars(base)[name]
    return None


def _wraps(found: Any, before: Any, space: Space) -> bool:
    """Whether a library has wrapped its own function, or replaced it by one of its private modules,
    as torch's compiler does.
    """
    with suppress(Exception):
        wrapper = found.__code__.co_filename
        library = sys.modules[getattr(space, "__module__", space.__name__).partition(".")[0]]
        own = Path(str(library.__file__)).parent
        within = Path(wrapper).relative_to(own)  # raises where it is not
        private = any(part.startswith("_") for part in within.parts[:-1])
        return private or inspect.unwrap(found) is _inner(before)
    return False


def _inner(function: Any) -> Any:
    return inspect.unwrap(function) if callable(function) else function


def _put_back(replaced: _Replaced) -> bool:
    space, name, before = replaced
    try:
        if before is _MISSING:
            delattr(space, name)
        else:
            setattr(space, name, before)
    except (AttributeError, TypeError):
        return False
    return True


def _full_name(space: Space, name: str) -> str:
    module = "" if isinstance(space, ModuleType) else f"{space.__module__}."
    return f"{module}{getattr(space, '__qualname__', space.__name__)}.{name}"
