"""The tracker `tensorboard`: event files in the folder `tensorboard` of each run, which
`tensorboard --logdir RUNS` shows together.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from vsebench.plugin import Tracker, hookimpl
from vsebench_plugins.tracking import of_outcome, of_point, of_step, settings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch.utils.tensorboard import SummaryWriter

    from vsebench.plugin import CurvePoint, Outcome, RunInfo, TrainingStep

vsebench_tracker = Tracker("tensorboard", library="tensorboard", extra="tensorboard")

_writers: dict[str, SummaryWriter] = {}
_last: dict[str, int] = {}


@hookimpl
def vsebench_run_started(run: RunInfo) -> None:
    from torch.utils.tensorboard import SummaryWriter

    writer = SummaryWriter(str(run.directory / "tensorboard"))
    _writers[run.run_id] = writer
    writer.add_text("run", f"```json\n{json.dumps(settings(run), indent=1)}\n```")


@hookimpl
def vsebench_stepped(run: RunInfo, steps: Sequence[TrainingStep]) -> None:
    for step in steps:
        _add(run, of_step(step), step.step)


@hookimpl
def vsebench_evaluated(run: RunInfo, point: CurvePoint) -> None:
    _add(run, {**of_point(point), "train/lr": point.lr}, point.step)
    _writers[run.run_id].flush()


@hookimpl
def vsebench_run_finished(run: RunInfo, outcome: Outcome) -> None:
    _add(run, of_outcome(outcome), _last.pop(run.run_id, 0))
    _writers.pop(run.run_id).close()


def _add(run: RunInfo, values: dict[str, float], step: int) -> None:
    writer, _last[run.run_id] = _writers[run.run_id], step
    for name, value in values.items():
        writer.add_scalar(name, value, step)
