from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest

from vsebench.data.relevance import ABSENT, Relation, judged_rows, read_relevance
from vsebench.data.relevance_sets import COLLECTED
from vsebench.plugin import DataError

REAL = Path(os.environ.get("VSEBENCH_DATA") or Path(__file__).parents[3] / "shared" / "data")


def pairs(relation: Relation) -> list[tuple[str, str, float]]:
    return list(zip(relation.queries, relation.items, relation.grades.tolist(), strict=True))


def write(folder: Path, name: str, content: str) -> Path:
    (folder / name).write_text(content, encoding="utf-8")
    return folder / name


FORWARD = [("a.jpg", "a.jpg#0", 2.5), ("a.jpg", "b c#1", 0.0), ("x", "a.jpg#0", 1.0)]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("r.txt", "a.jpg\ta.jpg#0\t2.5\r\na.jpg\tb c#1\t0\nx a.jpg#0\n"),
        ("r.tsv", "\ufeffa.jpg a.jpg#0 2.5\na.jpg\tb c#1\t0\nx  a.jpg#0  1\n"),
        ("r.csv", "caption,note,grade,image\na.jpg#0,,2.5,a.jpg\nb c#1,,0,a.jpg\na.jpg#0,?,1,x\n"),
        ("r.csv", 'image,caption,agg_score\na.jpg,a.jpg#0,2.5\n"a.jpg","b c#1",0\nx,a.jpg#0,1\n'),
        ("r.json", json.dumps({"i2t": {"a.jpg": {"a.jpg#0": 2.5, "b c#1": 0}, "x": ["a.jpg#0"]}})),
    ],
)
def test_every_format_says_the_same(tmp_path, name, content):
    found = read_relevance(write(tmp_path, name, content))
    assert pairs(found["i2t"]) == FORWARD
    assert pairs(found["t2i"]) == [(caption, image, grade) for image, caption, grade in FORWARD]
    assert set(found) == {"i2t", "t2i"}


def test_json_directions_may_differ_and_one_stands_for_both(tmp_path):
    found = read_relevance(
        write(
            tmp_path,
            "r.json",
            json.dumps(
                {"i2t": {"1": [7]}, "t2i": {"8": {"2": 3}}, "t2t": {"7": [8]}, "i2i": {"1": [2]}}
            ),
        )
    )
    assert {direction: pairs(relation) for direction, relation in found.items()} == {
        "i2t": [("1", "7", 1)],
        "t2i": [("8", "2", 3)],
        "t2t": [("7", "8", 1)],
        "i2i": [("1", "2", 1)],
    }
    only = read_relevance(write(tmp_path, "r.json", '{"t2i": {"8": {"2": 3}}}'))
    assert pairs(only["i2t"]) == [("2", "8", 3)]


def test_pairs_of_one_kind_hold_both_ways(tmp_path):
    found = read_relevance(
        write(
            tmp_path,
            "r.csv",
            "caption1,caption2,agg_score,sampling_method\n5,6,1.5,c2c_isim\n6,7,2,x\n7,6,3,x\n",
        )
    )
    assert sorted(pairs(found["t2t"])) == [
        ("5", "6", 1.5),
        ("6", "5", 1.5),
        ("6", "7", 2),
        ("7", "6", 3),
    ]
    assert set(read_relevance(write(tmp_path, "r.csv", "image1,image2\n5,6\n"))) == {"i2i"}


def test_a_quoted_line_end_stays_in_its_id(tmp_path):
    text = 'image,caption\n"a\nb",1\n'
    assert read_relevance(write(tmp_path, "r.csv", text))["i2t"].queries == ("a\nb",)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("r.txt", "", "r.txt holds no judgement"),
        ("r.txt", "a b 1\na\n", r"r\.txt, line 2, has 1 fields"),
        ("r.txt", "a b c\n", "line 1 has the grade 'c'"),
        ("r.txt", "a b -1\n", "has the grade '-1'"),
        ("r.txt", "a b nan\n", "has the grade 'nan'"),
        ("r.txt", "a b 1\nc d 1\na b 2\n", "judges 'a' and 'b' twice"),
        (
            "r.csv",
            "",
            "has columns , expected .*image1/image2",
        ),
        ("r.csv", "img,cap\n1,2\n", "has columns img,cap, "),
        ("r.csv", "image,caption\n1\n", "row 2, has 1 fields, expected 2"),
        ("r.csv", f"image,caption\n1,2\n{'x' * 200_000},2\n", "line 3, is not CSV: field larger"),
        ("r.csv", "image,caption,grade\n1,2,inf\n", "row 2 has the grade 'inf'"),
        ("r.json", "[", "is not JSON"),
        ("r.json", "[]", "must be an object .*i2t, t2i, t2t, i2i"),
        ("r.json", '{"i2tt": {}}', "unknown direction 'i2tt': did you mean 'i2t'"),
        ("r.json", '{"i2t": []}', "'i2t' must map each query"),
        ("r.json", '{"i2t": {"1": 3}}', "'i2t' of '1' must be a list of items"),
        ("r.json", '{"i2t": {"1": {"2": null}}}', "item '2', has the grade 'None'"),
        ("r.json", '{"i2t": {"1": []}}', "holds no judgement"),
        ("r.json", '{"i2t": {"1": [2, 2]}}', "judges '1' and '2' twice"),
    ],
)
def test_what_is_wrong_with_a_file_is_said(tmp_path, name, content, message):
    with pytest.raises(DataError, match=message) as error:
        read_relevance(write(tmp_path, name, content))
    assert "\n" not in str(error.value)


