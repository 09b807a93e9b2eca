"""Towers whose parts torch compiles for training steps (protocol key `compile`).

A part has a graph for every width of its batches, which are few (`inputs.padded.bucket`), and one
more for a last batch that is smaller and for parameters that begin to train. Encoders with a
recurrent layer of torch are not compiled, since no graph may hold one, nor are losses, which may
read the number of the step.
"""

from __future__ import annotations

import os
import shutil
import warnings
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from vsebench.plugin import SpecError
from vsebench.retrieval.inputs.padded import Padded, join

if TYPE_CHECKING:
    from torch import Tensor

    from vsebench.retrieval.inputs.padded import Kept
    from vsebench.retrieval.model import Encoded, Tower

SETTINGS: dict[str, dict[str, Any]] = {
    # Random numbers as in steps that are not compiled, so that dropout drops the same
    "inductor": {"backend": "inductor", "options": {"fallback_random": True}}
}
"""Arguments of `torch.compile`, by the value of the key."""

_MOST_GRAPHS = 256  # of a part; torch gives up after 8


class CompiledTower:
    """A tower in training, its encoder and its pooling compiled.

    Args:
        tower: the tower, which is not changed and keeps the parameters.
        compile_: value of the protocol key.

    Raises:
        SpecError: the compiler is not installed.
    """

    def __init__(self, tower: Tower, compile_: str) -> None:
        settings = SETTINGS[compile_]
        if settings["backend"] == "inductor":
            _check_inductor(next(tower.parameters()).device)
        self._read, self._outputs = tower.read, tower.outputs
        recurrent = any(isinstance(module, nn.RNNBase) for module in tower.encoder.modules())
        self._encode, self._embed = (
            tower.encode,
            torch.compile(tower.embed, dynamic=False, **settings),
        )
        if not recurrent:
            self._encode = torch.compile(tower.encode, dynamic=False, **settings)

    def __call__(
        self, values: Tensor, lengths: Tensor, kept: Kept | None = None, *others: Padded
    ) -> Encoded:
        """As the tower's `forward`."""
        with (
            torch._dynamo.config.patch(recompile_limit=_MOST_GRAPHS),
            warnings.catch_warnings(),
        ):
            # What goes from one graph to the next is no leaf, and torch looks for its gradient
            warnings.filterwarnings("ignore", "The .grad attribute of a Tensor that is not a leaf")
            local = [
                self._encode(self._read(batch.values), batch.lengths, batch.kept)
                for batch in (Padded(values, lengths, kept), *others)
            ]
            joined = join(local)
            embedded: Encoded = self._embed(joined.values, joined.lengths)
        self._outputs.check(embedded.raw)
        return embedded


def _check_inductor(device: torch.device) -> None:
    """Refuses what would end in a traceback of the compiler's own."""
    if device.type == "cuda" and find_spec("triton") is None:
        raise SpecError(
            "compile=inductor needs Triton on CUDA, and it is not installed: pip install triton, "
            "or write --set compile=none"
        )
    compilers = (os.environ.get("CXX", "g++"), "g++", "clang++")
    if device.type == "cpu" and not any(map(shutil.which, compilers)):
        raise SpecError(
            "compile=inductor needs a C++ compiler on the CPU, and neither g++ nor clang++ is "
            "found: install one, or write --set compile=none"
        )
