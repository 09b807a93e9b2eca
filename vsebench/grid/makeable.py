"""Whether the components of a plan can be made: which values of parameters contradict each other, only the components know."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vsebench.plugin.errors import SpecError, VsebenchError
from vsebench.results.record import ANNOTATION_METRICS, RETRIEVAL_METRICS, Evaluation
from vsebench.results.spec import AnnotationSpec

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from vsebench.plugin.cards import Task
    from vsebench.plugin.registry import Kind, Registry
    from vsebench.results.spec import AnySpec, ComponentRef

    Part = tuple[Kind, ComponentRef, dict[str, object]]
    """A component of a run, and what it is told when it is made."""


def check_components(runs: Iterable[AnySpec], registry: Registry) -> Iterator[str]:
    """Makes each component once, as the runs will, and lets it go.

    A stopping rule is also asked about a curve of one point, which has every metric. Encoders are left out: making one may load a pretrained model.

    Yields:
        A warning for each component that fails for another reason: a fault of its own, which loses its runs and not those beside them.

    Raises:
        SpecError: a component refuses its parameters.
    """
    import torch

    distinct = {(run.task, kind, ref.spec, *context.items()): (run.task, kind, ref, context) for run in runs for kind, ref, context in _parts(run)}
    with torch.random.fork_rng(devices=[]):
        for task, kind, ref, context in distinct.values():
            try:
                made = registry.get(kind, ref.name).create(ref.params, **context)
                if kind == "stopping-rule":
                    made.should_stop([_first_point(task)])
            except SpecError:
                raise
            except VsebenchError as error:
                yield f"{error}: its runs will fail"
            except (Exception, SystemExit) as error:  # whatever a plugin may raise
                yield f"{kind} '{ref.spec}' cannot be made ({type(error).__name__}: {' '.join(str(error).split())}): its runs will fail"


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


def _first_point(task: Task) -> Evaluation:
    metrics = RETRIEVAL_METRICS if task == "retrieval" else ANNOTATION_METRICS
    return Evaluation(step=1, epoch=1.0, seconds=1.0, loss=1.0, lr=1.0, metrics=dict.fromkeys(metrics, 0.0), epoch_end=True)
