from __future__ import annotations

import numpy as np
import pytest

from tests.data.files import dataset
from vsebench.data.annotation.interactions import Interactions
from vsebench.data.open import open_dataset
from vsebench.plugin import DataError

LINES = [
    "img7 cat 1",
    "img7 dog 0.5",
    "9 cat 1",
    "img7 cat 1",
    "9 bird 0",
    "",
    "img7 bird 2e0 ",
    "é dog 1",
    "9\tdog\t1",
]


def write(root, **files: list[str]):
    for name, lines in files.items():
        (root / f"{name}.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return root


def every(data) -> set[tuple[int, str]]:
    """Pairs of all splits, by the image's row and the label's name."""
    found = [
        (int(i), data.label_names[label])
        for split in data.splits.values()
        for i, label in zip(split.positives.images(), split.positives.labels, strict=True)
    ]
    assert len(set(found)) == len(found)
    return set(found)


def test_ids_of_any_kind_and_values_above_zero(tmp_path):
    data = Interactions().load(write(tmp_path, interactions=LINES))
    assert data.label_names == ["cat", "dog", "bird"]
    assert every(data) == {(0, "cat"), (0, "dog"), (0, "bird"), (1, "cat"), (1, "dog"), (2, "dog")}
    assert data.aligned
    assert {name: split.positives.counts.tolist() for name, split in data.splits.items()} == {
        "train": [1, 1, 1],
        "dev": [1, 0, 0],
        "test": [1, 1, 0],
    }


def test_a_hold_out_of_somebody_else_is_kept(tmp_path):
    root = write(
        tmp_path,
        train=["1 a 1", "1 b 1", "1 c 1", "2 a 1"],
        test=["1 d 1", "2 a 1", "2 b 1", "3 a 1"],
    )
    data = Interactions().load(root)
    test = data.splits["test"].positives
    assert [[data.label_names[label] for label in test.row(i)] for i in range(3)] == [
        ["d"],
        ["b"],
        ["a"],
    ]
    assert data.splits["dev"].positives.counts.tolist() == [1, 0, 0]
    assert every(data) == {(0, "a"), (0, "b"), (0, "c"), (0, "d"), (1, "a"), (1, "b"), (2, "a")}
    assert data.warnings == ("1 pairs of test.txt are in train.txt too, and left out of test",)


@pytest.mark.parametrize("line", ["1 2", "1 2 3 4", "image label value", "1 2 nan", "1 2 inf"])
def test_a_bad_line_is_named(tmp_path, line):
    with pytest.raises(
        DataError, match=f"interactions.txt, line 2, is '{line}', expected 'image label value'"
    ) as error:
        Interactions().load(write(tmp_path, interactions=["1 2 1", line]))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"interactions": ["1 2 0", "1 3 -1"]}, "interactions.txt has no relevant pair"),
        ({"interactions": []}, "interactions.txt has no relevant pair"),
        ({"train": ["1 2 1"]}, "test.txt is missing"),
        ({"test": ["1 2 1"]}, "train.txt is missing"),
        (
            {"interactions": ["1 2 1"], "train": ["1 2 1"]},
            "has both interactions.txt and train.txt or test.txt",
        ),
        ({}, "interactions.txt is missing"),
    ],
)
def test_files_that_do_not_make_a_set(tmp_path, files, message):
    with pytest.raises(DataError, match=message):
        Interactions().load(write(tmp_path, **files))


def test_label_ids_must_be_utf8(tmp_path):
    (tmp_path / "interactions.txt").write_bytes(b"1 tea 1\n1 caf\xe9 1\n")
    with pytest.raises(DataError, match=r"interactions\.txt, line 2, is not UTF-8 \(byte 0xe9 at"):
        Interactions().load(tmp_path)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_pairs_of_any_editor_are_read(tmp_path, encoding):
    text = "\r\n".join(LINES)
    (tmp_path / "interactions.txt").write_bytes(text.encode(encoding))
    data = Interactions().load(tmp_path)
    assert data.label_names == ["cat", "dog", "bird"]
    assert len(every(data)) == 6


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("image label value", "it looks like a header: delete the line"),
        ("img7,cat,1", r"not by ',': tr ',' ' ' < interactions\.txt > NEW"),
        ("img7 cat", "separated by spaces$"),
        ("img7 cat yes no", "separated by spaces$"),
    ],
)
def test_a_first_line_that_is_no_pair_is_said_as_what_it_is(tmp_path, line, message):
    with pytest.raises(DataError, match=f"line 1, is '{line}', .*{message}"):
        Interactions().load(write(tmp_path, interactions=[line, *LINES]))


