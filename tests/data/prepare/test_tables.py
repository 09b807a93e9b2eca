"""Tables of images and captions in the forms in which Hugging Face's `datasets` gives them."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.data.prepare.hub_tables import NAMES, SPLITS, check, photo, texts, write
from vsebench.cli.app import main
from vsebench.data.prepare.gather import Request
from vsebench.data.prepare.prepare import prepare
from vsebench.plugin import DataError, SpecError
from vsebench.text import read_text


def make(tmp_path, **options):
    seen = []
    manifest = prepare(
        Request("", tmp_path / "in", tmp_path / "out", called="mine", tables=True, **options),
        lambda *told: seen.append(told),
    )
    return manifest, seen


@pytest.mark.parametrize("split", ["train", "validation"])
def test_ids_that_would_be_one_file_are_refused(tmp_path, split):
    """Within a split and between two: else one image would stand for both."""
    write(tmp_path / "in", "lists")
    path = tmp_path / "in" / "data" / f"{split}-00000-of-00001.parquet"
    rows = pq.read_table(path).to_pylist()
    other = tmp_path / "in" / "data" / "train-00000-of-00001.parquet"
    first = pq.read_table(other).to_pylist()
    for each in (*rows, *first):
        each["image_id"] = str(each["image_id"])
    first[0]["image_id"], rows[1]["image_id"] = "a 1", "a_1"
    if split == "train":
        rows[0]["image_id"] = "a 1"
    else:
        pq.write_table(pa.Table.from_pylist(first), other)
    pq.write_table(pa.Table.from_pylist(rows), path)
    with pytest.raises(DataError, match="images 'a 1' and 'a_1' would both be called a_1"):
        make(tmp_path)


@pytest.mark.parametrize("form", list(NAMES))
def test_every_form_of_captions(tmp_path, form):
    write(tmp_path / "in", form)
    manifest, seen = make(tmp_path)
    assert (manifest["images"], manifest["features"]) == ("images.tar", None)
    assert seen[-1] == ("images", 9, 9)
    check(tmp_path, NAMES[form])
    assert make(tmp_path)[0] == manifest


@pytest.mark.parametrize(
    "layout",
    [
        "{split}.parquet",
        "default/{split}/0000.parquet",
        "{split}/data-00000-of-00001.arrow",
    ],
)
def test_every_layout_of_tables(tmp_path, layout):
    write(tmp_path / "in", "lists", layout)
    make(tmp_path)
    check(tmp_path, NAMES["lists"])


def test_a_column_tells_the_split_and_columns_may_be_named(tmp_path):
    rows = [
        {"photo_bytes": photo(number), "alt": text, "part": split, "key": f"k/{number}"}
        for split, numbers in SPLITS.items()
        for number in numbers
        for text in texts(number)
    ]
    (tmp_path / "in").mkdir()
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "in" / "test-00000.parquet")
    columns = {"image": "photo_bytes", "captions": "alt", "split": "part", "id": "key"}
    make(tmp_path, columns=columns)
    check(tmp_path, lambda number: f"k_{number}")
    with pytest.raises(DataError, match="prepared from other files or with other options"):
        make(tmp_path, columns={**columns, "id": "alt"})


def test_captions_in_columns_of_other_names(tmp_path):
    write(tmp_path / "in", "columns")
    for path in (tmp_path / "in" / "data").iterdir():
        table = pq.read_table(path)
        names = [name.replace("caption_", "said [en] ") for name in table.column_names]
        pq.write_table(table.rename_columns(names), path)
    with pytest.raises(DataError, match=r"say which has the captions with --column captions=NAME"):
        make(tmp_path)
    with pytest.raises(SpecError, match=r"has no column 'sad \*': known: image, said"):
        make(tmp_path, columns={"captions": "sad *"})
    make(tmp_path, columns={"captions": "said *"})
    check(tmp_path, NAMES["columns"])


def test_a_row_without_a_text_in_its_columns(tmp_path):
    write(tmp_path / "in", "columns")
    path = tmp_path / "in" / "data" / "train-00000-of-00001.parquet"
    rows = pq.read_table(path).to_pylist()
    rows[1]["caption_0"] = None
    pq.write_table(pa.Table.from_pylist(rows), path)
    with pytest.raises(DataError, match=r"image p1\.jpg of train has 0 captions, expected 1"):
        make(tmp_path)


def test_a_published_set_keeps_its_first_five(tmp_path):
    rows = [
        {
            "image": {"bytes": photo(n), "path": None},
            "caption": [f"text {k}" for k in range(5 + n)],
            "split": split,
            "filename": f"{n}.jpg",
        }
        for n, split in enumerate(("train", "val", "test"))
    ]
    (tmp_path / "in").mkdir()
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "in" / "TEST.parquet")
    prepare(Request("flickr30k", tmp_path / "in", tmp_path / "out", tables=True), lambda *_: None)
    assert (tmp_path / "out" / "test_caps.txt").read_text().count("\n") == 5
    assert not (tmp_path / "out" / "test_text_to_image.npy").exists()
    assert (tmp_path / "out" / "test_ids.txt").read_text() == "2.jpg\n"


def test_the_format_of_an_image_is_told_by_its_content(tmp_path):
    (tmp_path / "in").mkdir()
    for split, kind in (("train", "PNG"), ("validation", "WEBP"), ("test", "JPEG")):
        image = {"bytes": photo(1 + len(kind), kind), "path": None}
        rows = [{"image": image, "text": "a dog", "image_id": split}]
        pq.write_table(pa.Table.from_pylist(rows), tmp_path / "in" / f"{split}.parquet")
    make(tmp_path)
    mapping = json.loads((tmp_path / "out" / "id_mapping.json").read_text())
    assert mapping == {"train": "train.png", "validation": "validation.webp", "test": "test.jpg"}


def edited(tmp_path, split, change):
    write(tmp_path / "in", "lists")
    path = tmp_path / "in" / f"data/{split}-00000-of-00001.parquet"
    rows = pq.read_table(path).to_pylist()
    change(rows)
    pq.write_table(pa.Table.from_pylist(rows), path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda rows: rows[1].update(captions=["a dog", " . "]), r"row 1 has the caption ' \. '"),
        (
            lambda rows: [each.update(captions=[{"en": "a dog", "n": 1}]) for each in rows],
            r"row 0 has captions with the fields en, n: expected the text in one of raw, caption,",
        ),
        (lambda rows: rows[1].update(captions=None), r"row 1 has the caption None"),
        (lambda rows: rows[1].update(captions=[]), r"image 107 of test has 0 captions"),
        (lambda rows: rows[1].update(image_id=None), r"row 1 has no id of its image"),
        (lambda rows: rows[1].update(image_id=106), r"row 1 has another image of the id 106"),
        (lambda rows: rows[1].update(rows[0], image_id=100), "another image of the id 100"),
        (
            lambda rows: rows[1]["image"].update(bytes=None),
            r"row 1 does not hold its image but names p7\.jpg",
        ),
        (
            lambda rows: rows[1].update(image={"bytes": photo(0), "path": ""}, image_id=100),
            r"row 0 has image 100 in train, and it is in test too",
        ),
        (
            lambda rows: [each.update(words=each.pop("captions")) for each in rows],
            "has columns image, image_id, words",
        ),
    ],
)
def test_what_is_wrong_with_a_row_is_named(tmp_path, change, message):
    edited(tmp_path, "test", change)
    with pytest.raises(DataError, match=message) as error:
        make(tmp_path)
    assert "\n" not in str(error.value)
    assert not list((tmp_path / "out").glob("*"))


def test_captions_are_single_lines_that_are_read_as_they_were_written(tmp_path):
    def scatter(rows):
        for each in rows:
            each.update(captions=["a\ndog\x00 runs\r\nand\u2028\u0085runs", "another"])

    edited(tmp_path, "train", scatter)
    make(tmp_path)
    lines = read_text(tmp_path / "out" / "train_caps.txt").split("\n")
    assert set(lines[:-1:2]) == {"a dog runs and runs"}
    assert set(lines[1::2]) == {"another"}
    assert len(lines) == 2 * len(SPLITS["train"]) + 1


def test_tables_that_are_none(tmp_path):
    write(tmp_path / "in", "rows")
    with pytest.raises(SpecError, match="has no column 'txt': did you mean 'text'"):
        make(tmp_path, columns={"captions": "txt"})
    path = tmp_path / "in" / "data" / "train-00000-of-00001.parquet"
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(DataError, match=r"train-00000-of-00001\.parquet is damaged, or no table"):
        make(tmp_path)
    path.unlink()
    with pytest.raises(DataError, match="the tables have no image of train"):
        make(tmp_path)
    path.with_name("extra-0.parquet").write_bytes(
        path.with_name("test-00000-of-00001.parquet").read_bytes()
    )
    with pytest.raises(DataError, match="row 0 is of split 'extra'"):
        make(tmp_path)
    (tmp_path / "in" / "data" / "a.arrow").write_bytes(b"no stream")
    with pytest.raises(DataError, match=r"a\.arrow is damaged, or no table"):
        make(tmp_path)
    (tmp_path / "none").mkdir()
    request = Request("", tmp_path / "none", tmp_path / "out", called="mine", tables=True)
    with pytest.raises(DataError, match=r"holds no tables: expected \.parquet or \.arrow files"):
        prepare(request, lambda *_: None)


def run(capsys, *arguments, code=0):
    with pytest.raises(SystemExit) as caught:
        main(["data", *map(str, arguments)])
    assert caught.value.code == code
    return capsys.readouterr()


def test_damaged_offsets_are_not_followed(tmp_path):
    """Read as they are, they end the process."""
    path = write(tmp_path / "in", "rows", "{split}.arrow") / "train.arrow"
    content, lengths = path.read_bytes(), np.array([0, len("caption 0 of 0")], np.int32)
    assert lengths.tobytes() in content
    path.write_bytes(content.replace(lengths.tobytes(), np.array([0, 1 << 30], np.int32).tobytes()))
    with pytest.raises(DataError, match=r"train\.arrow is damaged, or no table"):
        make(tmp_path)


def test_the_command_and_what_comes_next(capsys, tmp_path, monkeypatch):
    monkeypatch.setenv("VSEBENCH_CACHE", str(tmp_path / "cache"))
    write(tmp_path / "in", "lists")
    common = ("--as", "mine", "--to", tmp_path / "out", "--quiet")
    out, err = run(capsys, "prepare", "--from", f"hf:{tmp_path / 'in'}", *common)
    assert err == ""
    assert f"the images are in {tmp_path / 'out' / 'images.tar'}" in out
    assert "--dataset mine:features=TABLE" in out
    out, _ = run(capsys, "check", tmp_path / "out")
    assert out.startswith("mine:images=images.tar: sound")
    assert "verdict: all" in out
    for option, message in (
        ("captions", "--column takes WHAT=NAME"),
        ("caption=text", "--column has no 'caption': did you mean 'captions'?"),
    ):
        _, err = run(
            capsys,
            "prepare",
            "--from",
            f"hf:{tmp_path / 'in'}",
            *common,
            "--column",
            option,
            code=2,
        )
        assert message in err
    _, err = run(capsys, "prepare", "--from", tmp_path / "in", *common, "--column", "id=x", code=2)
    assert "--column is about tables" in err
    _, err = run(capsys, "prepare", "--from", "hf:nowhere", *common, code=2)
    assert "there is no folder nowhere: hf: takes a folder" in err