def test_a_missing_file_is_named(tmp_path):
    for name in ("r.txt", "r.csv", "r.json"):
        with pytest.raises(DataError) as error:
            read_relevance(tmp_path / name)
        assert str(error.value) == f"{tmp_path / name} is missing"


def test_ids_become_rows():
    relation = Relation(["b", "a", "b"], ["y", "x", "z"], np.array([1.0, 2, 0]), "r.txt")
    ids = {"i": ["a", "b"], "t": ["x", "y", "z"]}
    rows = judged_rows(relation, "i2t", ids)
    assert (rows.queries.tolist(), rows.items.tolist(), rows.grades.tolist()) == (
        [1, 0, 1],
        [1, 0, 2],
        [1, 2, 0],
    )
    assert judged_rows(
        relation, "i2t", {"i": ["a", "b"], "t": ["x", "z"]}, allow_absent=True
    ).items.tolist() == [ABSENT, 0, 1]
    with pytest.raises(
        DataError,
        match=r"r\.txt judges caption 'y'",
    ):
        judged_rows(relation, "i2t", {"i": ["a", "b"], "t": ["x", "z"]})
    with pytest.raises(DataError, match=r"judges image 'b'.*--image-ids FILE"):
        judged_rows(relation, "i2t", {"i": ["a", "c"], "t": ["x", "y", "z"]}, allow_absent=True)
    with pytest.raises(DataError, match="two captions have the id 'x'"):
        judged_rows(relation, "i2t", {"i": ["a", "b"], "t": ["x", "y", "x"]})
    assert judged_rows(relation.reversed(), "t2i", ids).queries.tolist() == [1, 0, 2]


@pytest.fixture
def flickr8k(tmp_path):
    write(tmp_path, "Flickr_8k.testImages.txt", "a.jpg\nb.jpg\n")
    write(tmp_path, "ExpertAnnotations.txt", "a.jpg\tb.jpg#2\t1\t2\t1\nb.jpg\tb.jpg#2\t4\t4\t3\n")
    write(
        tmp_path,
        "CrowdFlowerAnnotations.txt",
        "a.jpg\tb.jpg#2\t0.333\t1\t2\nb.jpg\tb.jpg#2\t1\t3\t0\n",
    )
    return tmp_path


def test_flickr8k_judgements(flickr8k):
    expert = COLLECTED["flickr8k-expert"]([flickr8k])
    assert pairs(expert.relevance["i2t"]) == [
        ("a.jpg", "b.jpg#2", pytest.approx(1 / 3)),
        ("b.jpg", "b.jpg#2", pytest.approx(8 / 3)),
    ]
    assert expert.ids["t"] == [f"{image}.jpg#{k}" for image in "ab" for k in range(5)]
    assert judged_rows(expert.relevance["t2i"], "t2i", expert.ids).queries.tolist() == [7, 7]
    crowd = COLLECTED["flickr8k-crowd"]([flickr8k])
    assert expert.unjudged == crowd.unjudged == "ignored"
    assert crowd.relevance["i2t"].grades.tolist() == pytest.approx([1 / 3, 1])


@pytest.mark.parametrize(
    "line",
    [
        "a.jpg b.jpg#2 1 1 1",
        "a.jpg\tb.jpg#2\t1\t1",
        "a.jpg\tb.jpg#2\t1\tx\t1",
        "a.jpg\tb.jpg#2\t1\t0\t0",
    ],
)
def test_damaged_judgements_are_named(flickr8k, line):
    write(flickr8k, "CrowdFlowerAnnotations.txt", "a.jpg\tb.jpg#2\t0.333\t1\t2\n" + line + "\n")
    with pytest.raises(
        DataError,
        match=r"CrowdFlowerAnnotations\.txt, line 2, is 'a\.jpg.*three numbers",
    ):
        COLLECTED["flickr8k-crowd"]([flickr8k])


def test_coco_says_which_package_it_needs(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "eccv_caption", None)
    for name in ("eccv", "cxc"):
        with pytest.raises(
            DataError, match=r"need the package eccv_caption: pip install 'vsebench\[eccv\]'"
        ):
            COLLECTED[name]([])


@pytest.mark.data
def test_the_real_judgements():
    if not (REAL / "flickr8k" / "ExpertAnnotations.txt").is_file():
        pytest.skip(
            f"Flickr8k is not in {REAL}: set VSEBENCH_DATA to the folder that holds flickr8k/"
        )
    expert, crowd = (COLLECTED[name]([REAL]) for name in ("flickr8k-expert", "flickr8k-crowd"))
    assert len(judged_rows(expert.relevance["i2t"], "i2t", expert.ids).grades) == 5822
    assert len(judged_rows(crowd.relevance["t2i"], "t2i", crowd.ids).grades) == 47830
    assert (expert.relevance["i2t"].grades >= expert.relevant_from).sum() == 623
    assert (crowd.relevance["i2t"].grades >= crowd.relevant_from).sum() == 2731
    own = np.array(
        [caption.startswith(image) for image, caption, _ in pairs(expert.relevance["i2t"])]
    )
    assert (expert.relevance["i2t"].grades[own] >= 2).all()


def test_names():
    assert set(COLLECTED) == {"flickr8k-expert", "flickr8k-crowd", "eccv", "cxc"}
