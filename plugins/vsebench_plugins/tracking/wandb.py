"""The tracker `wandb`: each run is a run of Weights & Biases, in the project `vsebench` or that of
`WANDB_PROJECT`. `WANDB_MODE=offline` keeps it in the run's folder, for `wandb sync`.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from vsebench.plugin import Tracker, hookimpl
from vsebench_plugins.tracking import of_outcome, of_point, of_step, settings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vsebench.plugin import CurvePoint, Outcome, RunInfo, TrainingStep

vsebench_tracker = Tracker("wandb", library="wandb", extra="wandb")

_runs: dict[str, Any] = {}


@hookimpl
def vsebench_run_started(run: RunInfo) -> None:
    import wandb

    made = wandb.init(
        project=os.environ.get("WANDB_PROJECT", "vsebench"),
        id=run.run_id,
        name=run.label,
        config=settings(run),
        dir=str(run.directory),
        resume="allow",
        settings=wandb.Settings(console="off", silent=True),
    )
    # A resumed run repeats steps, which W&B's own counter cannot
    made.define_metric("step")
    made.define_metric("*", step_metric="step")
    _runs[run.run_id] = made


@hookimpl
def vsebench_stepped(run: RunInfo, steps: Sequence[TrainingStep]) -> None:
    for step in steps:
        _runs[run.run_id].log({**of_step(step), "step": step.step})


@hookimpl
def vsebench_evaluated(run: RunInfo, point: CurvePoint) -> None:
    _runs[run.run_id].log({**of_point(point), "train/lr": point.lr, "step": point.step})


@hookimpl
def vsebench_run_finished(run: RunInfo, outcome: Outcome) -> None:
    made = _runs.pop(run.run_id)
    made.summary.update({**of_outcome(outcome), "status": outcome.status})
    made.finish(exit_code=0 if outcome.status == "done" else 1)
