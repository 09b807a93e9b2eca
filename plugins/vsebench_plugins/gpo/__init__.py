"""GPO, the Generalized Pooling Operator of VSE-infinity."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vsebench.plugin import Param, hookimpl
from vsebench_plugins.gpo.cards import GPO

if TYPE_CHECKING:
    from vsebench.plugin import Register


@hookimpl
def vsebench_register_poolings(register: Register) -> None:
    register(
        "gpo",
        "vsebench_plugins.gpo.pooling:GPO",
        params=[
            Param("d_pe", 32, "size of the positional encoding, even", minimum=2),
            Param(
                "d_hidden",
                32,
                "size of the generator's states; knots of the interpolation",
                minimum=1,
            ),
            Param("temperature", 0.1, "of the softmax over ranks", minimum=1e-3),
            Param(
                "generator",
                "gru",
                "scores the ranks",
                choices=("gru", "transformer", "mlp", "interpolation"),
            ),
            Param(
                "encoding",
                "sincos",
                "a rank as fixed sinusoids or as a learnt vector",
                choices=("sincos", "learned"),
            ),
            Param(
                "reads",
                "positions",
                "what the generator reads of each rank",
                choices=("positions", "features", "both"),
            ),
            Param(
                "weights",
                "shared",
                "one for each rank, or one for each rank and dimension",
                choices=("shared", "per-dimension"),
            ),
        ],
        card=GPO,
    )
