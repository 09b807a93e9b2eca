"""GPO's weights by a perceptron of each rank by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import nn

from vsebench_plugins.gpo.generator import Generator

if TYPE_CHECKING:
    from torch import Tensor


class MLP(Generator):
    """`generator=mlp`: a hidden layer of ReLUs, which the head makes a perceptron of two layers
    (VSE-infinity, ablation without a sequence model).

    The paper's sizes are not known. From positions alone it scores a rank the same in every set:
    the length enters through the softmax only.
    """

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.size = hidden_size
        self.hidden = nn.Linear(input_size, hidden_size)

    def forward(self, rows: Tensor, lengths: Tensor) -> Tensor:  # noqa: ARG002  # ranks do not see each other
        states: Tensor = self.hidden(rows).relu()
        return states
