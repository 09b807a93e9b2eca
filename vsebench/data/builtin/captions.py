"""The sets of images with captions: `scenes`, `flickr8k`, and those in the precomp layout."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vsebench.data.builtin.baselines import COCO, FLICKR8K, FLICKR30K
from vsebench.plugin import DatasetCard, Download, Paper, Param

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vsebench.plugin import Register, Scalar
    from vsebench.plugin.cards import Counts

GENERATED = (
    "Nothing to get: it is generated in the cache folder (of your system, or VSEBENCH_CACHE) when "
    "first used."
)
NAME_ROOT = "and name ROOT with --data-root ROOT or VSEBENCH_DATA=ROOT; ./data is looked in too."


def register_caption_sets(register: Register) -> None:
    """Registers `scenes`, `flickr8k`, `precomp`, `flickr30k` and `coco`."""
    _register_scenes(register)
    _register_flickr8k(register)
    _register_precomp(register)


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
            prepare=GENERATED,
            protocol="quick",
            generated=True,
        ),
    )


_VISUAL = (
    Param(
        "images",
        "",
        "train on raw images: a folder or an uncompressed tar, a path from the data set's folder "
        "or the current one",
    ),
    Param(
        "features",
        "",
        "train on a feature table that 'vsebench data extract' has written, a path likewise",
    ),
)
"""Options of sets whose images may come from elsewhere (`vsebench.data.visual`)."""

FLICKR8K_PAPER = Paper(
    "Framing Image Description as a Ranking Task: Data, Models and Evaluation Metrics",
    2013,
    "https://www.jair.org/index.php/jair/article/view/10833",
    "JAIR",
)
FLICKR8K_CITATION = (
    "M. Hodosh, P. Young, J. Hockenmaier. Framing Image Description as a Ranking Task. JAIR 47, "
    "2013."
)
FLICKR8K_LICENCE = "the photographs are their Flickr owners'; for research, not for redistribution"
FLICKR8K_FILES = f"""\
'vsebench data get flickr8k --with images' does step 1, and brings the photographs. By hand:
1. Get Flickr8k_text.zip (https://github.com/jbrownlee/Datasets/releases/tag/Flickr8k) and take
   from it
     Flickr8k.token.txt           Flickr_8k.trainImages.txt
     Flickr_8k.devImages.txt      Flickr_8k.testImages.txt
2. Make the feature table of grid cells of the 8,000 images, Flickr8k_Dataset.zip at the same place:
     vsebench data extract --images IMAGES --model google/mobilenet_v2_1.0_224 \
       --size 224 --out grid7x7
     vsebench data reduce grid7x7 --square-root --fit Flickr_8k.trainImages.txt --to ROOT/flickr8k
   which writes
     grid7x7_images.txt         the image file name of every row of the table
     grid7x7_pca256_int8.npy    int8 [8000, 49, 256]: MobileNetV2 (1.0, 224) features of a 7 x 7
                                grid, square-rooted, projected on the first 256 principal
                                directions of the training images, divided by the scale and
                                rounded
     grid7x7_pca256_scale.npy   float32 [256], the scale of each component
3. Put all seven files into one of
     ROOT/flickr8k/    ROOT/Flickr8k/    ROOT/
   {NAME_ROOT}"""

_FLICKR8K = "https://github.com/jbrownlee/Datasets/releases/download/Flickr8k"


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
            paper=FLICKR8K_PAPER,
            published=FLICKR8K,
            feature_kind="grid",
            features="MobileNetV2 grid",
            licence=FLICKR8K_LICENCE,
            citation=FLICKR8K_CITATION,
            prepare=FLICKR8K_FILES,
            folders=("Flickr8k", "flickr_8k"),
            downloads=(
                Download(
                    "Flickr8k_text.zip",
                    (f"{_FLICKR8K}/Flickr8k_text.zip",),
                    members={
                        "Flickr8k.token.txt": (
                            "9b8608b02da9040581f1e3d4c8738db1fb6f63314342100432adc3962f77d71a"
                        ),
                        "Flickr_8k.trainImages.txt": (
                            "e330ddd5156a4c2d2e2b67bc587e70e588f2d132bd8a10dc54dcb71e58115d8e"
                        ),
                        "Flickr_8k.devImages.txt": (
                            "18ba829f47f6df1cb830bf7f0506e2ddf333818925299babbd1bbcaf50fdc504"
                        ),
                        "Flickr_8k.testImages.txt": (
                            "c0924146c131458ceba45da59670fe9520eadce1e5cafffa16a817672a9b1f17"
                        ),
                    },
                ),
                Download(
                    "Flickr8k_Dataset.zip",
                    (f"{_FLICKR8K}/Flickr8k_Dataset.zip",),
                    folder="images",
                    only_with="images",
                ),
            ),
            counts={"train": (6000, 30000), "dev": (1000, 5000), "test": (1000, 5000)},
        ),
    )


_FILES = """\
Each split is two files:
  {split}_ims.npy   float [rows, regions, width]: an image's rows once, or five times in succession
  {split}_caps.txt  UTF-8, one caption a line, five consecutive lines for each image
{split}_ids.txt, image files and vocabulary files are not needed. Any width and number of regions
will do (published: 36 regions of 2048).
Validation uses the first 1,000 images and 5,000 captions of dev, as the published code does."""

_PRECOMP = f"""\
Put train_ims.npy, train_caps.txt, dev_ims.npy, dev_caps.txt, test_ims.npy and
test_caps.txt into one folder and name it with --data-root FOLDER (ROOT/precomp/ is looked in too,
for each ROOT of --data-root, VSEBENCH_DATA and ./data).
{_FILES}
Any equal number of captions an image will do, and any number with a third file:
  {{split}}_text_to_image.npy   integers, the image of each caption, from 0; the split is used whole
A file dataset.toml in the folder with the lines
  name = "mine"
  layout = "precomp"
lets --dataset mine find it. Or let the suite make all of this from captions in Karpathy's form and
features in .npy, .npz, HDF5 or .tsv files, or images:
  vsebench data prepare --as mine --from DIR --to ROOT/mine"""


def _published_precomp(name: str, folders: tuple[str, ...], test: str, remark: str = "") -> str:
    """How to get the published region features of a set; `test` is the stem of its test files."""
    places = "    ".join(f"ROOT/{folder}/" for folder in (*folders, name))
    return f"""\
Get the precomputed bottom-up-attention features that the README of
https://github.com/kuanghuei/SCAN describes (its first address no longer answers;
https://github.com/woodfrog/vse_infty links a copy, see "Data organization" there).
Put train_ims.npy, train_caps.txt, dev_ims.npy, dev_caps.txt, {test}_ims.npy and
{test}_caps.txt into one of
  {places}    ROOT/
{NAME_ROOT}
{remark}{_FILES}
Or let the suite make these files from Karpathy's JSON and features in .npy, .npz, HDF5 or .tsv
files, or images:
  vsebench data prepare {name} --from DIR --to ROOT"""


def _karpathy(name: str) -> tuple[Download, ...]:
    """Karpathy's JSON of captions and splits. Nobody published its SHA-256; the archive's own
    checksums tell damage.
    """
    url = "https://cs.stanford.edu/people/karpathy/deepimagesent/caption_datasets.zip"
    return (Download("caption_datasets.zip", (url,), members={f"dataset_{name}.json": ""}),)


def _coco_counts(params: Mapping[str, Scalar]) -> Counts:
    test = (5000, 25000) if params["test"] == "testall" else (1000, 5000)
    return {"train": (113287, 566435), "dev": (1000, 5000), "test": test}


def _register_precomp(register: Register) -> None:
    target = "vsebench.data.precomp:Precomp"
    register(
        "precomp",
        target,
        params=_VISUAL,
        card=DatasetCard(
            "any image–caption set in the precomp layout of VSE++, SCAN and VSE∞",
            prepare=_PRECOMP,
            licence="that of the data you bring",
        ),
    )
    folders = ("f30k_precomp", "f30k/precomp")
    terms = "\nThe images' terms of use: https://shannon.cs.illinois.edu/DenotationGraph/"
    register(
        "flickr30k",
        target,
        params=_VISUAL,
        card=DatasetCard(
            "Flickr30K, Karpathy split, precomputed region features",
            paper=Paper(
                "From Image Descriptions to Visual Denotations: New Similarity Metrics for "
                "Semantic Inference over Event Descriptions",
                2014,
                "https://aclanthology.org/Q14-1006/",
                "TACL",
            ),
            published=FLICKR30K,
            features="BUTD regions",
            licence="the photographs are their Flickr owners'; for research and education, not "
            "for redistribution",
            citation="P. Young, A. Lai, M. Hodosh, J. Hockenmaier. From Image Descriptions to "
            "Visual Denotations. TACL 2, 2014.",
            prepare=_published_precomp("flickr30k", folders, "test") + terms,
            folders=folders,
            downloads=_karpathy("flickr30k"),
            counts={"train": (29000, 145000), "dev": (1000, 5000), "test": (1000, 5000)},
            notes=("Published dev has 1,014 images; validation uses the first 1,000.",),
        ),
    )
    folders = ("coco_precomp", "coco/precomp")
    remark = (
        "testall is the 5,000 test images; coco:test=test uses test_ims.npy and test_caps.txt, the "
        "subset of\n1,000, instead.\n"
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
            paper=Paper(
                "Microsoft COCO Captions: Data Collection and Evaluation Server",
                2015,
                "https://arxiv.org/abs/1504.00325",
            ),
            published=COCO,
            features="BUTD regions",
            licence="annotations CC BY 4.0; the photographs are their Flickr owners'",
            citation="X. Chen, H. Fang, T.-Y. Lin et al. Microsoft COCO Captions: Data Collection "
            "and Evaluation Server. arXiv:1504.00325, 2015.",
            prepare=_published_precomp("coco", folders, "testall", remark),
            folders=folders,
            downloads=_karpathy("coco"),
            counts=_coco_counts,
            notes=("Published dev has 5,000 images; validation uses the first 1,000.",),
        ),
    )