def test_values_that_may_be_meant_in_another_way_are_counted(tmp_path):
    lines = [*LINES, "9 cat -1", "img7 zebra -3", "unknown cat -0.5", "9 cat 2", "9 cat 0"]
    data = Interactions().load(write(tmp_path, interactions=lines))
    assert data.warnings == (
        "3 values of interactions.txt are below 0, and not relevant, as those of 0",
        "2 lines of interactions.txt repeat a pair, which counts once",
        (
            "1 pairs of interactions.txt have a value above 0 and another that is not, and are "
            "relevant"
        ),
    )
    assert every(data) == every(Interactions().load(write(tmp_path, interactions=LINES)))


def test_a_plain_file_is_not_warned_of(tmp_path):
    lines = ["1 a 1", "1 b 1", "1 c 1", "2 a 1", "2 d 0"]
    assert Interactions().load(write(tmp_path, interactions=lines)).warnings == ()


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (
            {"interactions": ["1 a 1", "2 b 1"]},
            "no image with more than 1 label",
        ),
        (
            {"interactions": ["1 a 1", "1 b 1", "2 b 1"]},
            "no image with more than 2 labels",
        ),
        ({"interactions": ["1 a 1", "2 a 1"]}, "knows the label 'a' only"),
        (
            {"train": ["1 a 1", "2 b 1"], "test": ["1 b 1"]},
            r"train\.txt has no image with two labels",
        ),
        (
            {"train": ["1 a 1", "1 b 1"], "test": ["1 b 1"]},
            r"test\.txt has no pair that train\.txt has not",
        ),
    ],
)
def test_too_few_labels_are_said_as_what_they_are(tmp_path, files, message):
    with pytest.raises(DataError, match=message) as error:
        Interactions().load(write(tmp_path, **files))
    assert "\n" not in str(error.value)


def test_a_set_in_which_every_image_has_every_label_is_refused(tmp_path):
    lines = [f"{image} {label} 1" for image in range(5) for label in range(4)]
    write(tmp_path, interactions=lines)
    with pytest.raises(DataError, match="has all 4 of them"):
        open_dataset(dataset("interactions"), {}, data_roots=[tmp_path])
    write(tmp_path, interactions=lines[:-1])
    open_dataset(dataset("interactions"), {}, data_roots=[tmp_path])


def test_opened_by_name_with_the_papers_counts(tmp_path):
    rng = np.random.default_rng(0)
    lines = [f"{image} {label} 1" for image in range(6) for label in rng.permutation(8)[:3]]
    write_to = tmp_path / "iapr-tc12"
    write_to.mkdir()
    write(write_to, interactions=lines)
    opened = open_dataset(dataset("iaprtc12"), {}, data_roots=[tmp_path])
    assert opened.path == write_to
    assert "it has 6 images, published are 19,627" in opened.warnings
    assert "it has 6 test pairs, published are 20,000" in opened.warnings
    with pytest.raises(
        DataError, match=r"is not the published one: it has 6 images, .*strict-data"
    ):
        open_dataset(dataset("iaprtc12"), {}, data_roots=[tmp_path], strict=True)


def test_another_seed_holds_out_other_labels_of_the_same_data(tmp_path):
    root = write(
        tmp_path,
        interactions=[
            f"{image} {label} 1" for image in range(30) for label in range(9) if label != image % 10
        ],
    )
    first, other = (
        open_dataset(dataset("interactions"), {"seed": seed}, data_roots=[root]) for seed in (0, 1)
    )
    assert first.fingerprint == other.fingerprint
    assert (
        first.data.splits["test"].positives.labels.tolist()
        != other.data.splits["test"].positives.labels.tolist()
    )
