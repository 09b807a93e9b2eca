"""Registers the data sets of the suite."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vsebench.data import baselines, downloads, papers
from vsebench.data.annotation.builtin import register_annotation_sets
from vsebench.data.frames.builtin import register_frame_sets
from vsebench.data.prepare import instructions
from vsebench.plugin import DatasetCard, Param, hookimpl

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vsebench.plugin import Register, Scalar
    from vsebench.plugin.cards import Counts

_VISUAL = (
    Param(
        "images",
        "",
        "train on raw images: a folder or an uncompressed tar, a path from the data set's folder "
        "or the current one",
    ),
    Param(
        "features", "", "train on a table that 'vsebench data extract' has written, a path likewise"
    ),
)
"""Options of sets whose images may come from elsewhere (`vsebench.data.visual`)."""


def _coco_counts(params: Mapping[str, Scalar]) -> Counts:
    return {
        "train": (113287, 566435),
        "dev": (1000, 5000),
        "test": (5000, 25000) if params["test"] == "testall" else (1000, 5000),
    }


@hookimpl
def vsebench_register_datasets(register: Register) -> None:
    """Registers `scenes`, `flickr8k`, `precomp`, `flickr30k` and `coco`, the sets of videos and the
    annotation sets.
    """
    _register_scenes(register)
    _register_flickr8k(register)
    _register_precomp(register)
    register_frame_sets(register)
    register_annotation_sets(register)


def _register_scenes(register: Register) -> None:
    register(
        "scenes",
        "vsebench.data.scenes:Scenes",
        params=[
            Param(
                "images",
                3000,
                "training images; dev and test have a fifth of it each, at least 100 and at most "
                "1,000",
                minimum=1,
            ),
            Param("regions", 36, "most region vectors of an image", minimum=5, maximum=1000),
            Param("dim", 96, "width of a region vector", minimum=8, maximum=65536),
            Param(
                "difficulty",
                1.0,
                "scales noise, clutter and overlap; 0 has none",
                minimum=0,
                maximum=10,
            ),
            Param(
                "seed", 0, "of the scenes; the world they are made of is always the same", minimum=0
            ),
        ],
        card=DatasetCard(
            "procedural scenes of objects with attributes and relations, five captions each; "
            "nothing to download",
            notes=(
                (
                    "A third of the scenes have near-duplicates, some told apart by word order "
                    "only: what carries what, what is where, what has which colour."
                ),
                (
                    "Features are stored as float16 and standardised by the statistics of 1,024 "
                    "scenes of the same law."
                ),
            ),
            features="procedural regions",
            licence="as vsebench",
            citation="cite vsebench",
            prepare=instructions.SCENES,
            protocol="quick",
            generated=True,
        ),
    )


def _register_flickr8k(register: Register) -> None:
    register(
        "flickr8k",
        "vsebench.data.flickr8k:Flickr8k",
        params=[
            Param("dim", 256, "principal components of the grid features that are used", minimum=1),
            *_VISUAL,
        ],
        card=DatasetCard(
            "Flickr8k, 8,000 photographs with five captions each, 7 x 7 grid features",
            paper=papers.FLICKR8K,
            published=baselines.FLICKR8K,
            feature_kind="grid",
            features="MobileNetV2 grid",
            licence=(
                "the photographs are their Flickr owners'; for research, not for redistribution"
            ),
            citation=papers.FLICKR8K_CITATION,
            prepare=instructions.FLICKR8K,
            folders=("Flickr8k", "flickr_8k"),
            downloads=downloads.FLICKR8K,
            counts={"train": (6000, 30000), "dev": (1000, 5000), "test": (1000, 5000)},
        ),
    )


def _register_precomp(register: Register) -> None:
    target = "vsebench.data.precomp:Precomp"
    register(
        "precomp",
        target,
        params=_VISUAL,
        card=DatasetCard(
            "any image–caption set in the precomp layout of VSE++, SCAN and VSE∞",
            prepare=instructions.PRECOMP,
            licence="that of the data you bring",
        ),
    )
    register(
        "flickr30k",
        target,
        params=_VISUAL,
        card=DatasetCard(
            "Flickr30K, Karpathy split, precomputed region features",
            paper=papers.FLICKR30K,
            published=baselines.FLICKR30K,
            features="BUTD regions",
            licence="the photographs are their Flickr owners'; for research and education, not "
            "for redistribution",
            citation="P. Young, A. Lai, M. Hodosh, J. Hockenmaier. From Image Descriptions to "
            "Visual Denotations. TACL 2, 2014.",
            prepare=instructions.FLICKR30K,
            folders=("f30k_precomp", "f30k/precomp"),
            downloads=downloads.karpathy("flickr30k"),
            counts={"train": (29000, 145000), "dev": (1000, 5000), "test": (1000, 5000)},
            notes=("Published dev has 1,014 images; validation uses the first 1,000.",),
        ),
    )
    register(
        "coco",
        target,
        params=[
            Param(
                "test",
                "testall",
                "test split: all 5,000 images, or the subset of 1,000",
                choices=("testall", "test"),
            ),
            *_VISUAL,
        ],
        card=DatasetCard(
            "MS-COCO captions, Karpathy split, precomputed region features",
            paper=papers.COCO,
            published=baselines.COCO,
            features="BUTD regions",
            licence="annotations CC BY 4.0; the photographs are their Flickr owners'",
            citation="X. Chen, H. Fang, T.-Y. Lin et al. Microsoft COCO Captions: Data Collection "
            "and Evaluation Server. arXiv:1504.00325, 2015.",
            prepare=instructions.COCO,
            folders=("coco_precomp", "coco/precomp"),
            downloads=downloads.karpathy("coco"),
            counts=_coco_counts,
            notes=("Published dev has 5,000 images; validation uses the first 1,000.",),
        ),
    )
