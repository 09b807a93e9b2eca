"""What is to be evaluated, as the options of a command name it: a trained model, embeddings in
files, or a matrix of scores; and which options go together.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from vsebench.cli.shared.brought import Brought
from vsebench.cli.shared.embedded import test_split
from vsebench.plugin.errors import SpecError


@dataclass(frozen=True)
class Source:
    """What the options say.

    Attributes:
        images: file of embeddings, or a model.
        texts: file of embeddings.
        similarity: file of scores.
        orientation: the sides of scores.
        normalise: whether embeddings are normalised.
        text_to_image: file of the image of each caption.
        captions: file of the captions.
        dataset: data set whose test split it is about.
    """

    images: str | None
    texts: Path | None
    similarity: Path | None
    orientation: str | None
    normalise: bool
    text_to_image: Path | None
    captions: Path | None
    dataset: str | None

    @property
    def is_model(self) -> bool:
        return self.texts is None and self.similarity is None

    def check(self, device: str) -> None:
        """Refuses options that would have no effect.

        Raises:
            SpecError: there is one.
        """
        if self.similarity is not None and self.images is not None:
            raise SpecError(
                f"--similarity takes the place of embeddings: leave {self.images} out, or the "
                "option"
            )
        if self.similarity is None and self.images is None:
            raise SpecError(
                "name what to evaluate: IMAGES.npy TEXTS.npy, a model, or scores with --similarity"
            )
        if self.orientation is not None and self.similarity is None:
            raise SpecError("--orientation is about scores: name them with --similarity")
        if self.normalise and (self.is_model or self.similarity is not None):
            raise SpecError("--normalise is about embeddings in files")
        if self.is_model and self.text_to_image is not None:
            raise SpecError(
                "--text-to-image is about embeddings in files: a model's data set says whose each "
                "caption is"
            )
        if self.is_model and self.captions is not None:
            raise SpecError("--captions is about files: a model's data set has its captions")
        if self.dataset is not None and (self.text_to_image or self.captions):
            raise SpecError(
                "--dataset says whose each caption is, and what it is: leave --text-to-image and "
                "--captions out"
            )
        if not self.is_model and device not in ("auto", "cpu"):
            raise SpecError(
                f"--device {device} is about a model: embeddings in files are ranked on the CPU"
            )

    def brought(self, plugins: tuple[str, ...], data_roots: tuple[Path, ...]) -> Brought:
        """The files that are named."""
        split = (
            test_split(self.dataset, plugins, data_roots).split
            if self.dataset is not None
            else None
        )
        return Brought(
            images=None if self.images is None else Path(self.images),
            texts=self.texts,
            scores=self.similarity,
            orientation=self.orientation,
            normalise=self.normalise,
            text_to_image=self.text_to_image,
            captions=self.captions,
            split=split,
            data_roots=data_roots,
        )
