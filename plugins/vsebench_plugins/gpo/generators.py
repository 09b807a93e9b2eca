"""GPO's generators by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vsebench_plugins.gpo.gru import PrefixBiGRU
from vsebench_plugins.gpo.interpolation import Interpolation
from vsebench_plugins.gpo.item_gru import ItemBiGRU
from vsebench_plugins.gpo.mlp import MLP
from vsebench_plugins.gpo.transformer import Transformer

if TYPE_CHECKING:
    from vsebench_plugins.gpo.generator import Generator


def make_generator(
    name: str, input_size: int, hidden_size: int, *, features: bool
) -> PrefixBiGRU | Generator:
    """The generator `gru`, `transformer`, `mlp` or `interpolation`.

    Args:
        name: name of the generator.
        input_size: size of a row that it reads.
        hidden_size: size of a state.
        features: the rows hold features, so that each item has its own; else all items read the
            same rows, cut at their lengths.
    """
    match name:
        case "gru":
            return (
                ItemBiGRU(input_size, hidden_size)
                if features
                else PrefixBiGRU(input_size, hidden_size)
            )
        case "transformer":
            return Transformer(input_size, hidden_size)
        case "mlp":
            return MLP(input_size, hidden_size)
        case _:
            return Interpolation(hidden_size)
