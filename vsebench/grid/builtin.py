"""The executors of the suite, registered like anyone's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vsebench.plugin import Card, hookimpl

if TYPE_CHECKING:
    from vsebench.plugin import Register


@hookimpl
def vsebench_register_executors(register: Register) -> None:
    register(
        "local",
        "vsebench.grid.local:LocalExecutor",
        card=Card("runs side by side on this machine, a process each"),
    )
