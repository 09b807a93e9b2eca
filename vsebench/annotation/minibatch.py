"""The mini-batch engine: the sequential engine's update for a whole batch at once, on any device.

Its optimisers change some rows of a matrix. They ascend: they are given minus the gradient, and sum
it over repeated rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from vsebench.annotation.engine import TALLIED
from vsebench.kernels.negatives import below
from vsebench.plugin import DrawKey, Draws, PluginError, RankingInputs, SamplerState
from vsebench.plugin.keys import fork, stream_of
from vsebench.plugin.sampling import MARGIN

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

    from vsebench.annotation.engine import Context, Refreshes
    from vsebench.plugin import RankingLoss


def _check(draws: object, shape: list[int], n_labels: int, sampler: object) -> None:
    """Refuses draws that are none, before their tensors are used.

    Raises:
        PluginError: they are not `Draws`, a tensor is not of `shape` [B, k], or a negative is no
            label. Whether it is one is not checked on a CUDA device, which would be waited for.
    """
    name = type(sampler).__name__
    if not isinstance(draws, Draws):
        raise PluginError(f"expected Draws, got {type(draws).__name__} from the sampler {name}")
    for part in ("negatives", "trials", "weight"):
        found = list(getattr(draws, part).shape)
        if found != shape:
            raise PluginError(f"expected {part} {shape}, got {found} from the sampler {name}")
    negatives = draws.negatives
    if negatives.dtype != torch.int64:
        raise PluginError(
            f"expected negatives of torch.int64, got {negatives.dtype} from the sampler {name}"
        )
    if negatives.device.type == "cpu" and (negatives >= n_labels).any():
        raise PluginError(
            f"expected negatives below {n_labels}, the number of labels, got "
            f"{int(negatives.max())} from the sampler {name}"
        )


def _summed(rows: Tensor, ascent: Tensor) -> tuple[Tensor, Tensor]:
    """Distinct rows, and the sum for each."""
    distinct, place = torch.unique(rows, return_inverse=True)
    return distinct, torch.zeros(len(distinct), ascent.shape[1], device=ascent.device).index_add_(
        0, place, ascent
    )


class SGD:
    """Plain steps. As in every optimiser here, `step` changes the given rows, int64 [r], of one
    matrix [m, K] in place along `ascent` [r, K]; other rows and their statistics do not change.

    Args:
        matrix: matrix whose rows it changes.
        lr: learning rate.
    """

    def __init__(self, matrix: Tensor, lr: float) -> None:  # noqa: ARG002  # as the others
        self._lr = lr

    def step(self, matrix: Tensor, rows: Tensor, ascent: Tensor) -> None:
        matrix.index_add_(0, rows, ascent, alpha=self._lr)

    def state_dict(self) -> dict[str, Tensor]:
        return {}

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """It has no state."""


class AdaGrad:
    """AdaGrad (Duchi et al., JMLR 2011), as `torch.optim.Adagrad` on sparse gradients.

    Args:
        matrix: matrix whose rows it changes.
        lr: learning rate.
    """

    _EPS = 1e-10

    def __init__(self, matrix: Tensor, lr: float) -> None:
        self._lr = lr
        self._squares = torch.zeros_like(matrix)

    def step(self, matrix: Tensor, rows: Tensor, ascent: Tensor) -> None:
        rows, ascent = _summed(rows, ascent)
        squares = self._squares[rows].addcmul_(ascent, ascent)
        self._squares[rows] = squares
        matrix.index_add_(0, rows, ascent.div_(squares.sqrt_().add_(self._EPS)), alpha=self._lr)

    def state_dict(self) -> dict[str, Tensor]:
        return {"squares": self._squares}

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        self._squares.copy_(state["squares"])


class Adam:
    """Adam (Kingma and Ba, ICLR 2015) with moments of the given rows only, as
    `torch.optim.SparseAdam`.

    Args:
        matrix: matrix whose rows it changes.
        lr: learning rate.
    """

    _BETAS = (0.9, 0.999)
    _EPS = 1e-8

    def __init__(self, matrix: Tensor, lr: float) -> None:
        self._lr = lr
        self._steps = 0
        self._first, self._second = torch.zeros_like(matrix), torch.zeros_like(matrix)

    def step(self, matrix: Tensor, rows: Tensor, ascent: Tensor) -> None:
        rows, ascent = _summed(rows, ascent)
        self._steps += 1
        b1, b2 = self._BETAS
        first = self._first[rows].lerp_(ascent, 1 - b1)
        second = self._second[rows].mul_(b2).addcmul_(ascent, ascent, value=1 - b2)
        self._first[rows], self._second[rows] = first, second
        bias1, bias2 = 1 - b1**self._steps, 1 - b2**self._steps
        matrix.index_add_(
            0, rows, first / second.sqrt().add_(self._EPS), alpha=self._lr * bias2**0.5 / bias1
        )

    def state_dict(self) -> dict[str, Tensor]:
        return {"first": self._first, "second": self._second, "steps": torch.tensor(self._steps)}

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        self._first.copy_(state["first"])
        self._second.copy_(state["second"])
        self._steps = int(state["steps"])


OPTIMISERS: dict[str, type[SGD | AdaGrad | Adam]] = {"sgd": SGD, "adagrad": AdaGrad, "adam": Adam}


@dataclass(frozen=True, eq=False)
class Batch:
    """B pairs.

    Attributes:
        images: int64 [B].
        labels: int64 [B], the positives.
        features: float32 [B, d], of mapped images.
        vectors: float32 [B, K], of the images.
    """

    images: Tensor
    labels: Tensor
    features: Tensor | None
    vectors: Tensor


class MiniBatch:
    """See `Engine`; refreshes come before the first step that starts when they are due.

    Args:
        context: the run.
        refreshes: refreshes of its sampler.
    """

    def __init__(self, context: Context, refreshes: Refreshes) -> None:
        self._context = context
        self._refreshes = refreshes
        device, settings, rows = context.device, context.settings, context.data.positives
        self._owners = torch.from_numpy(context.owners).to(device)
        self._labels = torch.from_numpy(rows.labels.astype("int64")).to(device)
        self._features: np.ndarray | Tensor | None = context.data.features
        if self._features is not None and device.type != "cpu":
            self._features = torch.tensor(self._features, dtype=torch.float32, device=device)
        optimiser = OPTIMISERS[settings.optimiser]
        self._image_optimiser, self._label_optimiser = (
            optimiser(matrix, settings.lr)
            for matrix in (context.model.images, context.model.labels)
        )
        self._numbers = torch.arange(settings.batch_size, device=device)
        self._draws_per_step = settings.batch_size * settings.negatives
        self.tally: Tensor = torch.zeros(len(TALLIED), dtype=torch.float64, device=device)

    @torch.no_grad()
    def prepare(self, updates: int) -> None:
        self._refreshes.catch_up(updates)
        self._draw(self._batch(0), DrawKey(0, 0))

    def advance(self, updates: int, target: int) -> int:
        while updates < target:
            self._refreshes.catch_up(updates)
            self._step(updates // self._draws_per_step)
            updates += self._draws_per_step
            self._context.stepped(updates, self.tally)
        return updates

    @torch.no_grad()
    def _step(self, step: int) -> None:
        context, clock = self._context, self._context.clock
        with clock.measure("update"):
            batch = self._batch(step)
        with clock.measure("sampling"):
            draws = self._draw(batch, DrawKey(context.draw_seed, step))
        with clock.measure("update"):
            self._update(batch, draws)

    def _batch(self, step: int) -> Batch:
        model = self._context.model
        stream = torch.tensor(stream_of(self._context.pair_seed, step), device=self._numbers.device)
        pairs = below(fork(stream, self._numbers), len(self._labels))
        images, labels = self._owners[pairs], self._labels[pairs]
        if self._features is None:
            return Batch(images, labels, None, model.images[images])
        features = _rows(self._features, images)
        return Batch(images, labels, features, features @ model.images)

    def _draw(self, batch: Batch, key: DrawKey) -> Draws:
        context, k = self._context, self._context.settings.negatives
        state, anchors = context.state(), batch.images
        if batch.features is not None:
            state = SamplerState(
                batch.vectors, context.model.labels, context.data.positives, batch.images
            )
            anchors = self._numbers
        draws = context.sampler.sample(state, anchors, batch.labels, k, key)
        _check(draws, [len(batch.labels), k], len(context.model.labels), context.sampler)
        return draws

    def _update(self, batch: Batch, draws: Draws) -> None:
        model, settings = self._context.model, self._context.settings
        found = draws.negatives >= 0
        active = found.any(1)
        negatives = draws.negatives.clamp(min=0)
        positive, negative = model.labels[batch.labels], model.labels[negatives]
        pos = (batch.vectors * positive).sum(1)
        neg = torch.einsum("bf,bkf->bk", batch.vectors, negative).masked_fill(~found, -torch.inf)
        loss, up, down = _slopes(self._context.loss, RankingInputs(pos, neg, draws.weight), found)
        self._count(loss, pos[:, None] - neg, draws, found)
        climb = up[:, None] * positive - torch.einsum("bk,bkf->bf", down, negative)
        vectors = self._move_images(batch, climb, active)
        rows = torch.cat([batch.labels[active], negatives[found]])
        owners = torch.arange(len(active), device=active.device)[:, None].expand_as(found)[found]
        ascent = torch.cat(
            [(up[:, None] * vectors)[active], -down[found][:, None] * vectors[owners]]
        )
        decay = torch.cat([positive[active], negative[found]])
        self._label_optimiser.step(model.labels, rows, ascent - settings.l2_label * decay)

    def _move_images(self, batch: Batch, climb: Tensor, active: Tensor) -> Tensor:
        """Moves the images of a batch along `climb` [B, K] and returns their vectors then."""
        images, decay = self._context.model.images, self._context.settings.l2_image
        if batch.features is None:
            rows = batch.images[active]
            self._image_optimiser.step(images, rows, climb[active] - decay * batch.vectors[active])
            return images[batch.images]
        every = torch.arange(len(images), device=images.device)
        self._image_optimiser.step(
            images,
            every,
            batch.features.T @ (climb * active[:, None]) - decay * active.sum() * images,
        )
        return batch.features @ images

    def _count(self, loss: Tensor, difference: Tensor, draws: Draws, found: Tensor) -> None:
        skipped = (draws.trials == 0).sum()
        counts = (
            found.numel(),
            loss,
            ((difference < MARGIN) & found).sum(),
            draws.trials.sum(),
            skipped,
            (~found).sum() - skipped,
        )
        self.tally += torch.stack(
            [
                torch.as_tensor(count, dtype=torch.float64, device=self.tally.device)
                for count in counts
            ]
        )

    def state_dict(self) -> dict[str, Tensor]:
        both = {"image": self._image_optimiser, "label": self._label_optimiser}
        return {
            f"{name}.{key}": value
            for name, optimiser in both.items()
            for key, value in optimiser.state_dict().items()
        }

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        for name, optimiser in (("image", self._image_optimiser), ("label", self._label_optimiser)):
            optimiser.load_state_dict(
                {
                    key.partition(".")[2]: value
                    for key, value in state.items()
                    if key.startswith(f"{name}.")
                }
            )


def _slopes(
    loss: RankingLoss, inputs: RankingInputs, found: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """The loss, minus its derivatives by the positives' scores [B], and those by the negatives'
    [B, k], 0 where none was found.
    """
    with torch.enable_grad():
        pos, neg = inputs.pos.requires_grad_(), inputs.neg.requires_grad_()
        value = loss(RankingInputs(pos, neg, inputs.weight))
        by_positive, by_negative = torch.autograd.grad(value, (pos, neg))
    return value.detach(), -by_positive, by_negative.masked_fill(~found, 0)


def _rows(features: np.ndarray | Tensor, images: Tensor) -> Tensor:
    """Features [B, d] of images: read by the host from an array, or by the device from a tensor."""
    return (
        features[images]
        if isinstance(features, torch.Tensor)
        else torch.as_tensor(features[images.numpy()], dtype=torch.float32)
    )
