"""Whether the components of a plan can be made: which values of parameters contradict each other,
only the components know.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vsebench.plugin.errors import SpecError, VsebenchError
from vsebench.plugin.host.timebox import PluginTimeout, limit, within
from vsebench.plugin.kinds import KINDS
from vsebench.results.components import make
from vsebench.results.record import Evaluation
from vsebench.results.tasks import task_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from vsebench.plugin.registry import Registry
    from vsebench.results.slots import ComponentSlot
    from vsebench.results.spec import AnySpec, ComponentRef


def check_components(runs: Iterable[AnySpec], registry: Registry) -> list[str]:
    """Makes each component once, as the runs will, and lets it go.

    What is told of the data is left out: the encoders, which may load a pretrained model.

    Returns:
        A warning for each component that fails for another reason: a fault of its own, which loses
        its runs and not those beside them.

    Raises:
        SpecError: a component refuses its parameters, or what the run asks of it.
        PluginTimeout: a component is not there in the time that plugins have to load.
    """
    import torch

    distinct = {
        (run.task, *run.setting, slot.kind, ref.spec, *_told(run, slot)): (run, slot, ref)
        for run in runs
        for slot, ref in run.components()
        if KINDS[slot.kind].context <= run.context.keys()
    }
    warnings = []
    with torch.random.fork_rng(devices=[]):
        for run, slot, ref in distinct.values():
            try:
                _ask(_made(run, slot, ref, registry), slot.kind, run)
            except (SpecError, PluginTimeout):
                raise
            except VsebenchError as error:
                warnings.append(f"{error}: its runs will fail")
            except (Exception, SystemExit) as error:  # whatever a plugin may raise
                warnings.append(
                    f"{slot.kind} '{ref.spec}' cannot be made ({type(error).__name__}: "
                    f"{' '.join(str(error).split())}): its runs will fail"
                )
    return warnings


def _told(run: AnySpec, slot: ComponentSlot) -> tuple[int, ...]:
    return tuple(run.context[name] for name in sorted(KINDS[slot.kind].context))


def _made(run: AnySpec, slot: ComponentSlot, ref: ComponentRef, registry: Registry) -> Any:
    name = f"{registry.get(slot.kind, ref.name).owner} of {ref.distribution}"
    try:
        return within(
            limit(),
            lambda: make(run, slot.field, registry),
            plugin=f"with {name}",
            hint="leave the component out",
        )
    except PluginTimeout as error:
        raise PluginTimeout(f"{name} cannot be made: {error}") from error


def _ask(made: Any, kind: str, run: AnySpec) -> None:
    """What the run will ask of a component before its first step, and of a stopping rule after it.

    Raises:
        SpecError: the component refuses it.
    """
    if kind == "stopping-rule":
        made.should_stop(
            [
                Evaluation(
                    step=1,
                    epoch=1.0,
                    seconds=1.0,
                    loss=1.0,
                    lr=1.0,
                    metrics={metric.key: 0.0 for metric in task_of(run).metrics},
                    epoch_end=True,
                )
            ]
        )
    elif (ask := task_of(run).load_asker()) is not None:
        ask(made, kind, run)
