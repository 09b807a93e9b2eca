"""Whether the components of a plan can be made: which values of parameters contradict each other,
only the components know.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vsebench.plugin.errors import SpecError, VsebenchError
from vsebench.plugin.timebox import PluginTimeout, limit, within
from vsebench.results.record import ANNOTATION_METRICS, RETRIEVAL_METRICS, Evaluation
from vsebench.results.spec import AnnotationSpec

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from vsebench.plugin.registry import Component, Registry
    from vsebench.results.spec import AnySpec, ComponentRef

    Part = tuple[str, ComponentRef, dict[str, object]]
    """A component of a run, and what it is told when it is made."""


def check_components(runs: Iterable[AnySpec], registry: Registry) -> list[str]:
    """Makes each component once, as the runs will, and lets it go.

    Encoders are left out: making one may load a pretrained model.

    Returns:
        A warning for each component that fails for another reason: a fault of its own, which loses
        its runs and not those beside them.

    Raises:
        SpecError: a component refuses its parameters, or what the run asks of it.
        PluginTimeout: a component is not there in the time that plugins have to load.
    """
    import torch

    distinct = {
        (*_setting(run), kind, ref.spec, *context.items()): (run, kind, ref, context)
        for run in runs
        for kind, ref, context in _parts(run)
    }
    warnings = []
    with torch.random.fork_rng(devices=[]):
        for run, kind, ref, context in distinct.values():
            try:
                _ask(_made(registry.get(kind, ref.name), ref, context), kind, run)
            except (SpecError, PluginTimeout):
                raise
            except VsebenchError as error:
                warnings.append(f"{error}: its runs will fail")
            except (Exception, SystemExit) as error:  # whatever a plugin may raise
                warnings.append(
                    f"{kind} '{ref.spec}' cannot be made ({type(error).__name__}: "
                    f"{' '.join(str(error).split())}): its runs will fail"
                )
    return warnings


def _made(component: Component, ref: ComponentRef, context: dict[str, object]) -> Any:
    name = f"{component.owner} of {ref.distribution}"
    try:
        return within(
            limit(),
            lambda: component.create(ref.params, **context),
            plugin=f"with {name}",
            cure="leave the component out",
        )
    except PluginTimeout as error:
        raise PluginTimeout(f"{name} cannot be made: {error}") from error


def _parts(run: AnySpec) -> Iterator[Part]:
    if run.stop is not None:
        yield "stopping-rule", run.stop, {}
    if run.sampler is not None:
        yield "sampler", run.sampler, {}
    if isinstance(run, AnnotationSpec):
        yield "loss", run.loss, {}
        return
    dim: dict[str, object] = {"dim": run.protocol.embed_dim}
    batch: dict[str, object] = {"batch_size": run.protocol.batch_size}
    yield from (("pooling", pooling, dim) for pooling in (run.image_pooling, run.text_pooling))
    yield "similarity", run.similarity, dim
    yield from (("loss", loss, dim | batch) for loss in (run.warmup_loss, run.loss))
    yield "batch-plan", run.batch_plan, batch


def _setting(run: AnySpec) -> tuple[str, ...]:
    """What of a run decides what is asked of its components."""
    return (run.task, run.protocol.engine) if isinstance(run, AnnotationSpec) else (run.task,)


def _ask(made: Any, kind: str, run: AnySpec) -> None:
    """What the run will ask of a component before its first step, and of a stopping rule after it.

    Raises:
        SpecError: the component refuses it.
    """
    if kind == "stopping-rule":
        metrics = RETRIEVAL_METRICS if run.task == "retrieval" else ANNOTATION_METRICS
        made.should_stop(
            [
                Evaluation(
                    step=1,
                    epoch=1.0,
                    seconds=1.0,
                    loss=1.0,
                    lr=1.0,
                    metrics=dict.fromkeys(metrics, 0.0),
                    epoch_end=True,
                )
            ]
        )
    elif isinstance(run, AnnotationSpec) and run.protocol.engine == "sequential":
        from vsebench.annotation.sequential import require_kernel

        require_kernel(made, kind)
