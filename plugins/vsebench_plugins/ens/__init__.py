"""VSE-ens (negatives by rank and factor) and AoBPR (adaptive oversampling), which share one law."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vsebench.plugin import Card, Paper, Param, Published, hookimpl

if TYPE_CHECKING:
    from vsebench.plugin import Register

_URL = "https://arxiv.org/abs/1801.01632"
_TABLE = f"{_URL}, Table 2"

VSE_ENS = Card(
    "a rank ∝ exp(−r/λ) by a factor ∝ |v|·σ, from rankings refreshed every A·ln A updates",
    paper=Paper(
        "VSE-ens: Visual-Semantic Embeddings with Efficient Negative Sampling",
        2018,
        _URL,
        venue="AAAI",
        where="§3, Algorithm 1",
    ),
    published=(
        Published(
            "OpenImages, 6,000 labels",
            {
                "p_at_5": 0.0574,
                "r_at_5": 0.2869,
                "p_at_10": 0.0434,
                "r_at_10": 0.4342,
                "map": 0.1762,
                "auc": 0.7168,
            },
            _TABLE,
        ),
        Published(
            "NUS-WIDE, 5,108 labels",
            {
                "p_at_5": 0.0278,
                "r_at_5": 0.1391,
                "p_at_10": 0.0198,
                "r_at_10": 0.1982,
                "map": 0.0893,
                "auc": 0.5990,
            },
            _TABLE,
        ),
        Published(
            "IAPR-TC12, 291 labels",
            {
                "p_at_5": 0.0598,
                "r_at_5": 0.2990,
                "p_at_10": 0.0436,
                "r_at_10": 0.4364,
                "map": 0.1836,
                "auc": 0.7126,
            },
            _TABLE,
        ),
    ),
    notes=(
        (
            "The scale of the ranks is λ · (A − 1), not rounded; the released code rounds it "
            "down, and divides by zero up to 1,000 labels."
        ),
        (
            "Training positives are drawn again, as in the released code; after 64 times any "
            "negative is taken."
        ),
        "Published figures are fractions.",
    ),
)

AOBPR = Card(
    "the law of vse-ens, its scale in ranks",
    paper=Paper(
        "Improving Pairwise Learning for Item Recommendation from Implicit Feedback",
        2014,
        "https://doi.org/10.1145/2556195.2556248",
        venue="WSDM",
        where="adaptive oversampling",
    ),
)


@hookimpl
def vsebench_register_samplers(register: Register) -> None:
    register(
        "vse-ens",
        "vsebench_plugins.ens.sampler:VSEens",
        params=[
            Param(
                "lam", 0.001, "scale of the rank law, as a fraction of the other labels", minimum=0
            ),
            Param(
                "ranks", 0.0, "the scale in ranks, in place of lam; 0 leaves it to lam", minimum=0
            ),
            Param(
                "spread",
                "std",
                "of a factor over labels: as published, or the variance, as released",
                choices=("std", "variance"),
            ),
        ],
        card=VSE_ENS,
    )
    register(
        "aobpr",
        "vsebench_plugins.ens.sampler:AoBPR",
        params=[Param("ranks", 500.0, "scale of the rank law, in ranks", minimum=0)],
        card=AOBPR,
    )
