"""Published results of the poolings that VSE∞ compares GPO with: its Table 1 (image side, no size
augmentation) and its Figure 4.
"""

from __future__ import annotations

from dataclasses import replace

from vsebench.plugin import Published, Setting

_URL = "https://arxiv.org/abs/2011.04305"

_REGION = Setting(
    "coco",
    "BUTD regions",
    image_encoder="region",
    text_encoder="bigru",
    evaluation="1k-5fold",
    protocol="vse-infinity",
)
_GRID = replace(_REGION, features="BUTD grid", image_encoder="grid", protocol="")
_BERT = replace(_REGION, text_encoder="bert", protocol="vse-infinity-bert")
_WITHOUT_AUGMENTATION = {"drop_regions": 0.0, "augment_words": 0.0}


def _table_1(
    pooling: str, region: tuple[float, float], grid: tuple[float, float]
) -> tuple[Published, ...]:
    """R@1 of text-to-image and image-to-text retrieval. The text side, which the table does not
    name, is the mean of Figure 4.
    """
    return tuple(
        Published(
            replace(setting, pooling=f"{pooling}/mean", changes=_WITHOUT_AUGMENTATION),
            {"i2t_r1": i2t, "t2i_r1": t2i},
            f"{_URL}, Table 1",
        )
        for setting, (t2i, i2t) in ((_REGION, region), (_GRID, grid))
    )


def _figure_4(setting: Setting, pooling: str, i2t_r1: float) -> Published:
    return Published(replace(setting, pooling=pooling), {"i2t_r1": i2t_r1}, f"{_URL}, Figure 4")


FIRST = (_figure_4(_REGION, "gpo/first", 76.8), _figure_4(_BERT, "gpo/first", 77.2))
GEM = (
    _figure_4(_GRID, "gem/mean", 76.1),
    _figure_4(_REGION, "gpo/gem", 74.3),
    _figure_4(_BERT, "gpo/gem", 78.0),
)
FSPOOL = (
    _figure_4(_REGION, "fspool/mean", 76.3),
    _figure_4(_GRID, "fspool/mean", 77.7),
    _figure_4(_REGION, "gpo/fspool", 76.7),
    _figure_4(_BERT, "gpo/fspool", 78.8),
)
SELFATTN = _table_1("selfattn", (56.2, 70.2), (60.3, 73.0))
SEQ2SEQ = _table_1("seq2seq", (58.5, 69.9), (61.5, 73.3))
GCN_MEAN = _table_1("gcn-mean", (54.9, 69.0), (59.5, 71.8))
GCN_SEQ2SEQ = _table_1("gcn-seq2seq:layers=4", (60.7, 72.5), (59.5, 71.1))
