"""Published results of AOQ: every base model of the authors' result tables, all of them averages of
two models.
"""

from __future__ import annotations

from vsebench.plugin import Published, Setting, recalls

_SOURCE = "https://github.com/sunnychencool/AOQ"

_FOLDS = {  # COCO 1K in 5 folds: OffTri, OffQuin, the whole loss
    "SCAN": (
        "73.1 94.8 98.2 / 59.3 88.3 94.8 / 508.5",
        "73.6 95.0 98.4 / 59.6 88.6 95.0 / 510.2",
        "74.1 95.2 98.5 / 59.8 88.6 95.0 / 511.2",
    ),
    "BFAN": (
        "75.8 95.6 98.4 / 60.1 88.8 94.7 / 513.4",
        "76.3 95.7 98.4 / 60.5 89.0 94.8 / 514.7",
        "77.3 96.0 98.5 / 61.2 89.2 95.0 / 517.2",
    ),
    "VSRN": (
        "76.8 95.2 98.4 / 63.1 89.9 95.2 / 518.6",
        "76.9 95.3 98.4 / 63.3 90.2 95.5 / 519.7",
        "77.5 95.5 98.6 / 63.5 90.5 95.8 / 521.4",
    ),
}
_WHOLE = {  # COCO 5K, Flickr30K
    "SCAN": ("51.2 82.5 90.1 / 39.4 69.7 80.4 / 413.3", "70.3 92.0 95.5 / 50.0 79.2 86.2 / 473.2"),
    "BFAN": ("57.3 84.5 91.7 / 40.1 69.2 80.1 / 422.9", "73.2 94.5 97.0 / 54.0 80.3 87.7 / 486.7"),
    "VSRN": ("55.1 83.3 90.8 / 41.1 71.5 82.0 / 423.8", "72.8 91.8 95.8 / 55.3 82.2 88.4 / 486.3"),
}
_TERMS = ("aoq:terms=offtri", "aoq:terms=offquin", "aoq")


def _folds() -> list[Published]:
    return [
        Published(
            Setting(
                "coco", "BUTD regions", loss=loss, evaluation="1k-5fold", model=model, models=2
            ),
            recalls(row),
            f"{_SOURCE}, table of COCO",
        )
        for model, rows in _FOLDS.items()
        for loss, row in zip(_TERMS, rows, strict=True)
    ]


def _whole() -> list[Published]:
    return [
        Published(
            Setting(dataset, "BUTD regions", loss="aoq", model=model, models=2),
            recalls(rows[i]),
            f"{_SOURCE}, table of {table}",
        )
        for i, (dataset, table) in enumerate((("coco", "COCO"), ("flickr30k", "Flickr30K")))
        for model, rows in _WHOLE.items()
    ]


PUBLISHED = (*_folds(), *_whole())
