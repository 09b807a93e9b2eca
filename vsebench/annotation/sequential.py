"""The sequential engine: SGD exactly as published, compiled, on one thread; it releases the GIL and is deterministic."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from vsebench.annotation.engine import TALLIED
from vsebench.kernels.compiled import array
from vsebench.plugin import SpecError

if TYPE_CHECKING:
    from torch import Tensor

    from vsebench.annotation.engine import Context, Refreshes


class Sequential:
    """See `Engine`; refreshes come exactly when they are due.

    Args:
        context: the run, on the CPU.
        refreshes: of its sampler.

    Raises:
        SpecError: the device is not the CPU, numba is missing, or the sampler or the loss has no kernel.
    """

    def __init__(self, context: Context, refreshes: Refreshes) -> None:
        if context.device.type != "cpu":
            raise SpecError(f"the sequential engine runs on the CPU, not on {context.device.type}: use engine=minibatch")
        for component, name in ((context.sampler, "sampler"), (context.loss, "loss")):
            if not hasattr(component, "kernel"):
                raise SpecError(f"{name} {type(component).__name__} has no compiled form, which the sequential engine needs: use engine=minibatch")
        self._context = context
        self._refreshes = refreshes
        self._pair_loss = context.loss.kernel()  # type: ignore[attr-defined]  # as checked
        self._train, self._parameters = self._compiled()
        self.tally: Tensor = torch.zeros(len(TALLIED), dtype=torch.float64)

    def _compiled(self) -> tuple[Any, tuple[np.ndarray, ...]]:
        try:
            from vsebench.annotation.sequential_numba import train_free, train_mapped
        except ImportError as error:
            raise SpecError(f"the sequential engine needs numba, which cannot be imported ({error}): use engine=minibatch") from error
        model, features = self._context.model, self._context.data.features
        vectors = array(model.images), array(model.labels)
        if features is None:
            return train_free, vectors
        return train_mapped, (np.ascontiguousarray(features, np.float32), *vectors)

    def prepare(self, updates: int) -> None:
        self._refreshes.catch_up(updates)
        self._run(updates, updates)

    def advance(self, updates: int, target: int) -> int:
        while updates < target:
            self._refreshes.catch_up(updates)
            due = self._refreshes.next(updates)
            end = target if due is None else min(target, due)
            with self._context.clock.measure("update"):
                self._run(updates, end)
            updates = end
        return updates

    def _run(self, start: int, end: int) -> None:
        context, settings = self._context, self._context.settings
        kernel, rows = context.sampler.kernel(), context.data.positives  # type: ignore[attr-defined]  # as checked
        self._train(
            kernel.draw,
            self._pair_loss,
            tuple(kernel.tables),
            (start, end),
            (context.pair_seed, context.draw_seed),
            context.owners,
            rows.offsets,
            rows.labels,
            *self._parameters,
            (settings.lr, settings.lr * settings.l2_image, settings.lr * settings.l2_label),
            self.tally.numpy(),
        )

    def state_dict(self) -> dict[str, Tensor]:
        return {}

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """It has no state of its own."""
