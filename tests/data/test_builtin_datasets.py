from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.data.files import dataset
from vsebench.cli.app import main
from vsebench.plugin import AnnotationCard, DatasetCard
from vsebench.plugin.host.loader import load_plugins

NAMES = [
    component.name
    for component in load_plugins().registry
    if component.kind == "dataset" and component.origin.distribution == "vsebench"
]


def test_listing_imports_no_array_library():
    program = (
        "import sys, vsebench.data.builtin; sys.exit(any(name in sys.modules for name in "
        "('numpy', 'torch', 'pandas', 'pydantic')))"
    )
    assert subprocess.run([sys.executable, "-c", program]).returncode == 0


@pytest.mark.parametrize("name", NAMES)
def test_every_card_says_what_a_user_needs(name):
    component = dataset(name)
    card = component.card
    assert isinstance(card, DatasetCard)
    assert card.licence
    assert card.prepare
    assert isinstance(card, AnnotationCard) == (card.task == "annotation")
    assert (card.feature_kind == "frames") == (name in ("frames", "msrvtt", "vatex", "clips"))
    protocol = {
        "retrieval": "vse-infinity",
        "annotation": "vse-ens",
        "patterns": "vse-infinity-patterns",
    }[card.task]
    assert card.protocol == ("quick" if name in ("scenes", "clips") else protocol)
    assert card.notes or card.task == "retrieval"
    needed = [file.name for file in component.create({}).files(Path("root"))]
    assert all(file in card.prepare for file in needed)
    assert card.generated == (not needed)
    if card.task == "annotation" and name != "flickr8k-words":
        assert all(f"ROOT/{folder}/" in card.prepare for folder in card.folders)


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


def command(capsys, *arguments: str) -> str:
    with pytest.raises(SystemExit) as caught:
        main(list(arguments))
    assert caught.value.code == 0
    return capsys.readouterr().out


def test_listed_described_and_checked_like_the_others(capsys):
    rows = {
        line.split()[0]: line.split()[1:4]
        for line in command(capsys, "data", "list").splitlines()[2:]
    }
    assert rows["mirflickr"][:2] == ["annotation", "none"]
    assert rows["flickr8k-words"][:2] == ["annotation", "vector"]
    assert "published: 20,015 images, 1,386 labels, 92,808 pairs" in command(
        capsys, "data", "info", "mirflickr"
    )
    assert "published: 8,000 images, 8,790 labels" in command(
        capsys, "data", "info", "flickr8k-words:split=leave-one-out"
    )
    assert "task: annotation; features: none" in command(capsys, "show", "openimages")
    assert "mirflickr" in command(capsys, "plugins", "--kind", "dataset")
    lines = command(capsys, "data", "check", "tags:images=50:labels=40:density=0.1").splitlines()
    assert lines[1].split() == [
        "split",
        "images",
        "without",
        "labels",
        "labels",
        "pairs",
        "most",
        "of",
        "an",
        "image",
        "features",
    ]
    assert [line.split()[:2] for line in lines[3:6]] == [
        ["train", "50"],
        ["dev", "50"],
        ["test", "50"],
    ]
