"""A trained model in memory, which embeds captions, images and whole splits as in its run."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from vsebench.kernels.devices import cpu_threads
from vsebench.kernels.gemm import true_float32
from vsebench.plugin import DataError, ImageSource, SpecError
from vsebench.retrieval.encode import embed_split, encode_images, encode_texts
from vsebench.retrieval.frozen import Keeper, compute_images, compute_texts
from vsebench.retrieval.inputs.given import given_features, given_images
from vsebench.retrieval.inputs.run_inputs import split_inputs
from vsebench.retrieval.inputs.splits import Captions, ImageFeatures, RawImages, decoding_threads
from vsebench.retrieval.ranking.evaluation import evaluate
from vsebench.retrieval.training.selection import ranked_by

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from vsebench.data.images.store import GivenImage
    from vsebench.plugin import RetrievalSplit, Tokeniser
    from vsebench.plugin.datasets import FeatureArray
    from vsebench.plugin.protocols import Similarity
    from vsebench.plugin.retrieval import Embedding
    from vsebench.results.record import RunRecord
    from vsebench.results.spec import RunSpec
    from vsebench.retrieval.frozen import Frozen
    from vsebench.retrieval.model import Model
    from vsebench.retrieval.ranking.metrics import RetrievalMetrics

    Told = Callable[[int], None]


@dataclass(frozen=True, eq=False)
class EmbeddedSplit:
    """A model's embeddings of a split.

    Attributes:
        image: embeddings of n images.
        text: embeddings of m captions.
        text_to_image: int64 [m].
        captions: the texts.
        similarity: the score of an image and a caption; None for the inner product.
    """

    image: Embedding
    text: Embedding
    text_to_image: np.ndarray
    captions: Sequence[str]
    similarity: Similarity | None

    @cached_property
    def metrics(self) -> RetrievalMetrics:
        """Among all items, as the run's own evaluation ranks them."""
        return evaluate(self.image, self.text, self.text_to_image, similarity=self.similarity)

    def evaluate(self, protocol: str) -> RetrievalMetrics:
        """The metrics of a protocol.

        Raises:
            SpecError: there is no such protocol, or it does not fit the data.
        """
        if protocol == "full":
            return self.metrics
        return evaluate(
            self.image,
            self.text,
            self.text_to_image,
            protocol=protocol,  # type: ignore[arg-type]  # as said
            similarity=self.similarity,
        )


@dataclass(frozen=True)
class Unknown:
    """The words of some captions that a model cannot read.

    Attributes:
        words: number of words, or of pieces of words, that its vocabulary does not have.
        of: number of all words.
        captions: number of captions that have one.
    """

    words: int
    of: int
    captions: int


