from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

from tests.oracles import ranking
from vsebench.plugin import DataError
from vsebench.retrieval import evaluate
from vsebench.retrieval.ranking import equal_captions
from vsebench.retrieval.ranking.equal_captions import groups_of, perfect, shared

TEXTS = ("A dog.", "a dog", "a cat", "two cats", "no finding", "a bird", "a boat")


def case(seed: int, images: int = 12) -> tuple[np.ndarray, list[str]]:
    """One to four captions of each image, many of them equal."""
    rng = np.random.default_rng(seed)
    owner = np.repeat(np.arange(images), rng.integers(1, 5, images))
    return rng.permutation(owner), [TEXTS[k] for k in rng.integers(len(TEXTS), size=len(owner))]


def matches(owner: np.ndarray, captions: list[str], images: int = 12) -> list[list[bool]]:
    """Whether an image has a caption of the same words, word by word."""
    words = [caption.lower().strip(".").split() for caption in captions]
    return [
        [
            any(words[k] == words[j] for k in range(len(owner)) if owner[k] == i)
            for j in range(len(owner))
        ]
        for i in range(images)
    ]


def test_groups_are_of_equal_words() -> None:
    found = groups_of(["A dog!", "a  dog", "a doge", "", " ", "?", "?"])
    assert found.tolist() == [0, 0, 1, 2, 3, 4, 4]


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("pairs", [1, 7, 1 << 21])
@pytest.mark.parametrize("ties", [False, True])
def test_ranks_are_those_of_the_oracle(
    seed: int, pairs: int, ties: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(equal_captions, "_PAIRS", pairs)
    owner, captions = case(seed)
    rng = np.random.default_rng(seed)
    image, text = (
        rng.integers(-2, 3, (n, 3)).astype(np.float32) if ties else rng.normal(size=(n, 3))
        for n in (12, len(owner))
    )
    scores = (image.astype(np.float64) @ text.astype(np.float64).T).tolist()
    expected = ranking.ranks_of_matches(scores, matches(owner, captions))
    similarity = lambda i, t: i @ t.T  # noqa: E731
    for scored_by in (None, similarity):
        found = evaluate(image, text, owner, equal_captions=captions, similarity=scored_by)
        assert (found.i2t_ranks.tolist(), found.t2i_ranks.tolist()) == expected


def test_distinct_captions_change_nothing() -> None:
    rng = np.random.default_rng(0)
    owner = np.repeat(np.arange(2000), 2)
    image, text = rng.normal(size=(2000, 8)), rng.normal(size=(4000, 8))
    captions = [f"caption {number}" for number in range(4000)]
    for protocol in ("full", "1k-5fold"):
        plain = evaluate(image, text, owner, protocol=protocol)  # type: ignore[arg-type]
        same = evaluate(image, text, owner, protocol=protocol, equal_captions=captions)  # type: ignore[arg-type]
        assert same.as_dict() == plain.as_dict()


def test_folds_count_equals_of_their_own_images() -> None:
    rng = np.random.default_rng(1)
    owner = np.arange(2000)
    image, text = rng.normal(size=(2000, 4)), rng.normal(size=(2000, 4))
    captions = [f"caption {number % 900}" for number in range(2000)]
    found = evaluate(image, text, owner, protocol="1k-5fold", equal_captions=captions)
    for start in (0, 1000):
        part = slice(start, start + 1000)
        fold = evaluate(image[part], text[part], np.arange(1000), equal_captions=captions[part])
        assert found.i2t_ranks[part].tolist() == fold.i2t_ranks.tolist()


def test_captions_of_another_number_are_refused() -> None:
    with pytest.raises(DataError, match="2 captions are given for 3 embeddings of captions"):
        evaluate(np.eye(3), np.eye(3), [0, 1, 2], equal_captions=["a", "b"])


def best_of_all_models(owner: np.ndarray, groups: np.ndarray, images: int) -> tuple[float, float]:
    """The highest R@1 that any order of the texts of each image, and of the images of each text,
    gives, by trying every one.
    """
    texts = int(groups.max()) + 1
    i2t = 0
    for i in range(images):
        hits = []
        for order in itertools.permutations(range(texts)):
            scores = [order.index(group) for group in groups]
            best = max(s for s, o in zip(scores, owner, strict=True) if o == i)
            hits.append(not any(s >= best for s, o in zip(scores, owner, strict=True) if o != i))
        i2t += any(hits)
    t2i = 0
    for text in range(texts):
        owners = [o for o, g in zip(owner, groups, strict=True) if g == text]
        t2i += max(owners.count(i) for i in range(images))
    return 100 * i2t / images, 100 * t2i / len(owner)


@pytest.mark.parametrize("seed", range(5))
def test_what_a_perfect_model_gets_is_the_best_of_all(seed: int) -> None:
    rng = np.random.default_rng(seed)
    owner = np.repeat(np.arange(4), 2)
    groups = groups_of([TEXTS[k] for k in rng.integers(2, 6, size=8)])
    found = perfect(owner, groups)
    assert (found.i2t_r1, found.t2i_r1) == pytest.approx(best_of_all_models(owner, groups, 4))
    for _ in range(20):  # and no scores get more, at any depth
        image, text = rng.normal(size=(4, 5)), rng.normal(size=(6, 5))[groups]
        reached = evaluate(image, text, owner)
        assert (np.sort(reached.i2t_ranks) >= np.sort(found.i2t_ranks)).all()
        assert reached.t2i_r1 <= found.t2i_r1


def test_shared_captions_are_counted() -> None:
    owner = np.array([0, 0, 1, 1, 2])
    groups = groups_of(["a", "a", "b", "a", "c"])
    found = shared(owner, groups)
    assert (found.captions, found.images) == (3, 2)
    assert perfect(owner, groups).i2t_ranks.tolist() == [1, 0, 0]
    distinct = groups_of(list("abcde"))
    assert shared(owner, distinct).captions == 0
    assert perfect(owner, distinct).rsum == 600


def test_memory_is_bounded_where_half_of_the_captions_are_one_text() -> None:
    owner = np.arange(3000)
    captions = ["no finding" if k % 2 else f"finding {k}" for k in range(3000)]
    rng = np.random.default_rng(0)
    image = rng.normal(size=(3000, 4)).astype(np.float32)
    text = torch.from_numpy(rng.normal(size=(3000, 4)).astype(np.float32))
    found = evaluate(image, text, owner, equal_captions=captions)
    best = (image @ text.numpy().T)[:, 1::2].max(1)  # a match of every odd image
    ahead = (image @ text.numpy().T)[:, ::2] >= best[:, None]
    assert np.abs(found.i2t_ranks[1::2] - ahead.sum(1)[1::2]).max() == 0
