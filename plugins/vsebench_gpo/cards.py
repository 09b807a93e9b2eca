"""Card of GPO: source and published figures."""

from __future__ import annotations

from vsebench.plugin import Card, Paper, Published

_URL = "https://arxiv.org/abs/2011.04305"

GPO = Card(
    "weighted sum of each dimension's sorted values, with weights learnt from rank and length",
    paper=Paper(
        "Learning the Best Pooling Strategy for Visual Semantic Embedding",
        2021,
        _URL,
        venue="CVPR",
        where="Generalized Pooling Operator; positional encoding Eq. 4, counted from 0 as in the released code",
    ),
    published=(
        Published(
            "coco 1k-5fold, BUTD regions + BiGRU, both sides",
            {"i2t_r1": 78.5, "i2t_r5": 96.0, "i2t_r10": 98.7, "t2i_r1": 61.7, "t2i_r5": 90.3, "t2i_r10": 95.6, "rsum": 520.8},
            f"{_URL}, supplement, Table 4",
        ),
        Published(
            "flickr30k, BUTD regions + BiGRU, both sides",
            {"i2t_r1": 76.5, "i2t_r5": 94.2, "i2t_r10": 97.7, "t2i_r1": 56.4, "t2i_r5": 83.4, "t2i_r10": 89.9, "rsum": 498.1},
            f"{_URL}, supplement, Table 4",
        ),
    ),
    notes=("12,704 parameters for each tower.",),
)
