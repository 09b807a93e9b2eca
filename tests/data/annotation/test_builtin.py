from __future__ import annotations

from pathlib import Path

import pytest

from tests.data.files import dataset
from vsebench.cli.app import main
from vsebench.plugin import AnnotationCard

NAMES = (
    "flickr8k-words",
    "iaprtc12",
    "interactions",
    "mirflickr",
    "nuswide",
    "nuswide81",
    "openimages",
    "tags",
)


@pytest.mark.parametrize("name", NAMES)
def test_every_card_says_what_a_user_needs(name):
    component = dataset(name)
    card = component.card
    assert isinstance(card, AnnotationCard)
    assert card.task == "annotation"
    assert card.licence
    assert card.notes
    needed = [file.name for file in component.create({}).files(Path("root"))]
    assert all(file in card.prepare for file in needed)
    assert card.generated == (not needed)
    assert all(
        f"ROOT/{folder}/" in card.prepare for folder in card.folders if name != "flickr8k-words"
    )


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
