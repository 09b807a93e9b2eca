"""Published results that belong to a data set: those of models that no component here stands for,
and of UVS.
"""

from __future__ import annotations

from dataclasses import replace

from vsebench.plugin import Published, Setting, recalls

_CITED = "cited in https://arxiv.org/abs/2011.04305, supplement"
_AOQ = "https://github.com/sunnychencool/AOQ"
_UVS = "https://github.com/ryankiros/visual-semantic-embedding, README"

_BUTD = Setting("coco", "BUTD regions", loss="", evaluation="1k-5fold")
_SCAN = replace(_BUTD, loss="triplet", model="SCAN", models=2)
_VSRN = replace(_SCAN, model="VSRN")
_BFAN = replace(_SCAN, model="BFAN")
_CVSE = replace(_BUTD, model="CVSE, rerun")
_IMRAM = replace(_BUTD, model="IMRAM", models=2)

_ROWS = (  # COCO 1K in 5 folds, Flickr30K
    (
        _SCAN,
        "72.7 94.8 98.4 / 58.8 88.4 94.8 / 507.9",
        "67.4 90.3 95.8 / 48.6 77.7 85.2 / 465.0",
        f"{_CITED}, Table 4",
    ),
    (
        _VSRN,
        "76.2 94.8 98.2 / 62.8 89.7 95.1 / 516.8",
        "71.3 90.6 96.0 / 54.7 81.8 88.2 / 482.6",
        f"{_CITED}, Table 4",
    ),
    (
        _CVSE,
        "69.2 93.3 97.5 / 55.7 86.9 93.8 / 496.4",
        "70.5 88.0 92.7 / 54.7 82.2 88.6 / 476.7",
        f"{_CITED}, Table 4",
    ),
    (
        _IMRAM,
        "76.7 95.6 98.5 / 61.7 89.1 95.0 / 516.6",
        "74.1 93.0 96.6 / 53.9 79.4 87.2 / 484.2",
        f"{_CITED}, Table 4",
    ),
    (
        _BFAN,
        "74.9 95.2 98.3 / 59.4 88.4 94.5 / 510.7",
        "68.1 91.4 95.9 / 50.8 78.4 85.8 / 470.4",
        _AOQ,
    ),
)
_RSUM_5K = ((_SCAN, 410.9), (_VSRN, 415.7), (replace(_BUTD, model="CAAN"), 421.1), (_IMRAM, 416.5))

_PAPER = Setting(
    "flickr8k", "VGG-19 vector", "mean/last", "sum-hinge", image_encoder="grid", text_encoder="lstm"
)
_CODE = replace(_PAPER, text_encoder="gru-last", protocol="uvs")

FLICKR8K = (
    Published(
        _PAPER,
        recalls("18.0 40.9 55.0 / 12.5 37.0 51.5"),
        f"{_UVS}, as reported in https://arxiv.org/abs/1411.2539",
    ),
    Published(_CODE, recalls("22.3 48.7 59.8 / 14.9 38.3 51.6"), _UVS),
)
FLICKR30K = (
    *(
        Published(replace(setting, dataset="flickr30k", evaluation="full"), recalls(row), source)
        for setting, _, row, source in _ROWS
    ),
    Published(
        replace(_PAPER, dataset="flickr30k"),
        recalls("23.0 50.7 62.9 / 16.8 42.0 56.5"),
        f"{_UVS}, as reported in https://arxiv.org/abs/1411.2539",
    ),
    Published(
        replace(_CODE, dataset="flickr30k"), recalls("29.8 58.4 70.5 / 22.0 47.9 59.3"), _UVS
    ),
)
COCO = (
    *(Published(setting, recalls(row), source) for setting, row, _, source in _ROWS),
    *(
        Published(replace(setting, evaluation="full"), {"rsum": rsum}, f"{_CITED}, Table 5")
        for setting, rsum in _RSUM_5K
    ),
    Published(
        replace(_BFAN, evaluation="full"), recalls("52.9 82.8 90.6 / 38.3 67.8 79.3 / 411.7"), _AOQ
    ),
)
