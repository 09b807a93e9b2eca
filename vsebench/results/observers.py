"""Calls the run-time hooks of plugins. Each is isolated: one that fails is named and not called
again, and the run continues.
"""

from __future__ import annotations

import math
import numbers
import re
import sys
import traceback
from collections.abc import Mapping
from contextlib import contextmanager, redirect_stdout
from typing import TYPE_CHECKING, Any

from vsebench.plugin.errors import PluginError
from vsebench.plugin.metrics import INTERVAL_ENDS
from vsebench.plugin.runtime import Outcome, RunInfo, asked_trackers
from vsebench.results.plugins import plugins_of
from vsebench.results.record import Column
from vsebench.results.tasks import own_columns

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from vsebench.plugin.host.loaded import PluginInfo, Plugins
    from vsebench.plugin.runtime import (
        AnnotationTest,
        CurvePoint,
        PatternsTest,
        RetrievalTest,
        TrainingStep,
    )
    from vsebench.results.record import RunRecord
    from vsebench.results.spec import AnySpec

_NAME = re.compile(r"[a-z][a-z0-9_]*")


class Observers:
    """The plugins that watch one run.

    Attributes:
        run: what they are told of it.
        failures: which of them failed, in words.
    """

    def __init__(self, plugins: Plugins, run: RunInfo) -> None:
        self.run = run
        self.failures: list[str] = []
        self._plugins = plugins
        asked = asked_trackers()
        self._watching = [
            info
            for info in plugins.infos
            if info.status == "loaded"
            and ((tracker := plugins.tracker(info)) is None or tracker.name in asked)
        ]
        self._columns: dict[str, Column] = {}

    @classmethod
    def of(cls, spec: AnySpec, directory: Path) -> Observers:
        """Those of every plugin that the run's process loads.

        Raises:
            PluginError: the plugins cannot be loaded.
        """
        return cls(plugins_of(spec), info_of(spec, directory))

    def watch(self, hook: str) -> bool:
        """Whether any of them implements a hook."""
        return any(hook in info.hooks for info in self._watching)

    def started(self) -> None:
        """The run begins."""
        self._call("vsebench_run_started")

    def stepped(self, steps: Sequence[TrainingStep]) -> None:
        """The run has taken these steps."""
        self._call("vsebench_stepped", steps=steps)

    def evaluated(self, point: CurvePoint) -> None:
        """The run has another point on its curve."""
        self._call("vsebench_evaluated", point=point)

    def tested(
        self, test: Callable[[], RetrievalTest | AnnotationTest | PatternsTest]
    ) -> dict[str, Column]:
        """The columns that they add to the run's row; `test` is called when one of them wants
        it.
        """
        if self.watch("vsebench_tested"):
            self._call("vsebench_tested", take=self._take_columns, test=test())
        return self._columns

    def finished(self, record: RunRecord) -> None:
        """The run has ended and its record is on disk."""
        assert record.status != "blocked"
        columns = {name: column.value for name, column in record.columns.items()}
        self._call(
            "vsebench_run_finished",
            outcome=Outcome(record.status, dict(record.test), columns, record.error),
        )

    def _call(
        self,
        hook: str,
        *,
        take: Callable[[PluginInfo, Any], None] | None = None,
        **arguments: object,
    ) -> None:
        for info in [info for info in self._watching if hook in info.hooks]:
            try:
                with _same_random_numbers(), redirect_stdout(sys.stderr):
                    for result in self._plugins.call(info, hook, run=self.run, **arguments):
                        if take is not None:
                            take(info, result)
            except (Exception, SystemExit) as error:
                self._drop(info, hook, error)

    def _drop(self, info: PluginInfo, hook: str, error: BaseException) -> None:
        self._watching.remove(info)
        traceback.print_exception(error)  # into the run's log
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        self.failures.append(
            f"{info.name} ({info.distribution} {info.version}) failed in {hook} and was not "
            f"called again: {reason}"
        )

    def _take_columns(self, info: PluginInfo, result: Any) -> None:
        """Checks all of a plugin's columns before it takes the first."""
        if not isinstance(result, Mapping):
            raise PluginError(
                f"it returned a {type(result).__name__}, expected numbers by the names of columns"
            )
        for name, value in result.items():
            self._check_column(name, value)
        source = f"{info.distribution} {info.version}"
        self._columns |= {
            name: Column(value=float(value), source=source) for name, value in result.items()
        }

    def _check_column(self, name: object, value: object) -> None:
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise PluginError(
                f"column {name!r} needs a name of small letters, digits and underscores"
            )
        if name in own_columns() or name.endswith(INTERVAL_ENDS):
            raise PluginError(f"column '{name}' is one of vsebench's own: choose another name")
        if name in self._columns:
            raise PluginError(
                f"column '{name}' was given by {self._columns[name].source}: choose another name"
            )
        if (
            isinstance(value, bool)
            or not isinstance(value, numbers.Real)
            or not math.isfinite(value)
        ):
            raise PluginError(
                f"column '{name}' must be a finite number, got {value!r}: leave it out where it "
                "is not known"
            )


def info_of(spec: AnySpec, directory: Path) -> RunInfo:
    """What hooks are told of a run."""
    return RunInfo(
        run_id=spec.run_id,
        label=spec.label,
        task=spec.task,
        dataset=spec.dataset.spec,
        components={
            slot.field: ref.spec for slot, ref in spec.components() if slot.field != "dataset"
        },
        protocol=spec.protocol.model_dump(),
        seed=spec.seed,
        device=spec.device,
        directory=directory,
    )


@contextmanager
def _same_random_numbers() -> Iterator[None]:
    """Puts torch's generators back: numbers that a plugin draws would change the run's."""
    import torch

    devices = range(torch.cuda.device_count()) if torch.cuda.is_initialized() else ()  # type: ignore[no-untyped-call]
    with torch.random.fork_rng(devices=devices):
        yield
