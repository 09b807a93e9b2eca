"""The presets, value by value, as the papers and their released code have them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from vsebench.plugin.specs import create
from vsebench.results.presets import PRESETS
from vsebench.results.protocol import Protocol

PLAIN = {"warmup_epochs": 0, "drop_regions": 0, "augment_words": 0}
RESNET = "backbone:model=microsoft%2Fresnet-152:size=512"
EARLY = {
    "image_encoder": "grid",
    "text_encoder": "gru-last",
    "optimiser": "adam",
    "lr": 2e-4,
    "weight_decay": 0,
    "last_batch": "keep",
    **PLAIN,
}
GRID = {"image_encoder": RESNET, "weight_decay": 1e-4, "last_batch": "keep"}

CHANGES: dict[str, dict[str, object]] = {
    "vse-infinity": {},
    "vse-infinity-bert": {"text_encoder": "bert", "weight_decay": 1e-4},
    "vse-infinity-grid": GRID,
    "vse-infinity-grid-bert": {**GRID, "text_encoder": "bert"},
    "vse++": {**EARLY, "epochs": 30, "lr_decay_at": 0.5},
    "uvs": {
        **EARLY,
        "epochs": 15,
        "lr_decay": 1,
        "min_word_count": 1,
        "select_at": "evaluation",
        "evals_per_epoch": 1,
        "eval_every_steps": 100,
    },
    "aoq": {
        **EARLY,
        "epochs": 20,
        "lr_decay_at": 0.5,
        "embed_dim": 2048,
        "select_at": "evaluation",
        "select_by": "r1+r5",
        "evals_per_epoch": 1,
        "eval_every_steps": 1000,
    },
    "2ad": {"warmup_epochs": 0, "augment_ends": False},
    "2ad-published": {
        "image_encoder": "region:count_padding=true",
        "warmup_epochs": 0,
        "augment_ends": False,
        "lr_schedule": "compounding",
        "select_at": "last",
    },
}
"""What differs from VSE-infinity's recipe for regions and a BiGRU."""


@pytest.mark.parametrize("name", CHANGES)
def test_a_published_preset_differs_from_vse_infinity_in_these_values(name: str) -> None:
    assert PRESETS[name] == Protocol(**{"name": name, **CHANGES[name]})


def test_none_of_the_published_methods_masks_siblings() -> None:
    assert not any(PRESETS[name].sibling_mask for name in CHANGES)


def test_clip_is_fine_tuned_from_its_own_projections() -> None:
    clip = PRESETS["clip-vse"]
    assert (
        clip.image_encoder
        == "backbone:model=openai%2Fclip-vit-base-patch32:cls=true:frozen_epochs=0:head=own"
    )
    assert clip.text_encoder == "bert:model=openai%2Fclip-vit-base-patch32:head=own"
    # Its projections' size; its tokenizer has no mask
    assert (clip.embed_dim, clip.lr_schedule, clip.augment_words) == (
        512,
        "cosine",
        0,
    )


PAGE = (Path(__file__).parents[2] / "docs" / "presets.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"`--protocol (\S+) --pooling (\S+) --loss (\S+)`", PAGE)


def test_the_page_of_presets_gives_a_command_for_each() -> None:
    assert {protocol for protocol, _, _ in COMMANDS} == {*PRESETS} - {"quick"}


@pytest.mark.parametrize(("protocol", "pooling", "loss"), COMMANDS)
def test_a_command_on_the_page_of_presets_names_what_there_is(
    protocol: str, pooling: str, loss: str
) -> None:
    dim = 8  # of the models; their own would take memory
    for side in pooling.split("/"):
        assert create("pooling", side, dim=dim) is not None
    assert create("loss", loss, dim=dim, batch_size=PRESETS[protocol].batch_size) is not None
