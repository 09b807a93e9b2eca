"""What the kit says of draws and of own mining: each mutant breaks the promise that it should."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

from tests.testing.made import broken, only, skipped, subject
from vsebench.plugin import LossCard, OfflineLists, OfflineSpec, SpecError
from vsebench.testing.losses.offline import Mined

if TYPE_CHECKING:
    from vsebench.plugin import LossInputs, MiningInputs, OfflineBatch

Roles = dict[str, np.ndarray]
RAISES = {"draws_the_roles_it_declares", "draws_alike_from_one_stream"}
"""Broken by whatever raises; what is drawn is then not looked at."""


class Two:
    """A hinge on each of two roles."""

    def __call__(self, inputs: LossInputs) -> torch.Tensor:
        if inputs.offline is None:
            raise SpecError("loss 'two' got no offline negatives (LossInputs.offline)")
        wide = torch.promote_types(inputs.image.dtype, torch.float32)
        image, text, near, far = (
            each.to(wide)
            for each in (inputs.image, inputs.text, inputs.offline["near"], inputs.offline["far"])
        )
        own = (image * text).sum(1)
        captions, images = (image * near).sum(1), (far * text).sum(1)
        return ((0.2 + captions - own).relu() + (0.2 + images - own).relu()).sum()


def hardest(batch: OfflineBatch) -> Roles:
    return {
        "near": batch.lists.texts[batch.images, 0],
        "far": batch.lists.images[batch.captions, -1],
    }


SPEC = OfflineSpec(text_h=20, image_h=8, roles={"near": "text", "far": "image"}, draw=hardest)


def made(**values: Any) -> Any:
    card = LossCard("two roles", offline=replace(SPEC, **values), non_negative=True)
    return subject("loss", Two, card)


def test_a_sound_loss_with_roles_of_its_own_keeps_every_promise() -> None:
    assert broken(made()) == set()
    assert skipped(made()).keys() == {
        "mines_negatives",
        "scales_with_the_batch_as_declared",
        "asks_for_the_global_negatives_it_needs",
        *(() if torch.cuda.is_available() else ["cuda_gives_the_same"]),
    }


def test_a_role_that_the_card_does_not_declare_is_no_input_of_the_loss() -> None:
    renamed = made(roles={"near": "text", "image": "image"})
    failure = only(renamed, "gives_a_finite_scalar").failure
    assert "KeyError: 'far'" in failure.what


def misnames(batch: OfflineBatch) -> Roles:
    return {"near": hardest(batch)["near"], "image": hardest(batch)["far"]}


def trusts_the_asked_length(batch: OfflineBatch) -> Roles:
    rank = batch.rng.integers(20, size=len(batch.captions))
    return {**hardest(batch), "near": batch.lists.texts[batch.images, rank]}


def forgets_a_pair(batch: OfflineBatch) -> Roles:
    return {name: items[1:] for name, items in hardest(batch).items()}


def draws_siblings(batch: OfflineBatch) -> Roles:
    return {**hardest(batch), "near": batch.captions_of.pick(batch.images, batch.rng)}


def draws_from_everywhere(batch: OfflineBatch) -> Roles:
    anything = batch.rng.integers(len(batch.text_to_image), size=len(batch.captions))
    return {**hardest(batch), "near": anything}


def draws_from_a_stream_of_its_own(batch: OfflineBatch) -> Roles:
    rank = np.random.default_rng().integers(batch.lists.texts.shape[1], size=len(batch.captions))
    return {**hardest(batch), "near": batch.lists.texts[batch.images, rank]}


def sorts_the_lists(batch: OfflineBatch) -> Roles:
    batch.lists.texts.sort(axis=1)
    return hardest(batch)


@pytest.mark.parametrize(
    ("draw", "promises"),
    [
        (misnames, {"draws_the_roles_it_declares"}),
        (forgets_a_pair, {"draws_the_roles_it_declares"}),
        (trusts_the_asked_length, RAISES),
        (draws_siblings, {"draws_no_positives"}),
        (draws_from_everywhere, {"draws_no_positives"}),
        (draws_from_a_stream_of_its_own, {"draws_alike_from_one_stream"}),
        (sorts_the_lists, {"draws_alike_from_one_stream"}),
    ],
)
def test_a_draw_that_breaks_a_promise_is_caught_by_its_check(draw: Any, promises: set[str]) -> None:
    assert broken(made(draw=draw)) == promises


def test_what_may_be_drawn_is_not_checked() -> None:
    positive = made(draw=draws_siblings, may_draw_positives=True)
    assert broken(positive) == set()
    assert "may_draw_positives=True" in skipped(positive)["draws_no_positives"]


def test_a_failure_says_which_draw_on_which_set() -> None:
    failure = only(made(draw=misnames), "draws_the_roles_it_declares").failure
    assert failure.what.startswith("the draw of loss 'Two' gave the roles near, image")
    assert failure.on == "a batch of 6 from 12 images, seed 0"
    assert "Mined(images=12, batch=6, seed=0, sibling_mask=True)" in failure.reproduce


def next_of_all(inputs: MiningInputs) -> OfflineLists:
    owner, images = inputs.text_to_image, len(inputs.image)
    first = np.array([np.flatnonzero(owner == (i + 1) % images)[0] for i in range(images)])
    return OfflineLists(first[:, None], (owner[:, None] + 1) % images)


def own_items(inputs: MiningInputs) -> OfflineLists:
    lists = next_of_all(inputs)
    return OfflineLists(lists.texts, inputs.text_to_image[:, None])


def from_a_stream_of_its_own(inputs: MiningInputs) -> OfflineLists:
    lists, images = next_of_all(inputs), len(inputs.image)
    step = np.random.default_rng().integers(1, images, size=lists.images.shape)
    return OfflineLists(lists.texts, (inputs.text_to_image[:, None] + step) % images)


def test_own_mining_is_held_to_its_promise() -> None:
    assert broken(made(mine=next_of_all)) == set()
    assert "mines_negatives" not in skipped(made(mine=next_of_all))
    assert broken(made(mine=from_a_stream_of_its_own)) == {
        "mines_negatives",
        "draws_alike_from_one_stream",
    }
    assert broken(made(mine=own_items)) == {"mines_negatives", *RAISES}


def test_mined_sets_make_themselves_again() -> None:
    mined = Mined(images=5, batch=9, seed=3, sibling_mask=False)
    again = eval(repr(mined))
    batch, other = mined.inputs(SPEC), again.inputs(SPEC)
    np.testing.assert_array_equal(batch.lists.texts, other.lists.texts)
    np.testing.assert_array_equal(batch.captions, other.captions)
    assert (len(batch.captions), batch.lists.images.shape[1], batch.sibling_mask) == (9, 4, False)
