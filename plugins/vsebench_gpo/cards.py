"""Card of GPO."""

from __future__ import annotations

from vsebench.plugin import Card, Paper
from vsebench_gpo.published import PUBLISHED

GPO = Card(
    "weighted sum of each dimension's sorted values, with weights learnt from rank and length",
    paper=Paper(
        "Learning the Best Pooling Strategy for Visual Semantic Embedding",
        2021,
        "https://arxiv.org/abs/2011.04305",
        venue="CVPR",
        where="Generalized Pooling Operator; positional encoding Eq. 4, counted from 0 as in the released code",
    ),
    published=PUBLISHED,
    notes=("12,704 parameters for each tower.",),
)
