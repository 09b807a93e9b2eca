"""The code of plugins that tests make up on the spot."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from vsebench.plugin.host.sources import PluginSource

POOLING = """
from vsebench.plugin import Card, Param, hookimpl

@hookimpl
def vsebench_register_poolings(register):
    register("{name}", "{target}", params=[Param("k", 5)], card=Card("a pooling"))
"""


class MakePlugin(Protocol):
    """Writes a module with this code and returns its source."""

    def __call__(
        self, code: str, *, dist: str = "third-party", entry: str = "extra"
    ) -> PluginSource: ...


def pooling(name: str, target: str = "some_module:SomeClass") -> str:
    """The code of a plugin that registers one pooling."""
    return POOLING.format(name=name, target=target)
