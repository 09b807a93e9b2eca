"""GPO, the Generalized Pooling Operator of VSE-infinity."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vsebench.plugin import Param, hookimpl
from vsebench_gpo.cards import GPO

if TYPE_CHECKING:
    from vsebench.plugin import Register


@hookimpl
def vsebench_register_poolings(register: Register) -> None:
    register(
        "gpo",
        "vsebench_gpo.pooling:GPO",
        params=[
            Param("d_pe", 32, "size of the positional encoding, even", minimum=2),
            Param("d_hidden", 32, "size of the generator's states; knots of the interpolation", minimum=1),
            Param("temperature", 0.1, "of the softmax over positions", minimum=1e-3),
            Param("generator", "gru", "of the weights", choices=("gru", "transformer", "mlp", "interpolation")),
            Param("encoding", "sincos", "of the ranks", choices=("sincos", "learned")),
            Param("reads", "positions", "what the generator reads of each rank", choices=("positions", "features", "both")),
            Param("weights", "shared", "by all dimensions, or not", choices=("shared", "per-dimension")),
        ],
        card=GPO,
    )
