"""Card of AOQ: source, published figures, and the offline negatives that it needs."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from vsebench.plugin import LossCard, OfflineSpec, Paper, Published

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Literal

    from vsebench.plugin import Scalar

_URL = "https://arxiv.org/abs/2003.03669"
_SOURCE = "https://github.com/sunnychencool/AOQ, result tables"


def offline(params: Mapping[str, Scalar]) -> OfflineSpec:
    """Lists of h captions per image and, as the released code draws the image's rank as the caption's rank divided by 5, h / 5 images per caption."""
    h = cast("int", params["h"])
    return OfflineSpec(
        first_round="triplet",
        text_h=h,
        image_h=max(1, h // 5),
        start=cast("Literal['scratch', 'warm']", params["start"]),
        mine=cast("Literal['hard', 'random']", params["mine"]),
    )


AOQ = LossCard(
    "adaptively weighted online hinges plus hinges on negatives mined offline from the whole training set",
    paper=Paper(
        "Adaptive Offline Quintuplet Loss for Image-Text Matching",
        2020,
        _URL,
        venue="ECCV",
        where="the full loss (AdapOffQuin), with the constants of the released code",
    ),
    published=(
        Published(
            "coco 1k-5fold, VSRN, two models ensembled",
            {"i2t_r1": 77.5, "i2t_r5": 95.5, "i2t_r10": 98.6, "t2i_r1": 63.5, "t2i_r5": 90.5, "t2i_r10": 95.8, "rsum": 521.4},
            _SOURCE,
        ),
        Published(
            "flickr30k, VSRN, two models ensembled",
            {"i2t_r1": 72.8, "i2t_r5": 91.8, "i2t_r10": 95.8, "t2i_r1": 55.3, "t2i_r5": 82.2, "t2i_r10": 88.4, "rsum": 486.3},
            _SOURCE,
        ),
    ),
    notes=(
        "Two rounds: the first trains with triplet, its best model mines the offline negatives once, and the second trains with this loss.",
        "terms=offtri and terms=offquin are the paper's ablations OffTri and OffQuin; alpha, beta and the weights' flags then have no effect.",
        "As published, the adaptive weights carry gradients and may be negative; detach_weight and clamp_weight change that.",
    ),
    offline=offline,
)
