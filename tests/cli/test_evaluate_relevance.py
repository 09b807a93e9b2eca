from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest

from tests.cli.tiny_runs import make_runs
from tests.data.files import write_precomp
from tests.oracles import graded, ranking
from tests.oracles.plausible import pmrp

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.fixtures import Call

    Capture = pytest.CaptureFixture[str]

RNG = np.random.default_rng(0)
IMAGE = RNG.standard_normal((6, 4)).astype(np.float32)
TEXT = RNG.standard_normal((30, 4)).astype(np.float32)
OWNER = np.repeat(np.arange(6), 5)
GRADES = {0: {0: 1.0, 7: 2.0, 9: 0.0}, 3: {29: 0.5, 2: 2.0}}


@pytest.fixture(autouse=True)
def _wide(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever terminal the tests are run in."""
    monkeypatch.setenv("COLUMNS", "200")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    np.save("i.npy", IMAGE)
    np.save("t.npy", TEXT)
    (tmp_path / "r.txt").write_text(
        "".join(f"{i}\t{t}\t{g}\n" for i, judged in GRADES.items() for t, g in judged.items())
    )
    return tmp_path


def reversed_grades() -> graded.Grades:
    back: graded.Grades = {}
    for image, judged in GRADES.items():
        for text, grade in judged.items():
            back.setdefault(text, {})[image] = grade
    return back


@pytest.mark.parametrize("unjudged", ["irrelevant", "ignored"])
def test_a_file_of_grades_in_both_directions(folder: Path, call: Call, unjudged: str) -> None:
    found = json.loads(
        call(
            "evaluate",
            "i.npy",
            "t.npy",
            "--relevance",
            "r.txt",
            "--relevant-from",
            1,
            "--unjudged",
            unjudged,
            "--format",
            "json",
        )
    )
    scores = np.array(ranking.inner_products(IMAGE, TEXT))
    condensed = unjudged == "ignored"
    assert found.pop("i2t") == pytest.approx(
        graded.metrics(scores.tolist(), GRADES, relevant_from=1, condensed=condensed)
    )
    assert found.pop("t2i") == pytest.approx(
        graded.metrics(scores.T.tolist(), reversed_grades(), relevant_from=1, condensed=condensed)
    )
    assert found == {
        "relevance": "r.txt",
        "relevant_from": 1,
        "unjudged": unjudged,
        "images": 6,
        "captions": 30,
        "metric_version": "1",
    }


def test_the_table_names_what_it_rests_on(folder: Path, call: Call) -> None:
    lines = call("evaluate", "i.npy", "t.npy", "--relevance", "r.txt").splitlines()
    assert lines[0].split() == [
        "queries",
        "relevant",
        "mAP@R",
        "R-Prec",
        "R@1",
        "R@5",
        "R@10",
        "nDCG@10",
    ]
    assert lines[2].split()[:3] == ["i2t", "2", "4"]
    assert lines[3].split()[:3] == ["t2i", "4", "4"]
    assert (
        lines[5]
        == "Relevance r.txt: any grade above 0 is relevant, unjudged items count as irrelevant. 6 "
        "images, 30 captions."
    )
    ignored = call(
        "evaluate",
        "i.npy",
        "t.npy",
        "--relevance",
        "r.txt",
        "--unjudged",
        "ignored",
        "--relevant-from",
        2,
    )
    assert "a grade of 2 or more is relevant, unjudged items are left out of the lists" in ignored


def test_flickr8k_judgements_by_name(
    folder: Path, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The lists hold judged items only unless asked otherwise."""
    monkeypatch.delenv("VSEBENCH_DATA", raising=False)
    names = [f"im{i}.jpg" for i in range(6)]
    (folder / "data" / "flickr8k").mkdir(parents=True)
    (folder / "data" / "flickr8k" / "Flickr_8k.testImages.txt").write_text("\n".join(names))
    lines = [
        f"{names[i]}\t{names[t // 5]}#{t % 5}\t1\t{g}\t{g}\n"
        for i, t, g in ((0, 0, 4), (0, 7, 1), (0, 9, 3), (2, 12, 2))
    ]
    (folder / "data" / "flickr8k" / "ExpertAnnotations.txt").write_text("".join(lines))
    found = json.loads(
        call("evaluate", "i.npy", "t.npy", "--relevance", "flickr8k-expert", "--format", "json")
    )
    grades = {0: {0: 2.0, 7: 0.0, 9: 4 / 3}, 2: {12: 2 / 3}}
    scores = ranking.inner_products(IMAGE, TEXT)
    assert (found["unjudged"], found["relevant_from"]) == ("ignored", 2)
    assert found["i2t"] == pytest.approx(
        graded.metrics(scores, grades, relevant_from=2, condensed=True)
    )
    found = json.loads(
        call(
            "evaluate",
            "i.npy",
            "t.npy",
            "--relevance",
            "flickr8k-expert",
            "--unjudged",
            "irrelevant",
            "--relevant-from",
            1,
            "--format",
            "json",
        )
    )
    assert found["i2t"] == pytest.approx(graded.metrics(scores, grades, relevant_from=1))


def test_ids_and_directions_within_one_side(folder: Path, call: Call) -> None:
    """Captions of one image are relevant to each other with the highest grade, as in CxC."""
    (folder / "i.txt").write_text("".join(f"im{i}\n" for i in range(6)))
    (folder / "t.txt").write_text("".join(f"cap{i}\n" for i in range(30)))
    (folder / "r.json").write_text(
        json.dumps(
            {
                "t2t": {"cap0": {"cap9": 3, "cap1": 1}, "cap7": {"cap0": 0}},
                "i2i": {"im1": ["im5", "im2"]},
            }
        )
    )
    found = json.loads(
        call(
            "evaluate",
            "i.npy",
            "t.npy",
            "--relevance",
            "r.json",
            "--image-ids",
            "i.txt",
            "--text-ids",
            "t.txt",
            "--format",
            "json",
        )
    )
    siblings = {
        q: {i: 3.0 for i in range(30) if OWNER[i] == OWNER[q] and i != q} for q in range(30)
    }
    siblings[0][9], siblings[7][0] = 3.0, 0.0
    assert found["t2t"] == pytest.approx(
        graded.metrics(ranking.inner_products(TEXT, TEXT), siblings, same=True)
    )
    assert found["i2i"] == pytest.approx(
        graded.metrics(ranking.inner_products(IMAGE, IMAGE), {1: {5: 1.0, 2: 1.0}}, same=True)
    )
    assert "i2t" not in found


def test_pmrp_from_attributes(folder: Path, call: Call) -> None:
    labels = np.array([[1, 0, 0], [1, 1, 0], [0, 0, 0], [0, 1, 1], [1, 1, 1], [0, 0, 1]], bool)
    np.save("a.npy", labels)
    found = json.loads(
        call("evaluate", "i.npy", "t.npy", "--attributes", "a.npy", "--format", "json")
    )
    scores = np.array(ranking.inner_products(IMAGE, TEXT))
    of_image, of_text = labels.astype(int).tolist(), labels[OWNER].astype(int).tolist()
    assert found["i2t"] == pytest.approx(pmrp(scores.tolist(), of_image, of_text))
    assert found["t2i"] == pytest.approx(pmrp(scores.T.tolist(), of_text, of_image))
    lines = call("evaluate", "i.npy", "t.npy", "--attributes", "a.npy").splitlines()
    assert lines[2].split() == [
        "i2t",
        f"{found['i2t_pmrp']:.2f}",
        *(f"{value:.2f}" for value in found["i2t"]),
    ]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("evaluate")
    make_runs(root / "runs", write_precomp(root / "data", (8, 3, 6)), pooling="mean,max")
    return root / "runs"


def test_a_run_is_evaluated_by_its_model(runs: Path, folder: Path, call: Call) -> None:
    (path,) = runs.glob("*-mean-*")
    found = json.loads(call("evaluate", path, "--format", "json"))
    record = json.loads((path / "record.json").read_text())["test"]
    assert {key: found[key] for key in record} == record
    assert found["captions"] == 30
    own = json.dumps({"i2t": {i: [5 * i + k for k in range(5)] for i in range(6)}})
    (folder / "own.json").write_text(own)
    graded_found = json.loads(
        call(
            "evaluate", path.name, "--results", runs, "--relevance", "own.json", "--format", "json"
        )
    )
    assert {f"{d}_r{k}": graded_found[d][f"r{k}"] for d in ("i2t", "t2i") for k in (1, 5, 10)} == {
        k: v for k, v in record.items() if k[4:] in ("r1", "r5", "r10")
    }


def test_what_cannot_be_evaluated_is_said(runs: Path, folder: Path, refusal: Call) -> None:
    pair = ("i.npy", "t.npy")
    (folder / "short.txt").write_text("a\nb\n")
    for arguments, message in (
        (
            (*pair, "--relevance", "flickr8k"),
            (
                "relevance 'flickr8k' is neither a file nor one of flickr8k-expert, "
                "flickr8k-crowd, "
                "eccv, cxc"
            ),
        ),
        ((*pair, "--relevance", "none.txt"), "none.txt is missing"),
        (
            (*pair, "--relevance", "r.txt", "--image-ids", "short.txt"),
            (
                "6 images are embedded, short.txt has 2: "
                "name the ids of the rows with --image-ids FILE"
            ),
        ),
        ((*pair, "--relevance", "r.txt", "--unjudged", "ignore"), "did you mean 'ignored'?"),
        (
            (*pair, "--relevance", "r.txt", "--evaluation", "1k-5fold"),
            "--evaluation 1k-5fold is about an image's own captions",
        ),
        ((*pair, "--relevance", "r.txt", "--attributes", "a.npy"), "ask for one at a time"),
        (
            (*pair, "--relevant-from", "2"),
            "--relevant-from is about a relevance: name one with --relevance",
        ),
        ((*pair, "--unjudged", "ignored"), "--unjudged is about a relevance"),
        (("i.npy",), "i.npy holds the images' embeddings: name the captions' after it"),
        (("*", "--results", runs), f"'*' names 2 runs in {runs}: give one"),
        (
            ("*mean*", "--results", runs, "--text-to-image", "m.npy"),
            "--text-to-image is about embeddings in files",
        ),
    ):
        assert message in refusal("evaluate", *arguments)
