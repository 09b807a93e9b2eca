"""Offline negatives: lists mined over the whole training set, and a loss's draws from them.

A loss's card holds an `OfflineSpec`. The plan adds the first round, the suite mines once with its
best model, asks the spec's `draw` at each step which items play which role, embeds them, and hands
them to the loss as `LossInputs.offline`, by role.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, get_args

from vsebench.plugin.errors import PluginError, did_you_mean

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

    from vsebench.plugin.keys import Key
    from vsebench.plugin.positives import Positives

Side = Literal["image", "text"]
Start = Literal["scratch", "warm"]
Mining = Literal["hard", "random"]


@dataclass(frozen=True, eq=False)
class OfflineLists:
    """Negatives of every item of the training set; mined hard ones stand hardest first.

    Attributes:
        texts: integers [n images, text_h], captions that do not belong to the image.
        images: integers [m captions, image_h], images other than the caption's own.
    """

    texts: np.ndarray
    images: np.ndarray


@dataclass(frozen=True, eq=False)
class MiningInputs:
    """Inputs of mining.

    Attributes:
        image: embeddings [n, D] of the training images by the first round's best model, on the
            run's device.
        text: embeddings [m, D] of the training captions.
        text_to_image: int64 [m], the image of each caption.
        text_h: captions wanted for each image, at most as many as every image has negatives.
        image_h: images wanted for each caption, likewise.
        key: source of random choices.
    """

    image: Tensor
    text: Tensor
    text_to_image: np.ndarray
    text_h: int
    image_h: int
    key: Key


@dataclass(frozen=True, eq=False)
class OfflineBatch:
    """Inputs of a draw of offline negatives for a batch of B pairs.

    Attributes:
        captions: int64 [B], the captions of the pairs.
        lists: the mined negatives, in lists that a small training set makes shorter than asked.
        text_to_image: int64 [m], the image of each training caption.
        captions_of: the captions of each training image.
        sibling_mask: the protocol's: whether captions of one image are kept from being each
            other's negatives.
        rng: source of all choices; one stream from the first batch of an epoch to its last.
    """

    captions: np.ndarray
    lists: OfflineLists
    text_to_image: np.ndarray
    captions_of: Positives
    sibling_mask: bool
    rng: np.random.Generator

    @property
    def images(self) -> np.ndarray:
        """int64 [B], the images of the pairs."""
        images: np.ndarray = self.text_to_image[self.captions]
        return images


def one_of_each(batch: OfflineBatch) -> dict[str, np.ndarray]:
    """`text`, a caption from the list of the pair's image, and `image`, an image from the list of
    its caption; each entry of a list with equal chances.
    """
    texts, images = batch.lists.texts, batch.lists.images
    size = len(batch.captions)
    return {
        "text": texts[batch.images, batch.rng.integers(texts.shape[1], size=size)],
        "image": images[batch.captions, batch.rng.integers(images.shape[1], size=size)],
    }


Mine = Callable[[MiningInputs], OfflineLists]
Draw = Callable[[OfflineBatch], Mapping[str, "np.ndarray"]]


@dataclass(frozen=True)
class OfflineSpec:
    """Offline negatives that a loss needs: mined once from the best model of a first round, and
    drawn anew for each batch.

    Attributes:
        first_round: the loss that trains the first round.
        text_h: captions kept for each training image; 0 where no role draws from them.
        image_h: images kept for each training caption; likewise.
        start: the second round begins from `scratch` or `warm`, from the first round's best model.
        mine: `hard` keeps the most similar items and `random` any, both of those that do not belong
            to the anchor; or a function that makes the lists itself.
        roles: the names by which the loss finds its negatives in `LossInputs.offline`, each with
            what plays it: a `text` or an `image`.
        draw: names for each role integers [B], the captions or images that play it beside each pair
            of a batch: a pure function of its argument.
        may_draw_positives: whether a role may be played by an item of the pair's own image, which
            is an error otherwise.

    Raises:
        PluginError: a value is not one of those.
    """

    first_round: str = "triplet"
    text_h: int = 300
    image_h: int = 60
    start: Start = "scratch"
    mine: Mining | Mine = "hard"
    roles: Mapping[str, Side] = field(default_factory=lambda: {"text": "text", "image": "image"})
    draw: Draw = one_of_each
    may_draw_positives: bool = False

    def __post_init__(self) -> None:
        if min(self.text_h, self.image_h) < 0 or not (self.text_h or self.image_h):
            raise PluginError(
                f"OfflineSpec(text_h={self.text_h}, image_h={self.image_h}) mines nothing: lengths "
                "of lists are at least 0, and one of them is at least 1"
            )
        if not self.roles:
            raise PluginError(
                'OfflineSpec(roles={}) draws nothing: name one role at least, {"name": "text"} or '
                '{"name": "image"}'
            )
        _check_choice("start", self.start, get_args(Start))
        if not callable(self.mine):
            _check_choice("mine", self.mine, get_args(Mining))
        for name, side in self.roles.items():
            _check_choice(f"roles[{name!r}]", side, get_args(Side))

    def of(self, side: Side) -> tuple[str, ...]:
        """The roles that captions (`text`) or images (`image`) play, in order."""
        return tuple(name for name, played in self.roles.items() if played == side)


def _check_choice(name: str, value: object, known: tuple[str, ...]) -> None:
    if value not in known:
        raise PluginError(
            f"OfflineSpec: unknown {name} '{value}': {did_you_mean(str(value), known)}"
        )
