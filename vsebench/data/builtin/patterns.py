"""The data set of the pattern task: sets of random vectors."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vsebench.data.builtin.captions import GENERATED
from vsebench.plugin import DatasetCard, Paper, Param

if TYPE_CHECKING:
    from vsebench.plugin import Register

NAMES = ("avg", "max-1", "max-10", "top-half", "linear-decay")
"""What can be learnt: keys of `vsebench.patterns.sets.WEIGHTS`, which imports torch."""


def register_pattern_sets(register: Register) -> None:
    """Registers `patterns`."""
    register(
        "patterns",
        "vsebench.patterns.data:Patterns",
        params=[
            Param("pattern", NAMES[0], "what is to be learnt", choices=NAMES),
            Param("dim", 16, "size of the vectors", minimum=1, maximum=4096),
            Param(
                "sets",
                1000,
                "sets of each range of sizes in dev, and in test",
                minimum=2,
                maximum=1e5,
            ),
        ],
        card=DatasetCard(
            "random sets and a pooling to imitate: the average, a maximum, …; nothing to download",
            paper=Paper(
                "Learning the Best Pooling Strategy for Visual Semantic Embedding",
                2021,
                "https://arxiv.org/abs/2011.04305",
                venue="CVPR",
                where="supplement, Table 6",
            ),
            task="patterns",
            feature_kind="none",
            protocol="vse-infinity-patterns",
            licence="as vsebench",
            citation="cite vsebench",
            prepare=GENERATED,
            generated=True,
            notes=(
                (
                    "Training has sets of 20 to 100 vectors; dev and test have those and sets of "
                    "10 to 19 and 101 to 120."
                ),
                "Every run is tested on the same sets.",
            ),
        ),
    )
