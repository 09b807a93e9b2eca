"""Probabilistic embeddings, after PCME++: a pooling, a similarity and a loss, through the seams
that every plugin has.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from vsebench.plugin import Card, LossCard, Paper, Param, PoolingCard, hookimpl

if TYPE_CHECKING:
    from vsebench.plugin import Register


def _paper(where: str) -> Paper:
    return Paper(
        "Improved Probabilistic Image-Text Representations",
        2024,
        "https://arxiv.org/abs/2305.18171",
        venue="ICLR",
        where=where,
    )


@hookimpl
def vsebench_register_poolings(register: Register) -> None:
    register(
        "gaussian",
        "vsebench_pcmepp.pooling:Gaussian",
        params=[
            Param("spread", 0.1, "total variance at the start", minimum=1e-6),
            Param("vib", 1e-4, "weight of the divergence from the standard normal", minimum=0),
        ],
        card=PoolingCard(
            "a diagonal Gaussian per item: the mean of the features, and a log-variance that is "
            "linear in it",
            paper=_paper("Section 3.1"),
            notes=(
                "The paper has an attention block for the variance and pools with GPO.",
                "Choose the similarity csd with it.",
            ),
            order_free=True,
            graphs=1,
        ),
    )


@hookimpl
def vsebench_register_similarities(register: Register) -> None:
    summary = (
        "1 − d/2 for the closed-form sampled distance d of two Gaussians: the cosine, less half "
        "of their total variance"
    )
    register(
        "csd",
        "vsebench_pcmepp.similarity:ClosedFormSampled",
        card=Card(summary, paper=_paper("Eq. 1")),
    )


@hookimpl
def vsebench_register_losses(register: Register) -> None:
    register(
        "pcmepp",
        "vsebench_pcmepp.loss:PseudoMatch",
        params=[
            Param("pseudo", 0.1, "weight of the pseudo-positives", minimum=0),
            Param("scale", 5.0, "where the learned scale of the distance starts", minimum=0),
            Param("shift", 5.0, "where the learned shift starts"),
        ],
        card=LossCard(
            "binary cross-entropy of matching, where whatever is nearer than the own match counts "
            "as one",
            paper=_paper("Eq. 2 and Section 3.3"),
            non_negative=True,
        ),
    )
