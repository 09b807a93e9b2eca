"""Negative samplers that are the baselines of VSE-ens, and the losses of the annotation task."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vsebench.plugin import Card, LossCard, Paper, Param, hookimpl

if TYPE_CHECKING:
    from vsebench.plugin import Register

_WSABIE = Paper(
    "WSABIE: Scaling Up to Large Vocabulary Image Annotation",
    2011,
    "https://www.ijcai.org/Proceedings/11/Papers/460.pdf",
    venue="IJCAI",
    where="§3, Algorithm 1",
)
_VSE_ENS = "https://arxiv.org/abs/1801.01632"
_BPR = Paper(
    "BPR: Bayesian Personalized Ranking from Implicit Feedback",
    2009,
    "https://arxiv.org/abs/1205.2618",
    venue="UAI",
    where="BPR-Opt, §4.1",
)

UNIFORM = Card(
    "any label that the image does not have, at equal chances (Opt-AUC)",
    paper=_BPR,
    notes=("Drawn by rank among the image's negatives: one random number, no rejection.",),
)

POPULARITY = Card(
    "in proportion to (training images of the label + 1) ^ power",
    paper=Paper(
        "Improving Pairwise Learning for Item Recommendation from Implicit Feedback",
        2014,
        "https://doi.org/10.1145/2556195.2556248",
        venue="WSDM",
        where="static oversampling",
    ),
)

WARP = Card(
    "uniform trials until one violates the margin; their number estimates the positive's rank",
    paper=_WSABIE,
    notes=(
        "A pair whose trials all fail is skipped.",
        (
            "The code released with VSE-ens calls WARP a scan in fixed label order with an "
            "unweighted logistic loss; this is the published algorithm."
        ),
    ),
)

DNS = Card(
    "the best of n uniform candidates by the current model, or one of its best m",
    paper=Paper(
        "Optimizing Top-N Collaborative Filtering via Dynamic Negative Item Sampling",
        2013,
        "https://doi.org/10.1145/2484028.2484126",
        venue="SIGIR",
        where="§3, Algorithm 1",
    ),
)

SOFTMAX_ORACLE = Card(
    "in proportion to exp(score / temperature) over all labels: exact, and as costly as scoring "
    "them all",
    paper=Paper(
        "Quick Training of Probabilistic Neural Nets by Importance Sampling",
        2003,
        "https://proceedings.mlr.press/r4/bengio03a.html",
        venue="AISTATS",
        where="the ideal proposal",
    ),
)

HINGE = LossCard(
    "[1 − (positive − negative)]+",
    paper=Paper(
        "VSE-ens: Visual-Semantic Embeddings with Efficient Negative Sampling",
        2018,
        _VSE_ENS,
        venue="AAAI",
        where="the objective",
    ),
    task="annotation",
    non_negative=True,
)

LOGISTIC = LossCard(
    "ln(1 + exp(negative − positive))", paper=_BPR, task="annotation", non_negative=True
)

WARP_WEIGHTED = LossCard(
    "the hinge times the weight of the positive's estimated rank",
    paper=_WSABIE,
    task="annotation",
    non_negative=True,
    notes=(
        "Only warp estimates ranks; with any other sampler the weight is 1 and this is the hinge.",
    ),
)


@hookimpl
def vsebench_register_samplers(register: Register) -> None:
    register("uniform", "vsebench_plugins.sampling.independent:Uniform", card=UNIFORM)
    register(
        "popularity",
        "vsebench_plugins.sampling.independent:Popularity",
        params=[
            Param(
                "power", 1.0, "1 draws in proportion to counts, 0 uniformly", minimum=0, maximum=16
            )
        ],
        card=POPULARITY,
    )
    register(
        "warp",
        "vsebench_plugins.sampling.scored:Warp",
        params=[
            Param(
                "trials",
                0,
                "largest number of candidates per draw; 0 allows as many as there are other labels",
                minimum=0,
            ),
            Param(
                "xi",
                "top",
                "what the weight optimises: the top of the ranking (1/j) or the mean rank (1/(A - "
                "1))",
                choices=("top", "mean"),
            ),
        ],
        card=WARP,
    )
    register(
        "dns",
        "vsebench_plugins.sampling.scored:DNS",
        params=[
            Param("n", 8, "candidates", minimum=1),
            Param("m", 1, "of the best, how many may be taken", minimum=1),
        ],
        card=DNS,
    )
    register(
        "softmax-oracle",
        "vsebench_plugins.sampling.scored:SoftmaxOracle",
        params=[Param("temperature", 1.0, "smaller is harder", minimum=1e-3)],
        card=SOFTMAX_ORACLE,
    )


@hookimpl
def vsebench_register_losses(register: Register) -> None:
    register("hinge", "vsebench_plugins.sampling.losses:Hinge", card=HINGE)
    register("logistic", "vsebench_plugins.sampling.losses:Logistic", card=LOGISTIC)
    register("warp-weighted", "vsebench_plugins.sampling.losses:WarpWeighted", card=WARP_WEIGHTED)
