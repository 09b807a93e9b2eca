"""AOQ, the adaptive offline quintuplet loss."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vsebench.plugin import Param, hookimpl
from vsebench_plugins.aoq.cards import AOQ

if TYPE_CHECKING:
    from vsebench.plugin import Register


@hookimpl
def vsebench_register_losses(register: Register) -> None:
    register(
        "aoq",
        "vsebench_plugins.aoq.loss:AOQ",
        params=[
            Param("margin", 0.2, "margin of the online hinges", minimum=0),
            Param("offline_margin", 0.0, "margin of the offline hinges", minimum=0),
            Param(
                "alpha",
                0.3,
                "distance between offline and online scores that changes a weight by 1",
                minimum=1e-6,
            ),
            Param(
                "beta",
                1.5,
                "weight of an online hinge whose negative is as hard as the offline one",
            ),
            Param(
                "h",
                300,
                "hard captions kept for each image; a fifth as many images for each caption",
                minimum=1,
            ),
            Param(
                "terms",
                "full",
                "the paper's ablations: OffTri, OffQuin, or the whole loss",
                choices=("offtri", "offquin", "full"),
            ),
            Param("detach_weight", False, "keep gradients out of the adaptive weights"),
            Param("clamp_weight", False, "raise negative adaptive weights to 0"),
            Param(
                "start",
                "scratch",
                "second round from new parameters, or warm from the first round's best model",
                choices=("scratch", "warm"),
            ),
            Param(
                "mine",
                "hard",
                "offline negatives are the hardest, or random ones as a control",
                choices=("hard", "random"),
            ),
            Param(
                "reduction",
                "sum",
                "over the batch; the published loss sums",
                choices=("sum", "mean"),
            ),
        ],
        card=AOQ,
    )
