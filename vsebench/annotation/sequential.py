"""The sequential engine: SGD exactly as published, compiled, on one thread; it releases the GIL and
is deterministic.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from vsebench.annotation.engine import TALLIED
from vsebench.kernels.compiled import array
from vsebench.plugin import SpecError

if TYPE_CHECKING:
    from types import ModuleType

    from torch import Tensor

    from vsebench.annotation.engine import Context, Refreshes
    from vsebench.results.spec import AnnotationSpec

    Law = tuple[Any, tuple[np.ndarray, ...]]
    """A sampler's compiled function and its tables."""

# updates of a map that are taken at once; the more, the fewer passes over the map and the more
# products of features
_BLOCK = 64
# updates that plugins are told of as one step; whole blocks, so that being watched changes nothing
_STEP = 16 * _BLOCK


class Sequential:
    """See `Engine`; refreshes come exactly when they are due.

    Args:
        context: the run, on the CPU.
        refreshes: refreshes of its sampler.

    Raises:
        SpecError: the device is not the CPU, numba is missing, or the sampler or the loss has no
            kernel.
    """

    def __init__(self, context: Context, refreshes: Refreshes) -> None:
        if context.device.type != "cpu":
            raise SpecError(
                f"the sequential engine runs on the CPU, not on {context.device.type}: use "
                "engine=minibatch"
            )
        require_kernel(context.sampler, "sampler")
        require_kernel(context.loss, "loss")
        self._context = context
        self._refreshes = refreshes
        self._pair_loss = context.loss.kernel()  # type: ignore[attr-defined]  # as checked
        self._kernels = _kernels()
        features = context.data.features
        self._features = (
            None
            if features is None
            else torch.from_numpy(np.ascontiguousarray(features, np.float32))
        )
        self.tally: Tensor = torch.zeros(len(TALLIED), dtype=torch.float64)

    def prepare(self, updates: int) -> None:
        self._refreshes.catch_up(updates)
        if self._features is None:
            self._run_free(self._law(), updates, updates)
        else:
            self._run_block(self._law(), self._features, updates, updates)

    def advance(self, updates: int, target: int) -> int:
        while updates < target:
            self._refreshes.catch_up(updates)
            due = self._refreshes.next(updates)
            end = target if due is None else min(target, due)
            if self._context.steps is not None:
                end = min(end, updates - updates % _STEP + _STEP)
            with self._context.clock.measure("update"):
                self._run(updates, end)
            updates = end
            self._context.stepped(updates, self.tally)
        return updates

    def _run(self, start: int, end: int) -> None:
        law = self._law()
        if self._features is None:
            self._run_free(law, start, end)
            return
        while start < end:
            stop = min(end, start - start % _BLOCK + _BLOCK)
            self._run_block(law, self._features, start, stop)
            start = stop

    def _run_free(self, law: Law, start: int, end: int) -> None:
        context, model, rows = self._context, self._context.model, self._context.data.positives
        seeds = context.pair_seed, context.draw_seed
        draw, tables = law
        vectors = array(model.images), array(model.labels)
        train = self._kernels.free_trainer(draw, self._pair_loss)
        train(
            tables,
            (start, end),
            seeds,
            context.owners,
            rows.offsets,
            rows.labels,
            *vectors,
            self._rates,
            self.tally.numpy(),
        )

    def _run_block(self, law: Law, features: Tensor, start: int, end: int) -> None:
        context, model, rows = self._context, self._context.model, self._context.data.positives
        draw, tables = law
        pairs = self._kernels.pairs_of(context.pair_seed, start, end, rows.n_pairs)
        images = context.owners[pairs]
        x = features[torch.from_numpy(images)]
        steps = x @ model.images
        block = steps.numpy(), (x @ x.T).numpy()
        train = self._kernels.block_trainer(draw, self._pair_loss)
        given = (
            tables,
            start,
            context.draw_seed,
            images,
            rows.labels[pairs],
            rows.offsets,
            rows.labels,
        )
        left = train(*given, block, array(model.labels), self._rates, self.tally.numpy())
        model.images.addmm_(x.T, steps, beta=left)

    def _law(self) -> Law:
        kernel = self._context.sampler.kernel()  # type: ignore[attr-defined]  # as checked
        return kernel.draw, tuple(kernel.tables)

    @property
    def _rates(self) -> tuple[float, float, float]:
        settings = self._context.settings
        return settings.lr, settings.lr * settings.l2_image, settings.lr * settings.l2_label

    def state_dict(self) -> dict[str, Tensor]:
        return {}

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """It has no state of its own."""


def ask(component: object, kind: str, run: AnnotationSpec) -> None:
    """Checks that a component has what a run's engine needs.

    Raises:
        SpecError: it has not.
    """
    if run.protocol.engine == "sequential":
        require_kernel(component, kind)


def require_kernel(component: object, kind: str) -> None:
    """Refuses a sampler or a loss that the engine cannot use.

    Raises:
        SpecError: it has no kernel.
    """
    if not hasattr(component, "kernel"):
        hint = f"use engine=minibatch, or give it kernel() (docs/plugins/{kind}.md)"
        raise SpecError(
            f"{kind} {type(component).__name__} has no compiled form, which the sequential engine "
            f"needs: {hint}"
        )


def _kernels() -> ModuleType:
    try:
        from vsebench.annotation import sequential_numba
    except ImportError as error:
        raise SpecError(
            f"the sequential engine needs numba, which cannot be imported ({error}): use "
            "engine=minibatch"
        ) from error
    return sequential_numba
