"""The sets of videos with captions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vsebench.data.builtin.captions import GENERATED
from vsebench.plugin import DatasetCard, Paper, Param

if TYPE_CHECKING:
    from vsebench.plugin import Register

_FILES = """\
  frames.npy           float [rows, width], the frames of all videos, one video after the other
  frames_offsets.npy   integers [videos + 1], where each video's frames begin; the last is the
                       number of rows
  frames_ids.txt       the id of each video of the table, one a line
  captions.txt         UTF-8, VIDEO_ID, a tab and a caption a line, any number for each video
  train_ids.txt, dev_ids.txt, test_ids.txt   the ids of each split, one a line
Videos of the table and captions that are in no split are passed over.
An array per video, as feature extractors leave them (VIDEO_ID.npy in a folder, or one .npz),
becomes the first three files with
  vsebench data pack-frames --from FOLDER --to TARGET"""

_FRAMES = f"""\
Put these files into one folder and name it with --data-root FOLDER (ROOT/frames/ is looked in too,
for each ROOT of --data-root, VSEBENCH_DATA and ./data):
{_FILES}"""


def _published(name: str, title: str, features: str) -> str:
    """Instructions for a published set."""
    return f"""\
Get the captions and the split of {title} from its authors, and features of its frames ({features}).
Put these files into ROOT/{name}/ and name ROOT with --data-root ROOT or VSEBENCH_DATA=ROOT; ./data
is looked in too:
{_FILES}"""


_TARGET = "vsebench.data.frames:Frames"
_MAX_FRAMES = Param(
    "max_frames",
    64,
    "frames of a video that are used at most, evenly spread over a longer one",
    minimum=1,
    maximum=10000,
)
_MSRVTT = Paper(
    "MSR-VTT: A Large Video Description Dataset for Bridging Video and Language", 2016, venue="CVPR"
)
_VATEX = Paper(
    "VaTeX: A Large-Scale, High-Quality Multilingual Dataset for Video-and-Language Research",
    2019,
    "https://arxiv.org/abs/1904.03493",
    "ICCV",
)
_SETTINGS = (
    "VSE∞ trains on videos for 35 epochs at lr 1e-4, cut for the last 10: --epochs 35 --set "
    "lr=1e-4 --set lr_decay_at=0.7143."
)


def register_video_sets(register: Register) -> None:
    """Registers `frames`, `msrvtt`, `vatex` and `clips`."""
    register(
        "frames",
        _TARGET,
        params=[_MAX_FRAMES],
        card=DatasetCard(
            "any set of videos, or of other local features of unequal number, with any number of "
            "captions each",
            feature_kind="frames",
            licence="that of the data you bring",
            prepare=_FRAMES,
        ),
    )
    register(
        "msrvtt",
        _TARGET,
        params=[_MAX_FRAMES],
        card=DatasetCard(
            "MSR-VTT, 10,000 video clips with twenty captions each, official split",
            paper=_MSRVTT,
            feature_kind="frames",
            licence="the videos are their YouTube owners'; for research",
            citation="J. Xu, T. Mei, T. Yao, Y. Rui. MSR-VTT: A Large Video Description Dataset "
            "for Bridging Video and Language. CVPR, 2016.",
            prepare=_published("msrvtt", "MSR-VTT", "published: ResNet-152, 2048 wide"),
            folders=("MSRVTT", "msr-vtt"),
            counts={"train": (6573, 131460), "dev": (497, 9940), "test": (2990, 59800)},
            notes=(_SETTINGS,),
        ),
    )
    register(
        "vatex",
        _TARGET,
        params=[_MAX_FRAMES],
        card=DatasetCard(
            "VATEX, video clips with ten English captions each; the validation set is split in two",
            paper=_VATEX,
            feature_kind="frames",
            licence="annotations CC BY 4.0; the videos are their YouTube owners'",
            citation="X. Wang, J. Wu, J. Chen et al. VaTeX: A Large-Scale, High-Quality "
            "Multilingual Dataset for Video-and-Language Research. ICCV, 2019.",
            prepare=_published("vatex", "VATEX", "published: I3D, 1024 wide"),
            folders=("VATEX",),
            counts={"train": (25991, 259910), "dev": (1500, 15000), "test": (1500, 15000)},
            notes=(
                (
                    "Published results split the validation videos into 1,500 for validation and "
                    "1,500 for test."
                ),
                _SETTINGS,
            ),
        ),
    )
    _register_clips(register)


def _register_clips(register: Register) -> None:
    register(
        "clips",
        "vsebench.data.clips:Clips",
        params=[
            Param(
                "videos",
                600,
                "training clips; dev and test have a fifth of it each, at least 50 and at most 500",
                minimum=1,
                maximum=1e6,
            ),
            Param(
                "frames",
                24,
                "most frames of a clip; the least is one per action",
                minimum=3,
                maximum=1000,
            ),
            Param("dim", 32, "width of a frame", minimum=4, maximum=65536),
            Param(
                "seed",
                0,
                "of the clips; what actors, actions and places look like is always the same",
                minimum=0,
            ),
        ],
        card=DatasetCard(
            "procedural clips of 1 to 24 frames with three to seven captions each; nothing to "
            "download",
            notes=(
                (
                    "Every third clip is its predecessor in reverse: only the order of the "
                    "actions tells the two apart, which a pooling of sets cannot."
                ),
            ),
            feature_kind="frames",
            features="procedural frames",
            licence="as vsebench",
            citation="cite vsebench",
            prepare=GENERATED,
            protocol="quick",
            generated=True,
        ),
    )
