"""What may be downloaded of the built-in data sets. The SHA-256 are of files in use here; where
none stands, no one was published, and only the archive's own checksums tell damage.
"""

from __future__ import annotations

from vsebench.plugin import Download

_FLICKR8K = "https://github.com/jbrownlee/Datasets/releases/download/Flickr8k"
_NUSWIDE = "https://lms.comp.nus.edu.sg/wp-content/uploads/2019/research/nuswide"
_KARPATHY = "https://cs.stanford.edu/people/karpathy/deepimagesent/caption_datasets.zip"

FLICKR8K = (
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
)

NUSWIDE81 = (
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
)


def karpathy(name: str) -> tuple[Download, ...]:
    """Karpathy's JSON of captions and splits of a set."""
    return (Download("caption_datasets.zip", (_KARPATHY,), members={f"dataset_{name}.json": ""}),)