@dataclass(eq=False, repr=False)
class TrainedModel:
    """A trained model, ready to embed.

    Embeddings are those that the run was evaluated with: float32 rows, L2-normalised, so that inner
    products are cosines.

    Attributes:
        spec: spec of the run that trained it, with the paths of its components' files on this
            machine.
        record: record of that run.
        model: its best model on dev, where the protocol keeps features with the heads of frozen
            encoders.
        frozen: the encoders that these heads belong to, by side.
        tokeniser: tokeniser of its captions.
        in_dim: size of the image encoder's input: width of a feature, or channels of a pixel.
        weights: file of its weights, for messages.
        raw_images: whether it reads raw images instead of features.
        device: device to compute on.
        threads: number of CPU threads; those of the run reproduce its metrics exactly.
    """

    spec: RunSpec
    record: RunRecord
    model: Model
    frozen: dict[str, Frozen]
    tokeniser: Tokeniser
    in_dim: int
    weights: Path
    raw_images: bool
    device: torch.device
    threads: int

    def __post_init__(self) -> None:
        self.model.to(self.device)

    def __repr__(self) -> str:
        return (
            f"<TrainedModel: {self.spec.label}, {self.dim} dimensions, on {self.device}; "
            "encode_texts and encode_images embed>"
        )

    @property
    def dim(self) -> int:
        """Width D of an embedding."""
        return self.spec.protocol.embed_dim

    @property
    def plugins(self) -> tuple[str, ...]:
        """The plugin files of its run that are on this machine."""
        files = self.spec.environment.plugin_files
        return tuple(file for file in files if Path(file).is_file())

    def encode_texts(self, captions: Sequence[str], *, told: Told | None = None) -> np.ndarray:
        """Embeddings of captions.

        Args:
            captions: captions in the language that the model was trained on.
            told: receives the number of captions done, now and then.

        Returns:
            float32 [n, D], L2-normalised.

        Raises:
            DataError: a caption is not text.
            SpecError: the model makes more of a caption than one vector.
        """
        if isinstance(captions, str):
            raise DataError("encode_texts takes a list of captions, found one text: write [text]")
        captions = list(captions)
        for row, caption in enumerate(captions):
            if not isinstance(caption, str):
                raise DataError(f"caption {row} is a {type(caption).__name__}: expected text")
        if not captions:
            return np.zeros((0, self.dim), np.float32)
        with self._computing():
            texts = Captions(self.tokeniser.encode(captions))
            read = (
                compute_texts(self.frozen["text"], texts, self.spec, self.device)
                if "text" in self.frozen
                else texts
            )
            return self._rows(encode_texts(self.model, read, self.device, told=told))

    def encode_images(
        self,
        images: Sequence[GivenImage] | ImageSource | FeatureArray | Sequence[np.ndarray],
        lengths: np.ndarray | None = None,
        *,
        told: Told | None = None,
    ) -> np.ndarray:
        """Embeddings of images.

        Args:
            images: a list of paths or Pillow images, or an `ImageSource`, for a model of raw
                images; for one of features, an array [n, N, d], or a list of arrays [N, d] whose N
                may differ.
            lengths: int [n], how many of the N features of each image are valid; all without it.
            told: receives the number of images done, now and then.

        Returns:
            float32 [n, D], L2-normalised.

        Raises:
            DataError: an image cannot be decoded, or features are not what the model reads.
            SpecError: the model makes more of an image than one vector.
        """
        with self._computing():
            read: ImageFeatures | RawImages
            if self.raw_images:
                read = RawImages(given_images(images), self.device, self._decoders)
            else:
                features, counts = given_features(images, lengths)
                if features.shape[2] != self.in_dim and len(counts):
                    raise self._wrong_width(int(features.shape[2]))
                read = ImageFeatures(features, counts, self.device)
            if not len(read):
                return np.zeros((0, self.dim), np.float32)
            if isinstance(read, RawImages) and "image" in self.frozen:
                read = compute_images(self.frozen["image"], read, self.spec, self.device)
            return self._rows(encode_images(self.model, read, told=told))

    def embed(self, split: RetrievalSplit, name: str = "test") -> EmbeddedSplit:
        """A split of a data set, as a run embeds its own. Features of frozen encoders are kept.

        Args:
            split: the split.
            name: name of the split.

        Raises:
            DataError: its images are not what the model reads.
        """
        self.check_reads(raw_images=isinstance(split.features, ImageSource))
        with self._computing():
            inputs = split_inputs(split, self.tokeniser, self.device, self._decoders)
            if inputs.images.dim != self.in_dim:
                raise self._wrong_width(inputs.images.dim)
            inputs = Keeper(self.frozen, self.spec, self.device).split(inputs, name)
            image, text = embed_split(self.model, inputs, self.device)
        return EmbeddedSplit(
            image, text, split.text_to_image, split.captions, ranked_by(self.model, image)
        )

    def unknown(self, captions: Sequence[str]) -> Unknown | None:
        """The words of captions that the model cannot read; None if its tokeniser cannot tell."""
        mark: int | None = getattr(self.tokeniser, "unk", None)
        if mark is None or not captions:
            return None
        read = self.tokeniser.encode(captions)
        where = np.flatnonzero(read.tokens == mark)
        owners = np.searchsorted(read.offsets, where, side="right")
        words = np.isin(read.tokens, np.append(self.tokeniser.replacements, mark))
        return Unknown(len(where), int(words.sum()), len(np.unique(owners)))

    @property
    def similarity(self) -> Similarity | None:
        """The similarity of its embeddings [B_i, D] and [B_t, D]; None for the inner product."""
        return ranked_by(self.model, torch.zeros(1, self.dim))

    def check_reads(self, *, raw_images: bool) -> None:
        """Refuses images of another kind than the model reads.

        Raises:
            DataError: it reads features and gets raw images, or the other way round.
        """
        if raw_images != self.raw_images:
            wanted, found = f"features of width {self.in_dim}", "raw images"
            if self.raw_images:
                wanted, found = "raw images", "features"
            raise DataError(
                f"the model reads {wanted}, found {found}: its image encoder is "
                f"'{self.spec.image_encoder.spec}'"
            )

    @contextmanager
    def _computing(self) -> Iterator[None]:
        with cpu_threads(self.threads), true_float32(fast=self.device.type == "cpu"):
            yield

    @property
    def _decoders(self) -> int:
        return decoding_threads(self.device, self.threads, 1)

    def _rows(self, embedding: Embedding) -> np.ndarray:
        if not isinstance(embedding, torch.Tensor):
            raise SpecError(
                f"the poolings {self.spec.pooling} make a {type(embedding).__name__} of an item, "
                "not one vector, which an array of rows cannot hold: 'vsebench evaluate' ranks by "
                f"its similarity {self.spec.similarity.spec}"
            )
        rows: np.ndarray = embedding.float().cpu().numpy()
        return rows

    def _wrong_width(self, found: int) -> DataError:
        return DataError(
            f"the model reads features of width {self.in_dim}, found {found}: give features of the "
            "same extractor as those it was trained on"
        )
