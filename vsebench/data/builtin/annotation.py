"""The annotation sets: images and the labels that each has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vsebench.data.builtin.captions import (
    FLICKR8K_CITATION,
    FLICKR8K_FILES,
    FLICKR8K_LICENCE,
    FLICKR8K_PAPER,
    GENERATED,
    NAME_ROOT,
)
from vsebench.plugin import AnnotationCard, Download, Paper, Param

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vsebench.plugin import Register, Scalar

_MIRFLICKR = f"""\
Get mirflickr25k-yall.mat, the user tags in the version of MIRFlickr-25k for cross-modal retrieval
that is shared together with mirflickr25k-lall.mat (24 concepts) and mirflickr25k-iall.mat (images);
only the tags are needed. Its variable YAll is 20,015 images x 1,386 tags of zeros and ones.
The photographs and their tags: https://press.liacs.nl/mirflickr/
Put it into one of
  ROOT/mirflickr/    ROOT/mirflickr25k_tags/    ROOT/mirflickr25k/    ROOT/
{NAME_ROOT}"""

_NUSWIDE = "https://lms.comp.nus.edu.sg/wp-content/uploads/2019/research/nuswide"
_NUSWIDE_CITATION = (
    "T.-S. Chua, J. Tang, R. Hong, H. Li, Z. Luo, Y.-T. Zheng. NUS-WIDE. CIVR, 2009."
)
_NUSWIDE81 = f"""\
Get Groundtruth.zip and ConceptsList.zip from
  {_NUSWIDE}/NUS-WIDE.html
and leave them packed. One line of the published files is damaged (Labels_lake_Train.txt, line
78373, reads -1130179); it is read as 0.
Put both into one of
  ROOT/nuswide81/    ROOT/nuswide/    ROOT/NUS-WIDE/    ROOT/
{NAME_ROOT}"""

_FORMAT = """\
  interactions.txt           all pairs; one label of each image is held out for test, or
  train.txt and test.txt     pairs with the test labels that you hold out
