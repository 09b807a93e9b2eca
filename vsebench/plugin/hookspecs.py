"""The hooks that a plugin may implement. Each gets `register(name, target, *, params=(), card)`.

`target` is `"module:Class"`; the class is imported when a component is created, so that listing imports nothing heavy. A plugin in a file of its own
(`--plugin own.py`) writes `f"{__name__}:Class"`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
    from vsebench.plugin.registry import Register, RegisterEncoder

hookspec = pluggy.HookspecMarker("vsebench")


@hookspec
def vsebench_register_poolings(register: Register) -> None:
    """Registers poolings: `register("kmax", "my_package:KMax", params=[Param("k", 5)], card=Card("…"))`."""


@hookspec
def vsebench_register_similarities(register: Register) -> None:
    """Registers similarities between image and text embeddings."""


@hookspec
def vsebench_register_losses(register: Register) -> None:
    """Registers losses; their card is a `LossCard`."""


@hookspec
def vsebench_register_samplers(register: Register) -> None:
    """Registers negative samplers of the annotation task."""


@hookspec
def vsebench_register_batch_plans(register: Register) -> None:
    """Registers batch plans: the order in which an epoch visits the training captions."""


@hookspec
def vsebench_register_datasets(register: Register) -> None:
    """Registers data sets; their card is a `DatasetCard`."""


@hookspec
def vsebench_register_encoders(register: RegisterEncoder) -> None:
    """Registers encoders: `register("bigru", "my_package:BiGRU", side="text", card=Card("…"))`."""


@hookspec
def vsebench_register_executors(register: Register) -> None:
    """Registers executors: where runs are run."""
