"""AOQ, the adaptive offline quintuplet loss."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from vsebench.plugin import LossCard, OfflineSpec, Paper, Param, hookimpl
from vsebench_plugins.aoq.published import PUBLISHED

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Literal

    from vsebench.plugin import Register, Scalar

_URL = "https://arxiv.org/abs/2003.03669"


def offline(params: Mapping[str, Scalar]) -> OfflineSpec:
    """Lists of h captions per image and, as the released code draws the image's rank as the
    caption's rank divided by 5, h / 5 images per caption.
    """
    from vsebench_plugins.aoq.negatives import ROLES, draw  # listing the card imports no numpy

    h = cast("int", params["h"])
    return OfflineSpec(
        first_round="triplet",
        text_h=h,
        image_h=max(1, h // 5),
        start=cast("Literal['scratch', 'warm']", params["start"]),
        mine=cast("Literal['hard', 'random']", params["mine"]),
        roles=ROLES,
        draw=draw,
    )


def reduction(params: Mapping[str, Scalar]) -> Literal["sum", "mean"]:
    """Over the pairs of a batch."""
    return cast("Literal['sum', 'mean']", params["reduction"])


def non_negative(params: Mapping[str, Scalar]) -> bool:
    """Whether no adaptive weight can be negative."""
    return bool(params["clamp_weight"]) or params["terms"] != "full"


def constants(params: Mapping[str, Scalar]) -> bool:
    """Whether the adaptive weights carry no gradient."""
    return bool(params["detach_weight"]) and params["terms"] == "full"


AOQ = LossCard(
    "adaptively weighted online hinges plus hinges on negatives mined offline from the whole "
    "training set",
    paper=Paper(
        "Adaptive Offline Quintuplet Loss for Image-Text Matching",
        2020,
        _URL,
        venue="ECCV",
        where="the full loss (AdapOffQuin), with the constants of the released code",
    ),
    published=PUBLISHED,
    notes=(
        (
            "Published figures are of whole models, each an average of two; 'vsebench show coco' "
            "and 'vsebench show flickr30k' have those models without AOQ."
        ),
        (
            "Two rounds: the first trains with triplet, its best model mines the offline "
            "negatives once, and the second trains with this loss."
        ),
        (
            "terms=offtri and terms=offquin are the paper's ablations OffTri and OffQuin; alpha, "
            "beta and the weights' flags then have no effect."
        ),
        (
            "As published, the adaptive weights carry gradients and may be negative; "
            "detach_weight and clamp_weight change that."
        ),
    ),
    offline=offline,
    non_negative=non_negative,
    reduction=reduction,
    constants=constants,
)


@hookimpl
def vsebench_register_losses(register: Register) -> None:
    register(
        "aoq",
        "vsebench_plugins.aoq.loss:AOQ",
        params=[
            Param("margin", 0.2, "margin of the online hinges", minimum=0),
            Param("offline_margin", 0.0, "margin of the offline hinges", minimum=0),
            Param(
                "alpha",
                0.3,
                "distance between offline and online scores that changes a weight by 1",
                minimum=1e-6,
            ),
            Param(
                "beta",
                1.5,
                "weight of an online hinge whose negative is as hard as the offline one",
            ),
            Param(
                "h",
                300,
                "hard captions kept for each image; a fifth as many images for each caption",
                minimum=1,
            ),
            Param(
                "terms",
                "full",
                "the paper's ablations: OffTri, OffQuin, or the whole loss",
                choices=("offtri", "offquin", "full"),
            ),
            Param("detach_weight", False, "keep gradients out of the adaptive weights"),
            Param("clamp_weight", False, "raise negative adaptive weights to 0"),
            Param(
                "start",
                "scratch",
                "second round from new parameters, or warm from the first round's best model",
                choices=("scratch", "warm"),
            ),
            Param(
                "mine",
                "hard",
                "offline negatives are the hardest, or random ones as a control",
                choices=("hard", "random"),
            ),
            Param(
                "reduction",
                "sum",
                "over the batch; the published loss sums",
                choices=("sum", "mean"),
            ),
        ],
        card=AOQ,
    )