Each line is 'image label value', separated by spaces: the ids may be any text, and a pair counts
when its value is above 0. (A label id with a space in it must be written without.) One label more
of each image is held out of training for selection."""


def _pairs(*folders: str, source: str = "") -> str:
    """How to prepare a set of pairs in text files; with `source` one of the VSE-ens paper, whose
    own files were never published.
    """
    begin = (
        f"The files of the paper were not published. Take the image annotations from {source}\n"
        "and write them as pairs.\n"
    )
    places = "    ".join(f"ROOT/{folder}/" for folder in folders)
    return (
        f"{begin if source else ''}Put into {places}    ROOT/ either\n{_FORMAT}\nName ROOT with "
        "--data-root ROOT or VSEBENCH_DATA=ROOT; ./data is looked in too."
    )


_SEED = Param(
    "seed",
    0,
    "of the labels that are held out; it belongs to the data set, not to a run",
    minimum=0,
)
_VSE_ENS = Paper(
    "VSE-ens: Visual-Semantic Embeddings with Efficient Negative Sampling",
    2018,
    "https://arxiv.org/abs/1801.01632",
    "AAAI",
    "Table 1",
)
_HELD_OUT = (
    "One label of each image with at least two is held out for test, and of those with three or "
    "more another one for selection."
)


def register_annotation_sets(register: Register) -> None:
    """Registers `tags`, `mirflickr`, `nuswide81`, `flickr8k-words`, `interactions` and the three
    sets of the VSE-ens paper.
    """
    _register_tags(register)
    _register_published_tags(register)
    _register_words(register)
    _register_interactions(register)


def _register_tags(register: Register) -> None:
    register(
        "tags",
        "vsebench.data.annotation.tags:Tags",
        params=[
            Param("images", 10000, "images", minimum=2, maximum=1e8),
            Param("labels", 1000, "labels", minimum=10, maximum=1e7),
            Param(
                "density",
                0.005,
                "share of the image x label pairs that are positive",
                minimum=0,
                maximum=0.1,
            ),
            Param("seed", 0, "of labels, images and what is held out", minimum=0),
        ],
        card=AnnotationCard(
            "procedural labels with Zipf frequencies, images with low-rank preferences; nothing "
            "to download",
            licence="as vsebench",
            citation="cite vsebench",
            prepare=GENERATED,
            generated=True,
            notes=(_HELD_OUT,),
        ),
    )


def _register_published_tags(register: Register) -> None:
    register(
        "mirflickr",
        "vsebench.data.annotation.mirflickr:MirFlickr",
        params=[_SEED],
        card=AnnotationCard(
            "MIRFlickr-25k, the user tags of 20,015 photographs, one of each held out",
            paper=Paper(
                "The MIR Flickr Retrieval Evaluation",
                2008,
                "https://press.liacs.nl/mirflickr/",
                "ACM MIR",
            ),
            licence=(
                "tags and photographs are their Flickr owners', under Creative Commons licences"
            ),
            citation=(
                "M. J. Huiskes, M. S. Lew. The MIR Flickr Retrieval Evaluation. ACM MIR, 2008."
            ),
            prepare=_MIRFLICKR,
            folders=("mirflickr25k_tags", "mirflickr25k"),
            sizes={"images": 20015, "labels": 1386, "pairs": 92808},
            notes=(
                _HELD_OUT,
                "The 3,277 images with a single tag train only. The file does not name the tags.",
            ),
        ),
    )
    register(
        "nuswide81",
        "vsebench.data.annotation.nuswide81:NusWide81",
        params=[_SEED],
        card=AnnotationCard(
            "NUS-WIDE with its 81 concepts, one of each image held out",
            paper=Paper(
                "NUS-WIDE: A Real-World Web Image Database from National University of Singapore",
                2009,
                venue="CIVR",
            ),
            licence="for research; the photographs are their Flickr owners'",
            citation=_NUSWIDE_CITATION,
            prepare=_NUSWIDE81,
            folders=("nuswide", "NUS-WIDE"),
            downloads=(
                Download(
                    "Groundtruth.zip",
                    (f"{_NUSWIDE}/Groundtruth.zip",),
                    sha256="005ce2de8f94da909ef57c73481ccf42cd575fe09f054235f8da91203de67257",
                ),
                Download(
                    "ConceptsList.zip",
                    (f"{_NUSWIDE}/ConceptsList.zip",),
                    sha256="7b34fb418067cfb2b2dbfbcc3ec4fb6c9593aef91214184ef311f8b966dcba58",
                ),
            ),
            sizes={"images": 269648, "labels": 81, "pairs": 503848},
            notes=(
                _HELD_OUT,
                (
                    "VSE-ens (AAAI 2018) used 5,108 user tags of these images, another and much "
                    "larger label space: its figures say nothing about this set."
                ),
                (
                    "60,301 images have no concept; they keep their rows, and neither train nor "
                    "are ranked."
                ),
            ),
        ),
    )


def _word_sizes(params: Mapping[str, Scalar]) -> Mapping[str, int]:
    if params["split"] == "official":
        return {"images": 8000, "labels": 7687, "pairs": 223351, "test pairs": 27544}
    return {"images": 8000, "labels": 8790, "pairs": 224559}


def _register_words(register: Register) -> None:
    register(
        "flickr8k-words",
        "vsebench.data.annotation.flickr8k_words:Flickr8kWords",
        params=[
            Param(
                "split",
                "official",
                "divide the images, or hold words of every image out",
                choices=("official", "leave-one-out"),
            ),
            Param(
                "features",
                "mean",
                "one vector of an image: mean of the 7 x 7 grid, or all 49 cells in a row",
                choices=("mean", "grid"),
            ),
            Param("dim", 256, "principal components of the grid features that are used", minimum=1),
            Param("seed", 0, "of the words that split=leave-one-out holds out", minimum=0),
        ],
        card=AnnotationCard(
            "Flickr8k, whose labels are the words of an image's captions, with visual features",
            feature_kind="vector",
            paper=FLICKR8K_PAPER,
            licence=FLICKR8K_LICENCE,
            citation=FLICKR8K_CITATION,
            prepare=FLICKR8K_FILES,
            folders=("flickr8k", "Flickr8k", "flickr_8k"),
            sizes=_word_sizes,
            notes=(
                "Labels are the words of the training images' captions.",
                (
                    "split=official knows an image by its features; with split=leave-one-out all "
                    "8,000 images train, known by their row, and have no features."
                ),
            ),
        ),
    )


def _register_interactions(register: Register) -> None:
    target = "vsebench.data.annotation.interactions:Interactions"
    register(
        "interactions",
        target,
        params=[_SEED],
        card=AnnotationCard(
            "any pairs of images and labels, as text lines 'image label value'",
            licence="that of the data you bring",
            prepare=_pairs("interactions"),
            notes=(_HELD_OUT,),
        ),
    )
    register(
        "openimages",
        target,
        params=[_SEED],
        card=AnnotationCard(
            "Open Images annotations as VSE-ens used them, from files that you write",
            paper=_VSE_ENS,
            licence="annotations CC BY 4.0",
            citation="I. Krasin, T. Duerig, N. Alldrin et al. OpenImages. 2016.",
            prepare=_pairs(
                "openimages",
                "OpenImages",
                source="https://storage.googleapis.com/openimages/web/index.html",
            ),
            folders=("OpenImages",),
            sizes={"images": 112247, "labels": 6000, "pairs": 999999, "test pairs": 112247},
            notes=(_HELD_OUT,),
        ),
    )
    register(
        "nuswide",
        target,
        params=[_SEED],
        card=AnnotationCard(
            "NUS-WIDE with 5,108 user tags as VSE-ens used them, from files that you write",
            paper=_VSE_ENS,
            licence="for research; the photographs are their Flickr owners'",
            citation=_NUSWIDE_CITATION,
            prepare=_pairs("nuswide", "NUS-WIDE", source=f"{_NUSWIDE}/NUS-WIDE.html"),
            folders=("NUS-WIDE",),
            sizes={"images": 269648, "labels": 5108, "pairs": 2286521, "test pairs": 267642},
            notes=(_HELD_OUT,),
        ),
    )
    register(
        "iaprtc12",
        target,
        params=[_SEED],
        card=AnnotationCard(
            "IAPR TC-12 with 291 labels as VSE-ens used it, from files that you write",
            paper=_VSE_ENS,
            licence="free of charge and copyright, as its publishers say",
            citation="M. Grubinger, P. Clough, H. Müller, T. Deselaers. The IAPR TC-12 Benchmark. "
            "2006.",
            prepare=_pairs("iaprtc12", "iapr-tc12", source="https://www.imageclef.org/photodata"),
            folders=("iapr-tc12",),
            sizes={"images": 19627, "labels": 291, "pairs": 99527, "test pairs": 20000},
            notes=(
                _HELD_OUT,
                (
                    "The paper counts 20,000 test pairs for 19,627 images, more than one label of "
                    "each image can give."
                ),
            ),
        ),
    )
