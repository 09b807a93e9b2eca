"""The hooks that a plugin may implement.

Registration hooks are named after the kinds of component (`vsebench.plugin.kinds`):
`vsebench_register_poolings(register)` registers poolings. They get
`register(name, target, *, params=(), card)`. `target` is `"module:Class"`; the class is imported
when a component is created, so that listing imports nothing heavy. A plugin in a file of its own
(`--plugin own.py`) writes `f"{__name__}:Class"`.

Run-time hooks are called in the run's process and only observe it: see `vsebench.plugin.runtime`.
An implementation may take any subset of a hook's arguments.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pluggy

from vsebench.plugin.kinds import KINDS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from vsebench.plugin.registry import Register, RegisterEncoder
    from vsebench.plugin.runtime import (
        AnnotationTest,
        CurvePoint,
        Outcome,
        PatternsTest,
        RetrievalTest,
        RunInfo,
        TrainingStep,
    )

hookspec = pluggy.HookspecMarker("vsebench")


def registration_hooks() -> type:
    """The hooks that register components, by name."""

    @hookspec
    def registers(register: Register | RegisterEncoder) -> None:
        """Registers components of one kind, or of several that differ in their side."""

    return type("RegistrationHooks", (), {kind.hook: registers for kind in KINDS.values()})


@hookspec
def vsebench_register_commands(app: Any) -> None:
    """Adds subcommands to `app`, a `typer.Typer` of the plugin's own: `@app.command("mine")`.
    Called when a command is typed that is not built in.
    """


@hookspec
def vsebench_run_started(run: RunInfo) -> None:
    """A run begins, or resumes after an interruption."""


@hookspec
def vsebench_stepped(run: RunInfo, steps: Sequence[TrainingStep]) -> None:
    """Steps since the evaluation before, told at the next one, when the host waits for the device
    anyway.
    """


@hookspec
def vsebench_evaluated(run: RunInfo, point: CurvePoint) -> None:
    """A run was evaluated on dev, and the point is on its curve. After an interruption, points
    since the last checkpoint come again.
    """


@hookspec
def vsebench_tested(
    run: RunInfo, test: RetrievalTest | AnnotationTest | PatternsTest
) -> Mapping[str, float] | None:
    """The selected model was tested. What is returned becomes columns of the table, by name: means
    over seeds with their intervals.
    """


@hookspec
def vsebench_run_finished(run: RunInfo, outcome: Outcome) -> None:
    """A run ended, well or not, and its record is on disk. A run that was done before, or that
    could not start, does not end again.
    """
