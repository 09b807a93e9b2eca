from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.data.files import dataset
from vsebench.plugin import DatasetCard
from vsebench.plugin.host.loader import load_plugins

NAMES = ("coco", "flickr30k", "flickr8k", "precomp", "scenes")


def test_listing_imports_no_array_library():
    program = (
        "import sys, vsebench.data.builtin; sys.exit(any(name in sys.modules for name in "
        "('numpy', 'torch', 'pandas', 'pydantic')))"
    )
    assert subprocess.run([sys.executable, "-c", program]).returncode == 0


def test_names():
    assert {
        c.name
        for c in load_plugins().registry
        if c.kind == "dataset" and c.origin.distribution == "vsebench"
    } >= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_every_card_says_what_a_user_needs(name):
    component = dataset(name)
    card = component.card
    assert isinstance(card, DatasetCard)
    assert card.task == "retrieval"
    assert card.licence
    assert card.prepare
    assert card.protocol == ("quick" if name == "scenes" else "vse-infinity")
    created = component.create({})
    needed = [file.name for file in created.files(Path("root"))]
    assert all(file in card.prepare for file in needed)
    assert card.generated == (not needed)


@pytest.mark.parametrize(
    ("name", "params", "counts"),
    [
        ("flickr30k", {}, {"train": (29000, 145000), "dev": (1000, 5000), "test": (1000, 5000)}),
        (
            "coco",
            {"test": "testall"},
            {"train": (113287, 566435), "dev": (1000, 5000), "test": (5000, 25000)},
        ),
        (
            "coco",
            {"test": "test"},
            {"train": (113287, 566435), "dev": (1000, 5000), "test": (1000, 5000)},
        ),
        ("flickr8k", {}, {"train": (6000, 30000), "dev": (1000, 5000), "test": (1000, 5000)}),
        ("precomp", {}, {}),
        ("scenes", {}, {}),
    ],
)
def test_published_counts(name, params, counts):
    assert dataset(name).card.counts_for(dataset(name).resolve(params)) == counts
