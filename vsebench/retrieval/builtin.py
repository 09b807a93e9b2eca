"""Registers the encoders of the suite."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vsebench.plugin import Card, Paper, Param, hookimpl

if TYPE_CHECKING:
    from vsebench.plugin import RegisterEncoder

_VSE_INFINITY = Paper(
    title="Learning the Best Pooling Strategy for Visual Semantic Embedding",
    year=2021,
    venue="CVPR",
    url="https://arxiv.org/abs/2011.04305",
    where="supplementary material, section 1.1",
)


@hookimpl
def vsebench_register_encoders(register: RegisterEncoder) -> None:
    register(
        "region",
        "vsebench.retrieval.encoders.region:RegionEncoder",
        side="image",
        params=[Param("count_padding", False, "let the batch normalisation see padding rows, as the released code does")],
        card=Card(
            "a linear layer plus a two-layer perceptron with batch normalisation, per local feature",
            paper=_VSE_INFINITY,
            notes=("Batch statistics are taken over valid rows; the released code counts zero padding too (count_padding=true).",),
        ),
    )
    register(
        "bigru",
        "vsebench.retrieval.encoders.bigru:BiGRUEncoder",
        side="text",
        card=Card("word embeddings learned from scratch and a bidirectional GRU whose directions are averaged", paper=_VSE_INFINITY),
    )
