"""The hardest queries: what was asked for, what should have been found, what was found instead."""

from __future__ import annotations

import base64
import io

import numpy as np
import pytest
from PIL import Image

from tests.factories import make_annotation_spec, make_record, make_spec, metrics, save
from tests.report.page.dom import parse
from tests.site.made import pages, studies
from vsebench.data.flickr8k import FEATURES, NAMES, SCALE, SPLITS, TOKENS
from vsebench.plugin.errors import DataError
from vsebench.plugin.host.loader import load_plugins
from vsebench.report.queries import data as module
from vsebench.report.queries.data import Captions, Queried, Thumbnails, thumbnails
from vsebench.report.queries.tallies import instead
from vsebench.results.folder.store import Store
from vsebench.results.reader import RETRIEVED
from vsebench.site.queries import AtHand, Item, absent, queries

OWNERS = (0, 0, 1, 1, 2, 2)
QUERIED = Queried("scenes", "test")
CAPTIONS = Captions(("a <cat>", "the cat", "a dog", "the dog", "a cow", "the cow"), OWNERS)


class Pictures:
    """Images of noise, which do not compress."""

    def __init__(self, number, size=(300, 200)):
        self.number, self.size = number, size

    def __len__(self):
        return self.number

    def where(self, index):
        return f"picture {index}"

    def read(self, index):
        if index == 2 and self.size == (1, 1):
            return b"no image"
        noise = np.random.default_rng(index).integers(0, 255, (*self.size[::-1], 3), np.uint8)
        written = io.BytesIO()
        Image.fromarray(noise).save(written, "PNG")
        return written.getvalue()


def leave(out, pooling, seed, rsum, i2t, t2i, kept=None):
    record = save(out, make_record(make_spec(pooling, seed=seed), test=metrics(rsum)))
    directory = Store(out).directory_for(record.spec)
    directory.write_ranks(np.array(i2t), np.array(t2i), np.array(OWNERS))
    if kept is not None:
        arrays = {}
        for kind, found in kept.items():
            arrays[kind] = np.array(list(found), np.int32)
            arrays[f"{kind}_top"] = np.array(list(found.values()), np.int32)
        directory.write_shown(RETRIEVED, arrays)


@pytest.fixture
def board(tmp_path):
    return board_of(tmp_path)


def board_of(tmp_path):
    """Image 2 and caption 5 are the hardest; the best row keeps less than the other."""
    ranks = [0, 2, 4], [0, 0, 1, 0, 0, 2]
    leave(tmp_path, "gpo", 0, 300, *ranks)
    leave(tmp_path, "gpo", 1, 301, *ranks, {"i2t": {2: [0, 1, 4, -1, -1]}, "t2i": {}})
    leave(
        tmp_path,
        "mean",
        0,
        200,
        [0, 3, 5],
        [0, 0, 0, 0, 0, 2],
        {"i2t": {2: [3, 2, 1, 0, 5]}, "t2i": {5: [0, 1, 2, -1, -1]}},
    )
    ((found,),) = [each.boards for each in studies(tmp_path)]
    return found


def test_the_first_row_that_keeps_a_query_says_what_it_found(board):
    found = instead(board.block.section, [("i2t", 2), ("t2i", 5), ("t2i", 0)])
    assert list(found) == [("i2t", 2), ("t2i", 5)]
    assert found["i2t", 2] == (("gpo", "triplet"), 1, 5, (0, 1, 4))
    assert found["t2i", 5] == (("mean", "triplet"), 0, 3, (0, 1, 2))


def test_what_was_asked_for_and_found(board):
    i2t, t2i = queries(board, AtHand(CAPTIONS))
    first = i2t.found[0]
    assert (first.asked.name, first.asked.text) == ("image 2", "")
    assert [each.text for each in first.wanted] == ["a cow", "the cow"]
    assert [(each.text, each.right) for each in first.found.items] == [
        ("a <cat>", False),
        ("the cat", False),
        ("a cow", True),
    ]
    assert (first.found.by, first.found.rank) == ("gpo × triplet, seed 1", 5)
    caption = t2i.found[0]
    assert caption.asked.text == "the cow"
    assert [(each.name, each.text) for each in caption.wanted] == [("image 2", "a cow")]
    assert [(each.name, each.right) for each in caption.found.items] == [
        ("image 0", False),
        ("image 1", False),
        ("image 2", True),
    ]
    assert i2t.found[1].found is None


def test_without_captions_places_are_shown(board):
    i2t, _ = queries(board, AtHand())
    assert i2t.found[0].wanted == []
    assert i2t.found[0].found.items[0] == Item("caption 0", "")


def test_a_page_says_what_it_does_not_show(board, tmp_path):
    found = queries(board, AtHand(CAPTIONS))
    assert absent(found, AtHand(CAPTIONS, Thumbnails())).startswith(
        "What was found instead is shown where"
    )
    assert "Captions are not shown" in absent(found, AtHand())
    assert "Images are not shown" in absent(found, AtHand(CAPTIONS))
    leave(tmp_path / "old", "gpo", 0, 300, [0, 1, 2], [0] * 6)
    ((old,),) = [each.boards for each in studies(tmp_path / "old")]
    assert absent(queries(old, AtHand(CAPTIONS)), AtHand(CAPTIONS, Thumbnails())) == (
        "What was found instead is not shown: runs of older releases do not keep it."
    )
    assert absent([], AtHand()) == ""


