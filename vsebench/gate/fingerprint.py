"""What a row's numbers are, step by step, in a run of a second or two: equal fingerprints mean that
nothing changed, however small.

Numbers of one machine are those of another only where CPU, libraries, threads and the way of matrix
products are the same; a fingerprint says which they were.
"""

from __future__ import annotations

import hashlib
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import Field

from vsebench.grid.run import run_plan
from vsebench.grid.suite import Suite, make_suite
from vsebench.plugin.errors import SpecError
from vsebench.plugin.routes import asked
from vsebench.report.rows.runs import read_runs
from vsebench.results.protocol import Frozen
from vsebench.results.tasks import task_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from contextlib import AbstractContextManager

    from vsebench.grid.plan import Plan
    from vsebench.plugin.jobs import Report
    from vsebench.report.rows.runs import Run
    from vsebench.results.run_base import RunBase

    Watch = Callable[[Plan], AbstractContextManager[Report | None]]

_LIBRARIES = ("torch", "numpy", "numba")
_DIGITS = 8


class Machine(Frozen):
    """What numbers depend on besides the code."""

    cpu: str = Field(description="name of the CPU")
    generation: str = Field(
        "", description="its family, model and stepping, which the name may leave out"
    )
    matmul: str = Field(description="how fp32 matrix products are computed")
    kernels: str = Field(description="what VSEBENCH_KERNELS says")
    threads: int
    libraries: dict[str, str] = Field(description="versions of those that compute")

    @property
    def text(self) -> str:
        """As messages name it."""
        libraries = ", ".join(f"{name} {version}" for name, version in self.libraries.items())
        cpu = f"{self.cpu} {self.generation}".rstrip()
        return f"{cpu}, {libraries}, products {self.matmul}, kernels {self.kernels}"


class Trace(Frozen):
    """The numbers of one row's run."""

    steps: str = Field(description="a hash of loss and dev metrics after each evaluation")
    test: str = Field("", description="a hash of the test metrics and of every test rank")
    error: str = Field("", description="the last line of the traceback of a run that failed")

    def first_change(self, other: Trace) -> str | None:
        """Since when another trace differs, in words; None where it does not."""
        if other.error:
            return f"fails: {other.error}"
        ours, theirs = self.steps.split(), other.steps.split()
        for step, pair in enumerate(zip(ours, theirs, strict=False), start=1):
            if pair[0] != pair[1]:
                return f"since evaluation {step} of {len(theirs)}"
        if len(ours) != len(theirs):
            return f"{len(theirs)} evaluations instead of {len(ours)}"
        return "in the test ranks alone" if self.test != other.test else None


class Fingerprint(Frozen):
    """The traces of a suite's rows on one machine."""

    machine: Machine
    rows: dict[str, Trace]

    def changes(self, now: Fingerprint) -> dict[str, str]:
        """The rows of `now` that differ, each with since when, and those that are new."""
        return {
            row: change
            for row, trace in now.rows.items()
            if (change := self.rows[row].first_change(trace) if row in self.rows else "new")
        }


def row_of(run: RunBase) -> str:
    """How a gate names the row of a run: `gpo,triplet`."""
    return ",".join((*run.combination, *run.set_apart))


def take(suite: Suite, planned: Plan, watch: Watch) -> Fingerprint:
    """Runs the probe of a suite's task with the suite's components and protocol, on the CPU.

    Args:
        suite: components, and protocol keys that the probe leaves alone.
        planned: plan of the suite.
        watch: shows the progress of a plan.

    Raises:
        SpecError: the task has no probe.
        VsebenchError: a component does not work on the probe's data.
    """
    from vsebench.grid.plan import plan

    with tempfile.TemporaryDirectory(prefix="vsebench-gate-") as folder:
        probe = plan(_probe(suite, planned, folder))
        with watch(probe) as report:
            run_plan(probe, reporter=report)
        runs = read_runs(Path(folder)).ended
        traces = {row_of(run.record.spec): _trace(run) for run in runs}
        return Fingerprint(machine=_machine(runs), rows=traces)


def not_covered(suite: Suite, planned: Plan) -> list[str]:
    """The components that the suite's protocol names and its probe replaces, such as a pretrained
    encoder: `text-encoder bert`.
    """
    from vsebench.grid.plan import plan

    probed = plan(_probe(suite, planned, "")).runs[0]
    used = {slot.field: ref.spec for slot, ref in probed.components()}
    return [
        f"{slot.kind} {ref.spec}"
        for slot, ref in planned.runs[0].components()
        if slot.held_equal and used.get(slot.field) != ref.spec
    ]


def _probe(suite: Suite, planned: Plan, folder: str) -> Suite:
    run = planned.runs[0]
    probe = task_of(run).probe
    if probe is None:
        raise SpecError(f"the {run.task} task has no fingerprint: gate it with 'vsebench compare'")
    values = {key: getattr(suite, key) for key in suite.model_fields_set & _KEPT}
    return make_suite(
        {
            **values,
            "dataset": probe.dataset,
            "protocol": run.protocol.name,
            "set": {**suite.changes, **probe.changes},
            "seeds": (0,),
            "device": "cpu",
            "out": folder or "unused",
        },
        "fingerprint",
    )


_KEPT = {"pooling", "similarity", "loss", "sampler", "plugin", "workers"}


def _trace(run: Run) -> Trace:
    if not run.done:
        lines = (run.record.error or "no record").strip().splitlines()
        return Trace(steps="", error=lines[-1])
    steps = (
        _hash((repr(each.loss), *(f"{key}={each.metrics[key]!r}" for key in sorted(each.metrics))))
        for each in run.curve
    )
    metrics = (f"{key}={value!r}" for key, value in sorted(run.record.test.items()))
    ranks = (values.tobytes().hex() for _, values in sorted(run.per_image.items()))
    return Trace(steps=" ".join(steps), test=_hash((*metrics, *ranks)))


def _hash(parts: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:_DIGITS]


def _machine(runs: Iterable[Run]) -> Machine:
    """As the records of runs say it; that of this process where every run failed."""
    import torch

    from vsebench.kernels.gemm import onednn_keeps_float32
    from vsebench.results.provenance import provenance

    found = next((run.record.provenance for run in runs if run.record.provenance), None)
    if found is None:
        route = "onednn-fp32" if onednn_keeps_float32() else "default"
        found = provenance(torch.device("cpu"), route)
    return Machine(
        cpu=found.device_name,
        generation=found.cpu_generation,
        matmul=found.matmul,
        kernels=asked(),
        threads=1,
        libraries={name: found.libraries[name] for name in _LIBRARIES if name in found.libraries},
    )


def in_common(rows: Mapping[str, RunBase], changed: Iterable[str]) -> list[str]:
    """The components that explain the changed rows: every row with one of them changed, and some
    row without it did not. Empty where all rows changed, which no component explains.

    Args:
        rows: a run of each row.
        changed: the rows that changed.
    """
    differ = set(changed) & rows.keys()
    if len(differ) == len(rows):
        return []
    having: dict[str, set[str]] = {}
    for row, run in rows.items():
        for axis, spec in run.axes.items():
            if spec is not None:
                having.setdefault(f"{axis} {spec}", set()).add(row)
    return [name for name, those in having.items() if those <= differ]
