"""Optimisers of some rows of a matrix. They climb: what they are given is minus the gradient, and a
row that is given twice gets the sum.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import torch

if TYPE_CHECKING:
    from torch import Tensor


class RowOptimiser(Protocol):
    """Changes the rows of one matrix [m, K]; rows that are not given stay as they are, and so does
    what is known of them.
    """

    def step(self, matrix: Tensor, rows: Tensor, ascent: Tensor) -> None:
        """Changes the rows `rows` int64 [r] of `matrix` in place along `ascent` [r, K]."""
        ...

    def state_dict(self) -> dict[str, Tensor]: ...
    def load_state_dict(self, state: dict[str, Tensor]) -> None: ...


def _summed(rows: Tensor, ascent: Tensor) -> tuple[Tensor, Tensor]:
    """Distinct rows, and the sum for each."""
    distinct, place = torch.unique(rows, return_inverse=True)
    return distinct, torch.zeros(len(distinct), ascent.shape[1], device=ascent.device).index_add_(
        0, place, ascent
    )


class SGD:
    """Plain steps.

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
