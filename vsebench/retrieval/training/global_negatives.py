"""Global negatives: drawn by a sampler over the whole training set, from the embeddings of all of
it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch

from vsebench.plugin import DrawKey, Positives, SamplerState
from vsebench.plugin.sampling import NOTHING
from vsebench.retrieval.embeddings import representative
from vsebench.retrieval.encode import embed_split
from vsebench.retrieval.parallel.world import ALONE

if TYPE_CHECKING:
    from torch import Tensor

    from vsebench.kernels.clock import Clock
    from vsebench.plugin import Key, Progress, Sampler
    from vsebench.retrieval.inputs.run_inputs import Inputs
    from vsebench.retrieval.model import Model
    from vsebench.retrieval.parallel.world import World


class SampledIndices(NamedTuple):
    """The negatives of B pairs.

    Attributes:
        text: int64 [B], a caption for each image; the pair's own where there is none.
        image: int64 [B], an image for each caption; likewise.
        text_found: bool [B].
        image_found: bool [B].
    """

    text: np.ndarray
    image: np.ndarray
    text_found: np.ndarray
    image_found: np.ndarray

    def part(self, start: int, stop: int) -> SampledIndices:
        """The negatives of pairs start..stop-1."""
        return SampledIndices(*(array[start:stop] for array in self))


@dataclass(frozen=True, eq=False)
class Direction:
    """One direction of retrieval: a sampler of items for anchors.

    Attributes:
        sampler: sampler of items.
        positives: the items of each anchor, which are never drawn for it: an image's own captions,
            or a caption's own image.
    """

    sampler: Sampler
    positives: Positives

    @property
    def reads_vectors(self) -> bool:
        """Whether the sampler looks at embeddings."""
        return getattr(self.sampler, "reads_vectors", True)

    @property
    def refresh_every(self) -> int | None:
        """Pairs between two refreshes that the sampler asks for."""
        return self.sampler.refresh_every(self.positives.n_labels)

    def draw(
        self, state: SamplerState, anchors: np.ndarray, own: np.ndarray, key: DrawKey
    ) -> tuple[np.ndarray, np.ndarray]:
        """An item for each pair of an anchor and an item of its own, int64 [n] each, and whether a
        negative was found: otherwise it is `own`.
        """
        device = state.Q.device
        draws = self.sampler.sample(
            state, torch.from_numpy(anchors).to(device), torch.from_numpy(own).to(device), 1, key
        )
        items = draws.negatives[:, 0].cpu().numpy()
        found = items != NOTHING
        if self.sampler.may_draw_positives:
            found &= ~self.positives.contains(anchors, items)
        return np.where(found, items, own), found


def directions(
    samplers: tuple[Sampler, Sampler], text_to_image: np.ndarray, images: int
) -> tuple[Direction, Direction]:
    """Captions for images, and images for captions.

    Args:
        samplers: one for each.
        text_to_image: int64 [m], the image of each caption.
        images: number of images.
    """
    captions = np.arange(len(text_to_image))
    to_text = Positives.from_pairs(text_to_image, captions, images, len(captions))
    to_image = Positives.from_pairs(captions, text_to_image, len(captions), images)
    return Direction(samplers[0], to_text), Direction(samplers[1], to_image)


class Drawing(NamedTuple):
    """How global negatives are drawn.

    Attributes:
        samplers: samplers of captions and of images.
        batch_size: pairs of a step.
        key: key of all draws.
    """

    samplers: tuple[Sampler, Sampler]
    batch_size: int
    key: Key


class GlobalNegatives:
    """Draws for each pair of an epoch a caption for its image and an image for its caption.

    The training set is embedded, and the samplers are refreshed, when an epoch first needs
    negatives, and within an epoch after as many pairs as the samplers ask for, rounded up to whole
    batches. Until then the law is that of these embeddings. A draw is a function of the seed, the
    step of the refresh and the place in the epoch: a run resumed at an epoch's start draws what the
    uninterrupted one would have drawn.

    Args:
        model: embeds the training set.
        inputs: the run's data.
        drawing: how negatives are drawn.
        clock: clock that is charged with `refresh` and `sampling`, both a part of the training that
            they are measured within.
        world: ranks of the run, which embed together; the one that leads draws for all.
    """

    def __init__(
        self, model: Model, inputs: Inputs, drawing: Drawing, clock: Clock, world: World = ALONE
    ) -> None:
        samplers, batch_size, self._key = drawing
        self._model, self._inputs, self._clock = model, inputs, clock
        self._world = world
        self._batch_size = batch_size
        self._to_text, self._to_image = directions(
            samplers, inputs.train.text_to_image, len(inputs.train.images)
        )
        wanted = [
            every
            for direction in (self._to_text, self._to_image)
            if (every := direction.refresh_every) is not None
        ]
        self._span = math.ceil(min(wanted) / batch_size) * batch_size if wanted else None
        self.announce(np.zeros(0, np.int64), 0)

    def announce(self, captions: np.ndarray, first_step: int) -> None:
        """Sets the order in which the coming epoch visits the training captions, and its first
        step.
        """
        self._order, self._first_step = captions, first_step
        self._start, self._drawn = (
            0,
            SampledIndices(*(np.zeros(0, np.int64) for _ in SampledIndices._fields)),
        )

    def draw(self, progress: Progress) -> SampledIndices:
        """The negatives of a step's batch."""
        offset = (progress.step - self._first_step) * self._batch_size
        if not self._start <= offset < self._start + len(self._drawn.text):
            end = len(self._order) if self._span is None else offset + self._span
            self._start, self._drawn = offset, self._draw(self._order[offset:end], progress.step)
        return self._drawn.part(offset - self._start, offset - self._start + self._batch_size)

    def _draw(self, captions: np.ndarray, step: int) -> SampledIndices:
        with self._clock.measure("refresh"):
            image, text = self._embeddings()
        drawn = self._world.agree(lambda: tuple(self._drawn_from(image, text, captions, step)))
        return SampledIndices(*drawn)

    def _drawn_from(
        self, image: Tensor, text: Tensor, captions: np.ndarray, step: int
    ) -> SampledIndices:
        """The negatives of pairs under the law of these embeddings."""
        images = self._inputs.train.text_to_image[captions]
        with self._clock.measure("refresh"):
            to_text = SamplerState(image, text, self._to_text.positives)
            to_image = SamplerState(text, image, self._to_image.positives)
            self._to_text.sampler.refresh(to_text)
            self._to_image.sampler.refresh(to_image)
        with self._clock.measure("sampling"):
            texts, text_found = self._to_text.draw(
                to_text, images, captions, DrawKey.of(self._key / "captions", step)
            )
            others, image_found = self._to_image.draw(
                to_image, captions, images, DrawKey.of(self._key / "images", step)
            )
        return SampledIndices(texts, others, text_found, image_found)

    def _embeddings(self) -> tuple[Tensor, Tensor]:
        """Float32 embeddings of all training images and captions, not augmented; without columns
        where no law reads them.
        """
        train, device = self._inputs.train, self._clock.device
        if not (self._to_text.reads_vectors or self._to_image.reads_vectors):
            return torch.zeros(len(train.images), 0, device=device), torch.zeros(
                len(train.texts), 0, device=device
            )
        image, text = embed_split(self._model, train, device, self._world)
        # Clones: encoding makes inference tensors
        return representative(image).float().clone(), representative(text).float().clone()
