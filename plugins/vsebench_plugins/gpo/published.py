"""Published results of GPO (VSE∞), table by table, and those of the models that its tables compare
it with and that are no component of this suite.
"""

from __future__ import annotations

from dataclasses import replace

from vsebench.plugin import Published, Setting, recalls

_URL = "https://arxiv.org/abs/2011.04305"
_SUPPLEMENT = f"{_URL}, supplement"

_REGION = Setting(
    "coco",
    "BUTD regions",
    "gpo",
    image_encoder="region",
    text_encoder="bigru",
    evaluation="1k-5fold",
    protocol="vse-infinity",
)
_REGION_BERT = replace(_REGION, text_encoder="bert", protocol="vse-infinity-bert")
_GRID = replace(_REGION, features="BUTD grid", image_encoder="grid", protocol="")
_GRID_BERT = replace(_GRID, text_encoder="bert")
_RESNET = replace(
    _GRID,
    features="ResNet-152 grid, 512 px",
    image_encoder="backbone",
    protocol="vse-infinity-grid",
)
_WSL_BERT = replace(_GRID_BERT, features="WSL grid")
_BOTH = replace(_GRID, features="BUTD regions + grid", image_encoder="region + grid", models=2)
_BOTH_BERT = replace(_BOTH, text_encoder="bert")

# supplement, Tables 4 (COCO in 5 folds; Flickr30K) and 5 (COCO 5K); the main paper's Table 2 is a
# part of Table 4
_IMAGES = (
    (
        _RESNET,
        "76.5 95.3 98.5 / 62.9 90.6 95.8 / 519.6",
        "77.1 94.5 97.1 / 58.5 84.1 89.6 / 500.9",
        "55.1 81.9 89.9 / 40.9 70.6 81.5 / 419.9",
    ),
    (
        _REGION,
        "78.5 96.0 98.7 / 61.7 90.3 95.6 / 520.8",
        "76.5 94.2 97.7 / 56.4 83.4 89.9 / 498.1",
        "56.6 83.6 91.4 / 39.3 69.9 81.1 / 421.9",
    ),
    (
        _GRID,
        "78.0 95.8 98.5 / 62.6 90.6 96.0 / 521.5",
        "77.9 93.7 97.4 / 57.5 83.4 90.2 / 500.2",
        "56.2 83.7 90.9 / 40.8 70.6 81.5 / 423.7",
    ),
    (
        _BOTH,
        "80.0 97.0 99.0 / 64.8 91.6 96.5 / 528.8",
        "80.7 96.4 98.3 / 60.8 86.3 92.3 / 514.8",
        "59.8 86.1 92.8 / 42.7 72.8 83.3 / 437.5",
    ),
    (
        _REGION_BERT,
        "79.7 96.4 98.9 / 64.8 91.4 96.3 / 527.5",
        "81.7 95.4 97.6 / 61.4 85.9 91.5 / 513.5",
        "58.3 85.3 92.3 / 42.4 72.7 83.2 / 434.3",
    ),
    (
        _GRID_BERT,
        "80.4 96.8 99.1 / 66.4 92.1 96.7 / 531.6",
        "81.5 97.1 98.5 / 63.7 88.3 93.2 / 522.3",
        "59.1 85.9 92.8 / 44.1 74.1 84.0 / 440.0",
    ),
    (
        _BOTH_BERT,
        "82.2 97.5 99.5 / 68.1 92.9 97.2 / 537.4",
        "85.3 97.2 98.9 / 66.7 89.9 94.0 / 532.0",
        "62.5 87.8 94.0 / 46.0 75.8 85.7 / 451.8",
    ),
    (
        _WSL_BERT,
        "84.5 98.1 99.4 / 72.0 93.9 97.5 / 545.4",
        "88.4 98.3 99.5 / 74.2 93.7 96.8 / 550.9",
        "66.4 89.3 94.6 / 51.6 79.3 87.6 / 468.9",
    ),
    (
        replace(_WSL_BERT, models=2),
        *(
            "85.6 98.0 99.4 / 73.1 94.3 97.7 / 548.1",
            "88.7 98.9 99.8 / 76.1 94.5 97.1 / 555.1",
            "68.1 90.2 95.2 / 52.7 80.2 88.3 / 474.8",
        ),
    ),
)

_FRAMES = replace(
    _REGION, features="ResNet-152 frames", image_encoder="frames", evaluation="full", protocol=""
)
_HGR = Setting("", "", loss="", model="HGR")
# Table 4: MSR-VTT with ResNet-152 frames, VATEX with I3D; the first direction is video to text
_VIDEO = (
    (_FRAMES, "16.0 38.6 50.2 / 8.7 25.3 35.9 / 174.7", "51.2 78.7 86.3 / 34.2 71.6 81.9 / 403.9"),
    (_HGR, "15.0 36.7 48.8 / 9.2 26.2 36.5 / 172.4", "48.9 79.1 87.9 / 35.6 73.5 83.4 / 408.4"),
    (
        replace(_HGR, pooling="gpo"),
        "15.0 39.0 51.7 / 9.1 25.9 36.3 / 177.0",
        "51.0 78.8 87.7 / 37.3 73.4 82.4 / 410.6",
    ),
)

