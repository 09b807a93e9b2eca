"""What may be said of embeddings and scores in files: norms, orientation, equal captions, whose
captions they are.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest

from tests.data.files import write_precomp
from tests.oracles import ranking
from vsebench.cli.shared.brought import open_array
from vsebench.plugin.errors import DataError
from vsebench.plugin.metrics import keys
from vsebench.retrieval import evaluate

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.fixtures import Call, Prints

    Capture = pytest.CaptureFixture[str]


@pytest.fixture
def world(tmp_path: Path) -> Path:
    """Unit embeddings `i.npy`, `t.npy` of 8 images with 5 captions each; of other norms `long.npy`;
    scores `s.npy`, turned round `turned.npy`; captions, of which many are equal.
    """
    rng = np.random.default_rng(0)
    image = rng.normal(size=(8, 6)).astype(np.float32)
    text = np.repeat(image, 5, axis=0) + rng.normal(size=(40, 6)).astype(np.float32)
    image, text = (rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in (image, text))
    np.save(tmp_path / "i.npy", image)
    np.save(tmp_path / "t.npy", text)
    np.save(tmp_path / "long.npy", image * rng.uniform(1, 9, (8, 1)).astype(np.float32))
    np.save(tmp_path / "s.npy", image @ text.T)
    np.save(tmp_path / "turned.npy", (image @ text.T).T)
    (tmp_path / "caps.txt").write_text("".join(f"thing {k % 7}\n" for k in range(40)))
    return tmp_path


def metrics(text: str) -> dict[str, float]:
    return {key: value for key, value in json.loads(text).items() if key in keys("retrieval")}


def test_norms_that_vary_are_said_and_normalised(
    world: Path, prints: Prints, refusal: Call
) -> None:
    unit, err = prints("evaluate", world / "i.npy", world / "t.npy", "--json")
    assert err == ""
    given, err = prints("evaluate", world / "long.npy", world / "t.npy", "--json")
    assert f"rows of {world}/long.npy have norms from " in err
    assert "if the model means cosines, pass --normalise" in err
    assert metrics(given) != metrics(unit)
    cosines, err = prints("evaluate", world / "long.npy", world / "t.npy", "--normalise", "--json")
    assert err == ""
    assert metrics(cosines) == metrics(unit)
    assert (
        "Scores: inner products of rows as given."
        in prints("evaluate", world / "i.npy", world / "t.npy")[0]
    )
    assert (
        "Scores: cosines: rows L2-normalised."
        in prints("evaluate", world / "i.npy", world / "t.npy", "--normalise")[0]
    )
    np.save(world / "zero.npy", np.zeros((8, 6), np.float32))
    message = refusal("evaluate", world / "zero.npy", world / "t.npy", "--normalise")
    assert message == f"{world}/zero.npy: row 0 is all zeros, which cannot be normalised"


def test_half_precision_is_no_reason_to_warn(world: Path, prints: Prints) -> None:
    np.save(world / "half.npy", np.load(world / "i.npy").astype(np.float16))
    assert prints("evaluate", world / "half.npy", world / "t.npy", "--json")[1] == ""


@pytest.mark.parametrize("name", ["s.npy", "turned.npy"])
def test_scores_are_evaluated_whichever_way_round(world: Path, prints: Prints, name: str) -> None:
    scores = np.load(world / "s.npy").astype(float).tolist()
    expected = ranking.metrics(*ranking.ranks(scores, np.repeat(np.arange(8), 5).tolist()))
    found, err = prints("evaluate", "--similarity", world / name, "--json")
    assert metrics(found) == pytest.approx(expected)
    assert err == ""
    assert "Scores: as given." in prints("evaluate", "--similarity", world / name)[0]


def test_a_map_says_the_sides_of_scores(world: Path, prints: Prints, refusal: Call) -> None:
    chosen = np.random.default_rng(1).permutation(40)[:30]
    owner = np.repeat(np.arange(8), 5)[chosen]
    scores = np.load(world / "s.npy")[:, chosen]
    np.save(world / "map.npy", owner)
    for each in (scores, scores.T):
        np.save(world / "some.npy", each)
        found, _ = prints(
            "evaluate",
            *("--similarity", world / "some.npy", "--text-to-image", world / "map.npy", "--json"),
        )
        expected = ranking.metrics(*ranking.ranks(scores.astype(float).tolist(), owner.tolist()))
        assert metrics(found) == pytest.approx(expected)
    np.save(world / "some.npy", scores[:7])
    message = refusal(
        "evaluate", "--similarity", world / "some.npy", "--text-to-image", world / "map.npy"
    )
    assert "has shape (7, 30), expected 8 images × 30 captions, or the other way round" in message


def test_square_scores_need_an_orientation(world: Path, prints: Prints, refusal: Call) -> None:
    scores = np.random.default_rng(3).normal(size=(8, 8))
    np.save(world / "square.npy", scores)
    np.save(world / "map.npy", np.arange(8))
    given = ("--similarity", world / "square.npy", "--text-to-image", world / "map.npy")
    message = refusal("evaluate", *given)
    assert message.endswith("say --orientation images-captions or captions-images")
    for orientation, each in (("images-captions", scores), ("captions-images", scores.T)):
        found, _ = prints("evaluate", *given, "--orientation", orientation, "--json")
        assert metrics(found) == pytest.approx(
            ranking.metrics(*ranking.ranks(each.tolist(), list(range(8))))
        )


def test_scores_that_cannot_be_ranked(world: Path, refusal: Call) -> None:
    np.save(world / "odd.npy", np.zeros((8, 33)))
    message = refusal("evaluate", "--similarity", world / "odd.npy")
    assert message.endswith(
        "has shape (8, 33), expected 8 images × 40 captions, or the other way round: say whose "
        "each caption is with --text-to-image MAP.npy"
    )
    np.save(world / "ints.npy", np.zeros((8, 40), int))
    assert "holds int64: expected scores, floats" in refusal(
        "evaluate", "--similarity", world / "ints.npy"
    )
    scores = np.load(world / "s.npy")
    scores[3, 7] = np.inf
    np.save(world / "inf.npy", scores)
    assert "the similarity of image 3 and caption 7 is not finite" in refusal(
        "evaluate", "--similarity", world / "inf.npy"
    )


def test_equal_captions_match_when_asked_for(world: Path, prints: Prints, refusal: Call) -> None:
    image, text = np.load(world / "i.npy"), np.load(world / "t.npy")
    captions = (world / "caps.txt").read_text().splitlines()
    expected = evaluate(image, text, np.repeat(np.arange(8), 5), equal_captions=captions)
    asked = ("--equal-captions", "positive", "--captions", world / "caps.txt")
    found, _ = prints("evaluate", world / "i.npy", world / "t.npy", *asked, "--json")
    assert metrics(found) == expected.as_dict()
    assert json.loads(found)["equal_captions"] == "positive"
    found, _ = prints("evaluate", "--similarity", world / "turned.npy", *asked, "--json")
    assert metrics(found) == pytest.approx(expected.as_dict())
    assert (
        "Captions that are equal word for word match"
        in prints("evaluate", world / "i.npy", world / "t.npy", *asked)[0]
    )
    message = refusal("evaluate", world / "i.npy", world / "t.npy", "--equal-captions", "positive")
    assert message.startswith("equal captions can only be found in the captions: name them with")


def test_a_data_set_says_whose_captions_they_are(
    world: Path, prints: Prints, refusal: Call
) -> None:
    write_precomp(world / "data", (6, 3, 8))
    given = (world / "i.npy", world / "t.npy", "--dataset", "precomp")
    roots = ("--data-root", world / "data")
    plain, _ = prints("evaluate", world / "i.npy", world / "t.npy", "--json")
    found, _ = prints("evaluate", *given, *roots, "--equal-captions", "positive", "--json")
    assert metrics(found) == metrics(plain)  # all of its captions are distinct
    np.save(world / "few.npy", np.load(world / "i.npy")[:7])
    message = refusal(
        "evaluate", world / "few.npy", world / "t.npy", "--dataset", "precomp", *roots
    )
    assert "has 7 rows and " in message
    assert "the data set's test split 8 images and 40 captions: embed these, each once" in message


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "name what to evaluate: IMAGES.npy TEXTS.npy, a model, or scores with --similarity"),
        (["i.npy", "--similarity", "s.npy"], "--similarity takes the place of embeddings"),
        (["i.npy", "t.npy", "--orientation", "images-captions"], "--orientation is about scores"),
        (["model", "--normalise"], "--normalise is about embeddings in files"),
        (["--similarity", "s.npy", "--normalise"], "--normalise is about embeddings in files"),
        (["model", "--captions", "c.txt"], "--captions is about files"),
        (
            ["i.npy", "t.npy", "--dataset", "precomp", "--captions", "c.txt"],
            "--dataset says whose each caption is",
        ),
        (
            ["i.npy", "t.npy", "--relevance", "eccv", "--equal-captions", "positive"],
            "--equal-captions is about an image's own captions",
        ),
        (["--similarity", "s.npy", "--orientation", "square"], "'square' is not one of"),
    ],
)
def test_options_that_do_not_go_together(arguments: list[str], said: str, refusal: Call) -> None:
    assert said in refusal("evaluate", *arguments)


@pytest.mark.parametrize("shape", ["(20, 8, 9223372036854775807)", "[" * 1000])
def test_a_hostile_header_is_one_error(tmp_path: Path, shape: str) -> None:
    header = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    path = tmp_path / "images.npy"
    path.write_bytes(b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header)
    with pytest.raises(DataError, match=r"is not a whole \.npy file of numbers"):
        open_array(path, 2)


def test_an_array_of_text_is_one_error(tmp_path: Path) -> None:
    np.save(tmp_path / "images.npy", np.array([["a"]]))
    with pytest.raises(DataError, match="holds <U1: expected numbers"):
        open_array(tmp_path / "images.npy", 2)
