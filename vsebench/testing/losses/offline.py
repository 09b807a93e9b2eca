"""The offline negatives of a retrieval loss: what it has mined, and how it draws, on small training
sets with mined lists.
"""

from __future__ import annotations

import copy
import dataclasses
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch.nn.functional import normalize

from vsebench.plugin import Key, PluginError
from vsebench.retrieval.training.offline_negatives import Embedded, OfflineNegatives, mine
from vsebench.testing.check import NotCheckedError, promise
from vsebench.testing.losses.pairs import offline_of
from vsebench.testing.subject import DIM
from vsebench.testing.trial import Trial

if TYPE_CHECKING:
    from vsebench.plugin import OfflineBatch, OfflineLists, OfflineSpec
    from vsebench.testing.subject import Subject


@dataclass(frozen=True)
class Mined:
    """A training set of random embeddings, one to three captions an image, in any order, and a
    batch of it; its `repr` makes it again.

    Attributes:
        images: number of images, at least 2; the fewer, the shorter the mined lists.
        batch: number of pairs B.
        seed: seed of everything random.
        sibling_mask: the protocol's.
    """

    images: int = 12
    batch: int = 6
    seed: int = 0
    sibling_mask: bool = True

    @cached_property
    def text_to_image(self) -> np.ndarray:
        """int64 [m], the image of each caption."""
        rng = (Key(self.seed) / "captions").generator()
        counts = rng.integers(1, 4, size=self.images)
        return rng.permutation(np.repeat(np.arange(self.images), counts))

    def lists(self, spec: OfflineSpec) -> OfflineLists:
        """The lists, mined as the spec says."""
        generator = torch.Generator().manual_seed(self.seed)
        image, text = (
            normalize(torch.randn(n, DIM, generator=generator), dim=1)
            for n in (self.images, len(self.text_to_image))
        )
        return mine(Embedded(image, text, self.text_to_image), spec, Key(self.seed) / "mining")

    def negatives(self, spec: OfflineSpec, loss: str = "") -> OfflineNegatives:
        """What draws from these lists in training."""
        return OfflineNegatives(loss, spec, self.lists(spec), self.text_to_image, self.sibling_mask)

    def inputs(self, spec: OfflineSpec) -> OfflineBatch:
        """The batch, as a draw gets it."""
        return self.negatives(spec).batch(self.captions, self.rng)

    @property
    def captions(self) -> np.ndarray:
        """int64 [B], the captions of the batch."""
        captions = (Key(self.seed) / "batch").generator().permutation(len(self.text_to_image))
        return np.resize(captions, self.batch)

    @property
    def rng(self) -> np.random.Generator:
        """The draw's stream, from its beginning."""
        return (Key(self.seed) / "offline negatives").generator()

    def __str__(self) -> str:
        mask = "" if self.sibling_mask else ", without a sibling mask"
        return f"a batch of {self.batch} from {self.images} images, seed {self.seed}{mask}"


_SETS = (
    *(Mined(seed=seed, sibling_mask=mask) for seed in range(4) for mask in (True, False)),
    Mined(batch=1),
    Mined(images=2),
    Mined(images=2, batch=1, sibling_mask=False),
    Mined(images=60, batch=64),
)


@promise
def mines_negatives(subject: Subject) -> None:
    """Where its card mines by a function of its own, the lists are of negatives, and the same from
    the same embeddings and key.
    """
    spec = _spec(subject)
    if not callable(spec.mine):
        raise NotCheckedError(f"the suite mines its lists: mine='{spec.mine}'")
    for mined in _SETS:
        with _trial(subject, mined, "mined.lists(spec)") as case:
            try:
                lists = mined.lists(spec)
            except PluginError as error:
                raise case.failure(str(error)) from error
            again = mined.lists(spec)
            case.require(
                np.array_equal(lists.texts, again.texts)
                and np.array_equal(lists.images, again.images),
                "it mines other lists from the same embeddings and key",
                expected="choices from MiningInputs.key alone",
            )


@promise
def draws_the_roles_it_declares(subject: Subject) -> None:
    """Its draw gives each role of its card, and no other, one item for each pair, from lists of any
    length.
    """
    spec = dataclasses.replace(_spec(subject), may_draw_positives=True)
    for mined in _SETS:
        _check_draw(subject, mined, spec)


@promise
def draws_no_positives(subject: Subject) -> None:
    """No role is played by an item of the pair's own image, unless the card says that it may."""
    spec = _spec(subject)
    if spec.may_draw_positives:
        raise NotCheckedError("its card says that it may: OfflineSpec(may_draw_positives=True)")
    for mined in _SETS:
        try:
            _check_draw(subject, mined, dataclasses.replace(spec, may_draw_positives=True))
        except AssertionError as error:
            raise NotCheckedError("its draw gives something else than it declares") from error
        _check_draw(subject, mined, spec)


@promise
def draws_alike_from_one_stream(subject: Subject) -> None:
    """The same batch and stream give the same negatives, and the lists stay as they are."""
    spec = _spec(subject)
    for mined in _SETS:
        with _trial(subject, mined, "[spec.draw(mined.inputs(spec)) for _ in range(2)]") as case:
            batch = mined.inputs(spec)
            before = copy.deepcopy(batch.lists)
            first = dict(spec.draw(batch))
            untouched = all(
                np.array_equal(getattr(before, name), getattr(batch.lists, name))
                for name in ("texts", "images")
            )
            case.require(untouched, "its draw changes the mined lists")
            again = spec.draw(mined.inputs(spec))
            case.require(
                first.keys() == again.keys()
                and all(np.array_equal(first[name], again[name]) for name in first),
                "its draw gives other negatives for the same batch and stream",
                expected="choices from OfflineBatch.rng alone, and nothing kept between batches",
            )


def _spec(subject: Subject) -> OfflineSpec:
    spec = offline_of(subject)
    if spec is None:
        raise NotCheckedError("its card asks for no offline negatives")
    return spec


def _trial(subject: Subject, mined: Mined, call: str) -> Trial:
    """The trial of `call`, Python in `spec` and `mined`."""
    code = (
        "from vsebench.testing import find; from vsebench.testing.losses.offline import Mined; "
        "from vsebench.testing.losses.pairs import offline_of; "
        f"spec = offline_of(find({subject.arguments})); mined = {mined!r}; {call}"
    )
    return Trial(str(mined), code)


def _check_draw(subject: Subject, mined: Mined, spec: OfflineSpec) -> None:
    with _trial(subject, mined, "spec.draw(mined.inputs(spec))") as case:
        try:
            mined.negatives(spec, subject.spec).draw(mined.captions, mined.rng)
        except PluginError as error:
            raise case.failure(str(error)) from error