_CXC = (  # Table 5: image to text, text to image, text to text, image to image
    (_GRID_BERT, (60.6, 46.2, 45.9, 44.4)),
    (_WSL_BERT, (67.9, 53.6, 46.7, 51.3)),
    (Setting("cxc", "BUTD regions", loss="", model="VSRN"), (52.4, 40.1, 41.0, 44.2)),
)

_NO_WORDS = {"augment_words": 0.0}
_ABLATIONS = (  # table, setting, and R@1 and R@5 of both directions
    (1, replace(_REGION_BERT, pooling="mean/gpo"), (71.7, 93.8, 57.5, 87.6)),
    (1, replace(_REGION_BERT, pooling="gpo/first"), (73.8, 94.8, 59.2, 88.0)),
    (2, replace(_REGION, changes={"drop_regions": 0.0} | _NO_WORDS), (74.6, 95.0, 60.6, 89.1)),
    (2, replace(_REGION, changes=_NO_WORDS), (75.4, 95.5, 61.4, 89.5)),
    (3, replace(_REGION, pooling="gpo:generator=transformer"), (77.4, 95.4, 61.4, 90.1)),
    (3, replace(_GRID, pooling="gpo:generator=transformer"), (76.6, 95.7, 62.7, 90.7)),
    (7, replace(_REGION, pooling="gpo:weights=per-dimension"), (76.5, 95.9, 61.2, 89.6)),
    (7, replace(_REGION_BERT, pooling="gpo:weights=per-dimension"), (79.3, 96.1, 64.7, 91.3)),
    (8, replace(_REGION, pooling="gpo:reads=both"), (78.0, 96.2, 61.8, 90.2)),
    (8, replace(_REGION_BERT, pooling="gpo:reads=both"), (79.2, 96.3, 64.7, 91.2)),
)

_PATTERNS = Published(
    "synthetic patterns learnt by the generator GPO uses, sets as large as in training (20 to "
    "100), RMSE",
    {
        "rmse_mean": 0.0,
        "rmse_max_1": 0.005,
        "rmse_max_10": 0.010,
        "rmse_top_half": 0.006,
        "rmse_linear_decay": 0.0,
    },
    f"{_SUPPLEMENT}, Table 6",
)


def _images() -> list[Published]:
    folds = [Published(s, recalls(coco), f"{_SUPPLEMENT}, Table 4") for s, coco, _, _ in _IMAGES]
    flickr = [
        Published(
            replace(s, dataset="flickr30k", evaluation="full"),
            recalls(f30k),
            f"{_SUPPLEMENT}, Table 4",
        )
        for s, _, f30k, _ in _IMAGES
    ]
    whole = [
        Published(replace(s, evaluation="full"), recalls(coco), f"{_SUPPLEMENT}, Table 5")
        for s, _, _, coco in _IMAGES
    ]
    return [*folds, *flickr, *whole]


def _videos() -> list[Published]:
    sets = (("msrvtt", "ResNet-152 frames"), ("vatex", "I3D frames"))
    return [
        Published(
            replace(setting, dataset=name, features=features), recalls(rows[i]), f"{_URL}, Table 4"
        )
        for i, (name, features) in enumerate(sets)
        for setting, *rows in _VIDEO
    ]


def _crisscrossed() -> list[Published]:
    keys = ("i2t_r1", "t2i_r1", "t2t_r1", "i2i_r1")
    return [
        Published(
            replace(setting, dataset="cxc", evaluation="full"),
            dict(zip(keys, row, strict=True)),
            f"{_URL}, Table 5",
        )
        for setting, row in _CXC
    ]


def _ablations() -> list[Published]:
    keys = ("i2t_r1", "i2t_r5", "t2i_r1", "t2i_r5")
    tables = [
        Published(setting, dict(zip(keys, row, strict=True)), f"{_SUPPLEMENT}, Table {table}")
        for table, setting, row in _ABLATIONS
    ]
    image_side = (
        (replace(_REGION, pooling="gpo/mean"), 77.7),
        (replace(_GRID, pooling="gpo/mean"), 78.0),
    )
    return [
        *tables,
        *(Published(setting, {"i2t_r1": r1}, f"{_URL}, Figure 4") for setting, r1 in image_side),
    ]


PUBLISHED = (*_images(), *_videos(), *_crisscrossed(), *_ablations(), _PATTERNS)