def test_they_stand_on_the_page(board, tmp_path):
    site = pages_of_board(tmp_path, Thumbnails([Pictures(3)]))
    document = parse(site)
    hardest = document.all("details", "hardest")
    assert [each.one("summary").text for each in hardest] == [
        "Images whose captions are hard to find",
        "Captions whose image is hard to find",
    ]
    assert "a <cat> caption 0" in hardest[0].all("ol", "found")[0].text
    assert [img["alt"] for img in hardest[1].all("img")][:2] == ["a cow", "a <cat>"]
    assert all(img["src"].startswith("data:image/jpeg;base64,") for img in document.all("img"))
    assert "<cat>" not in site


def test_captions_of_other_splits_are_not_shown(board, tmp_path):
    pictures = Thumbnails([Pictures(3)])
    assert "a dog" in pages_of_board(tmp_path, pictures)
    assert "a dog" not in pages_of_board(tmp_path, pictures, Queried("scenes", "dev+test"))


def pages_of_board(out, pictures, queried=QUERIED):
    from vsebench.site.render import pages_of

    return pages_of(
        "Studies",
        studies(out),
        (),
        load_plugins().registry,
        {queried: AtHand(CAPTIONS, pictures)},
    )[f"studies/{out.name.replace('_', '-')}.html"]


def test_thumbnails_are_small_and_their_number_is_bounded(monkeypatch):
    made = Thumbnails([Pictures(2), Pictures(3)])
    uri = made.of(1)
    with Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2]))) as picture:
        assert (picture.format, picture.size) == ("JPEG", (112, 75))
    assert made.of(1) == uri
    assert made.of(2) == Thumbnails([Pictures(3)]).of(0) != uri
    assert made.of(5) == ""
    monkeypatch.setattr(module, "MOST_BYTES", 3 * len(uri))
    few = Thumbnails([Pictures(9)])
    shown = [few.of(i) for i in range(9)]
    assert 0 < sum(map(bool, shown)) < 9
    assert sum(map(len, shown)) <= 3 * len(uri)


def test_a_damaged_image_is_named():
    with pytest.raises(DataError, match="picture 2"):
        Thumbnails([Pictures(3, (1, 1))]).of(2)


def test_annotation_studies_have_neither(tmp_path):
    record = save(tmp_path, make_record(make_annotation_spec(), test={"map": 0.3}))
    Store(tmp_path).directory_for(record.spec).write_per_image(
        {"map": np.array([0.1, 0.5], np.float32)}
    )
    page = pages(tmp_path)[f"studies/{tmp_path.name.replace('_', '-')}.html"]
    document = parse(page)
    assert "Average precision 0.1000 over all rows" in document.text
    assert "not shown" not in document.text


def write_flickr8k(root, images):
    """A data set in the files of Flickr8k, and its images in a folder beside them."""
    names = [f"{i}.png" for i in range(images)]
    (root / "flickr8k").mkdir(parents=True)
    (root / "images").mkdir()
    for i, name in enumerate(names):
        (root / "images" / name).write_bytes(Pictures(images, (8, 8)).read(i))
    folder = root / "flickr8k"
    lines = [f"{name}#{k}\tcaption {k} of {name}\n" for name in names for k in range(5)]
    (folder / TOKENS).write_text("".join(lines))
    for split, chosen in (("train", names[:-2]), ("dev", names[-2:-1]), ("test", names[-1:])):
        (folder / SPLITS[split]).write_text("".join(f"{name}\n" for name in chosen))
    np.save(folder / FEATURES, np.ones((images, 49, 4), np.int8))
    np.save(folder / SCALE, np.ones(4, np.float32))
    (folder / NAMES).write_text("".join(f"{name}\n" for name in names))


def section_of(out):
    spec = make_spec("gpo", dataset="flickr8k")
    dataset = spec.dataset.model_copy(update={"params": {"dim": 4}})
    spec = spec.model_copy(update={"dataset": dataset})
    save(out, make_record(spec, test=metrics(300)))
    ((board,),) = [each.boards for each in studies(out)]
    return board.block.section


def test_images_of_a_set_of_features_lie_in_a_folder(tmp_path):
    write_flickr8k(tmp_path, 5)
    section, registry = section_of(tmp_path / "runs"), load_plugins().registry
    place = [tmp_path / "nothing", tmp_path / "images"]
    found = thumbnails(section, [tmp_path], registry, place)
    assert found.of(0) == Thumbnails([Pictures(5, (8, 8))]).of(4)  # the last, which is test's first
    assert found.of(1) == ""
    assert thumbnails(section, [tmp_path], registry, ()) is None
    (tmp_path / "images" / "4.png").unlink()
    with pytest.raises(DataError, match=r"nothing does not exist.*; .*has no image 4\.png"):
        thumbnails(section, [tmp_path], registry, place)


def test_a_set_without_raw_images_has_none(tmp_path):
    leave(tmp_path, "gpo", 0, 300, [0, 1, 2], [0] * 6)
    ((board,),) = [each.boards for each in studies(tmp_path)]
    found = thumbnails(board.block.section, (), load_plugins().registry, [tmp_path])
    assert found.of(0) == ""
