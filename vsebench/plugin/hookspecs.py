"""The hooks that a plugin may implement.

Registration hooks get `register(name, target, *, params=(), card)`. `target` is `"module:Class"`;
the class is imported when a component is created, so that listing imports nothing heavy. A plugin
in a file of its own (`--plugin own.py`) writes `f"{__name__}:Class"`.

Run-time hooks are called in the run's process and look on: see `vsebench.plugin.runtime`. An
implementation takes those of a hook's arguments that it names.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pluggy

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vsebench.plugin.registry import Register, RegisterEncoder
    from vsebench.plugin.runtime import AnnotationTest, CurvePoint, Outcome, RetrievalTest, RunInfo

hookspec = pluggy.HookspecMarker("vsebench")


@hookspec
def vsebench_register_poolings(register: Register) -> None:
    """Registers poolings: `register("kmax", "my_package:KMax", params=[Param("k", 5)],
    card=Card("…"))`.
    """


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
def vsebench_register_stopping_rules(register: Register) -> None:
    """Registers stopping rules, which the protocol key `stop` names."""


@hookspec
def vsebench_register_datasets(register: Register) -> None:
    """Registers data sets; their card is a `DatasetCard`."""


@hookspec
def vsebench_register_encoders(register: RegisterEncoder) -> None:
    """Registers encoders: `register("bigru", "my_package:BiGRU", side="text", card=Card("…"))`."""


@hookspec
def vsebench_register_executors(register: Register) -> None:
    """Registers executors: where runs are run."""


@hookspec
def vsebench_register_commands(app: Any) -> None:
    """Adds subcommands to `app`, a `typer.Typer` of the plugin's own: `@app.command("mine")`.
    Called when a command is typed that is not built in.
    """


@hookspec
def vsebench_run_started(run: RunInfo) -> None:
    """A run begins, or goes on after an interruption."""


@hookspec
def vsebench_evaluated(run: RunInfo, point: CurvePoint) -> None:
    """A run was evaluated on dev, and the point is on its curve. After an interruption, points
    since the last checkpoint come again.
    """


@hookspec
def vsebench_tested(
    run: RunInfo, test: RetrievalTest | AnnotationTest
) -> Mapping[str, float] | None:
    """The selected model was tested. What is returned becomes columns of the table, by name: means
    over seeds with their intervals.
    """


@hookspec
def vsebench_run_finished(run: RunInfo, outcome: Outcome) -> None:
    """A run ended, well or not, and its record is on disk. A run that was done before, or that
    could not start, does not end again.
    """
