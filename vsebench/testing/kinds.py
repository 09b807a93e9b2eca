"""Which promises a component has to keep."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from vsebench.plugin.cards import LossCard
from vsebench.plugin.errors import SpecError, did_you_mean
from vsebench.testing.check import Check
from vsebench.testing.subject import find

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from vsebench.testing.check import Promise
    from vsebench.testing.subject import Subject

GROUPS: Mapping[str, Mapping[str, str]] = {
    "pooling": {"pooling": "vsebench.testing.poolings"},
    "similarity": {"similarity": "vsebench.testing.similarities"},
    "loss": {
        "retrieval loss": "vsebench.testing.losses",
        "annotation loss": "vsebench.testing.annotation_losses",
        "patterns loss": "vsebench.testing.pattern_losses",
    },
    "sampler": {"sampler": "vsebench.testing.samplers"},
    "batch-plan": {"batch-plan": "vsebench.testing.batch_plans"},
    "stopping-rule": {},
    "dataset": {"dataset": "vsebench.testing.datasets"},
    "image-encoder": {"image-encoder": "vsebench.testing.encoders.image"},
    "text-encoder": {"text-encoder": "vsebench.testing.encoders.text"},
    "executor": {"executor": "vsebench.testing.executors"},
}
"""The groups of promises of each kind, and the modules of their `PROMISES`, which import torch: one
a kind, for losses one a task. A kind without a group promises what every component does.
"""


def promises(group: str) -> tuple[Promise, ...]:
    """The promises of a group of `GROUPS`, with those of every component first."""
    common: tuple[Promise, ...] = import_module("vsebench.testing.every_component").PROMISES
    homes = {name: home for groups in GROUPS.values() for name, home in groups.items()}
    own: tuple[Promise, ...] = import_module(homes[group]).PROMISES if group in homes else ()
    return (*common, *own)


def checks_of(subject: Subject, *, slow: bool = False, only: str | None = None) -> list[Check]:
    """The checks of a component.

    Args:
        subject: the component.
        slow: whether to include those that take many seconds.
        only: the name of one promise.

    Raises:
        SpecError: no promise has that name.
    """
    card = subject.component.card
    group = f"{card.task} loss" if isinstance(card, LossCard) else subject.kind
    known = promises(group)
    if only is not None and only not in (names := [promise.name for promise in known]):
        raise SpecError(f"a {group} has no promise '{only}': {did_you_mean(only, names)}")
    return [
        Check(promise, subject)
        for promise in known
        if promise.name == only or (only is None and (slow or not promise.slow))
    ]


def checks(  # noqa: PLR0913  # its options have defaults
    kind: str,
    spec: str,
    *,
    plugins: tuple[str, ...] = (),
    data_roots: tuple[Path, ...] = (),
    slow: bool = False,
    only: str | None = None,
) -> list[Check]:
    """All checks of the component that a spec names, for `@pytest.mark.parametrize("check", …,
    ids=str)`.

    Args:
        kind: kind of the component.
        spec: a component spec, such as `mine:k=3`.
        plugins: paths of plugin files that are not installed.
        data_roots: where to look for a data set, before `$VSEBENCH_DATA` and `./data`.
        slow: whether to include those that take many seconds.
        only: the name of one promise.

    Raises:
        SpecError: the component, a parameter, a value or the promise is not known.
        PluginError: a plugin file does not exist or fails.
    """
    return checks_of(find(kind, spec, plugins=plugins, data_roots=data_roots), slow=slow, only=only)
