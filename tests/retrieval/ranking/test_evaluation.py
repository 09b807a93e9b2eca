from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import vsebench.retrieval
from tests.oracles import ranking
from vsebench.plugin import DataError, GaussianEmbedding, SetEmbedding, SpecError, VsebenchError
from vsebench.retrieval import evaluate


def embeddings(
    images: int, captions: int = 5, width: int = 8, seed: int = 0
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    owner = np.repeat(np.arange(images), captions)
    image = rng.normal(size=(images, width)).astype(np.float32)
    return image, (image[owner] + rng.normal(size=(len(owner), width))).astype(np.float32), owner


def test_importing_the_package_imports_no_torch() -> None:
    subprocess.run(
        [sys.executable, "-c", "import sys, vsebench.retrieval; assert 'torch' not in sys.modules"],
        check=True,
    )


def test_the_package_exports_what_it_names_and_nothing_else() -> None:
    assert {
        getattr(vsebench.retrieval, name).__name__: name for name in vsebench.retrieval.__all__
    } == {
        name: name
        for name in (
            "GradedMetrics",
            "Judgements",
            "Member",
            "PlausibleMetrics",
            "RetrievalMetrics",
            "evaluate",
            "evaluate_ensemble",
            "evaluate_plausible",
            "evaluate_relevance",
        )
    }
    with pytest.raises(AttributeError, match=r"vsebench\.retrieval.*evalute"):
        _ = vsebench.retrieval.evalute


def test_metrics_equal_the_oracle_and_ranks_are_kept() -> None:
    image, text, owner = embeddings(30)
    metrics = evaluate(image, text, owner)
    i2t, t2i = ranking.ranks(ranking.inner_products(image, text), owner.tolist())
    assert metrics.as_dict() == pytest.approx(ranking.metrics(i2t, t2i))
    assert (metrics.i2t_ranks.tolist(), metrics.t2i_ranks.tolist()) == (i2t, t2i)
    assert metrics.i2t_ranks.dtype == metrics.t2i_ranks.dtype == np.int64


def test_equals_the_published_procedure_where_there_are_no_ties() -> None:
    image, text, owner = embeddings(150, width=64)
    i2t, t2i = ranking.published_ranks(image, text)
    metrics = evaluate(image, text, owner)
    assert (metrics.i2t_ranks.tolist(), metrics.t2i_ranks.tolist()) == (i2t.tolist(), t2i.tolist())


def test_the_published_procedure_lets_nan_win_and_ours_refuses_it() -> None:
    image, text, owner = embeddings(30)
    text[owner == 3] = np.nan
    assert ranking.published_ranks(image, text)[0][3] == 0
    with pytest.raises(DataError, match=r"^caption embeddings: row 15 .*\(5 such rows\)"):
        evaluate(image, text, owner)


def test_the_order_of_captions_changes_nothing() -> None:
    image, text, owner = embeddings(30)
    order = np.random.default_rng(1).permutation(len(owner))
    straight, shuffled = evaluate(image, text, owner), evaluate(image, text[order], owner[order])
    assert straight == shuffled
    assert straight.t2i_ranks[order].tolist() == shuffled.t2i_ranks.tolist()


def test_repeated_captions_tie_against_each_other_but_not_within_an_image() -> None:
    """As in Flickr8k, whose test set holds the same sentence for several images; a sentence may
    also be repeated for one image.
    """
    image = np.eye(3, dtype=np.float32)
    text = np.array([[1, 0, 0], [1, 0, 0], [0, 1, 0], [1, 0, 0], [0, 0, 1]], dtype=np.float32)
    metrics = evaluate(image, text, [0, 0, 1, 2, 2])
    assert metrics.i2t_ranks.tolist() == [1, 0, 0]
    assert metrics.t2i_ranks.tolist() == [0, 0, 0, 2, 0]


def test_one_image_has_no_competitors() -> None:
    metrics = evaluate(np.ones((1, 2)), np.ones((3, 2)), [0, 0, 0])
    assert (metrics.rsum, metrics.i2t_meanr, metrics.t2i_medr) == (600, 1, 1)


@pytest.mark.parametrize(
    "kind",
    [
        list,
        np.asarray,
        torch.tensor,
        lambda owner: np.asarray(owner, np.uint8),
        lambda owner: torch.tensor(owner, dtype=torch.int32),
    ],
)
def test_the_map_may_be_any_integers(kind: Any) -> None:
    image, text, owner = embeddings(6)
    assert evaluate(image, text, kind(owner.tolist())) == evaluate(
        torch.from_numpy(image), torch.from_numpy(text), owner
    )


def test_folds_are_ranked_within_themselves() -> None:
    image, text, owner = embeddings(3000, captions=2, width=6)
    order = np.random.default_rng(2).permutation(len(owner))
    text, owner = text[order], owner[order]
    metrics = evaluate(image, text, owner, protocol="1k-5fold")
    folds = []
    for start in (0, 1000, 2000):
        members = (owner >= start) & (owner < start + 1000)
        fold = evaluate(image[start : start + 1000], text[members], owner[members] - start)
        assert metrics.i2t_ranks[start : start + 1000].tolist() == fold.i2t_ranks.tolist()
        assert metrics.t2i_ranks[members].tolist() == fold.t2i_ranks.tolist()
        folds.append(fold.as_dict())
    assert metrics.as_dict() == pytest.approx(
        {name: np.mean([fold[name] for fold in folds]) for name in folds[0]}
    )


def test_folds_need_thousands_of_images() -> None:
    for images in (999, 1014):
        with pytest.raises(
            DataError, match=f"^1k-5fold needs a multiple of 1,000 images, found {images:,}: use"
        ):
            evaluate(*embeddings(images), protocol="1k-5fold")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"image_emb": np.zeros((0, 8)), "text_emb": np.zeros((0, 8)), "text_to_image": []},
            "^there are no images to rank$",
        ),
        ({"image_emb": np.zeros((6, 7))}, "must have one width, found 7 and 8"),
        ({"text_to_image": np.zeros(29, int)}, r"for each of the 30 captions, found shape \(29,\)"),
        ({"text_to_image": np.zeros((30, 1), int)}, r"found shape \(30, 1\)"),
        ({"text_to_image": np.zeros(30)}, "must hold integers, .* found float64"),
        ({"text_to_image": np.zeros(30, bool)}, "found bool"),
        (
            {"text_to_image": np.r_[np.arange(29) % 6, 6]},
            r"text_to_image\[29\] is 6",
        ),
        ({"text_to_image": np.r_[-1, np.arange(29) % 6]}, r"text_to_image\[0\] is -1"),
        ({"text_to_image": np.arange(30) % 4}, r"^image 4 has no caption \(2 such images\)"),
        (
            {"text_emb": np.zeros((0, 8)), "text_to_image": []},
            r"^image 0 has no caption \(6 such images\)",
        ),
        ({"image_emb": np.full((6, 8), np.nan)}, "^image embeddings: row 0 "),
    ],
)
def test_what_cannot_be_ranked_is_refused_in_one_line(change: dict[str, Any], message: str) -> None:
    image, text, owner = embeddings(6)
    for similarity in (None, lambda a, b: a @ b.T):
        if similarity is not None and "width" in message:
            continue
        with pytest.raises(DataError, match=message) as caught:
            evaluate(
                **{
                    "image_emb": image,
                    "text_emb": text,
                    "text_to_image": owner,
                    "similarity": similarity,
                    **change,
                }
            )
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"image_emb": np.full((6, 8), np.nan)}, "image embeddings: row 0"),
        ({"protocol": "1k-fold"}, "did you mean '1k-5fold'"),
        ({"block": 0}, "found 0"),
    ],
)
def test_a_refusal_is_a_value_error(change: dict[str, Any], message: str) -> None:
    image, text, owner = embeddings(6)
    with pytest.raises(ValueError, match=message) as caught:
        evaluate(**{"image_emb": image, "text_emb": text, "text_to_image": owner, **change})
    assert isinstance(caught.value, VsebenchError)


def test_wrong_requests_are_refused() -> None:
    image, text, owner = embeddings(6)
    with pytest.raises(SpecError, match="'1k-fold': did you mean '1k-5fold'"):
        evaluate(image, text, owner, protocol="1k-fold")  # type: ignore[arg-type]
    with pytest.raises(SpecError, match=r"block .* found 0"):
        evaluate(image, text, owner, block=0)
    vectors = torch.zeros(6, 2, 8)
    for other in (
        SetEmbedding(vectors, torch.ones(6, 2, dtype=torch.bool)),
        GaussianEmbedding(vectors[:, 0], vectors[:, 1]),
    ):
        with pytest.raises(SpecError, match="pass the similarity"):
            evaluate(other, torch.from_numpy(text), owner)


def test_inputs_stay_as_they_were() -> None:
    image, text, owner = embeddings(6)
    before = image.copy(), text.copy(), owner.copy()
    evaluate(image, text, owner)
    for array, copy in zip((image, text, owner), before, strict=True):
        assert np.array_equal(array, copy)


@pytest.mark.data
def test_repeated_captions_of_flickr8k_tie() -> None:
    """Captions as bags of words with whole-number vectors, so that float64 products are exact in
    any order.
    """
    root = (
        Path(os.environ.get("VSEBENCH_DATA") or Path(__file__).parents[4] / "shared" / "data")
        / "flickr8k"
    )
    if not root.is_dir():
        pytest.skip(
            f"Flickr8k is not in {root.parent}: set VSEBENCH_DATA to the folder that holds "
            "flickr8k/"
        )
    names = (root / "Flickr_8k.testImages.txt").read_text(encoding="utf-8").split()
    place = {name: position for position, name in enumerate(names)}
    lines = [
        line.split("\t")
        for line in (root / "Flickr8k.token.txt").read_text(encoding="utf-8").splitlines()
    ]
    pairs = [
        (place[key.split("#")[0]], " ".join(caption.lower().split()))
        for key, caption in lines
        if key.split("#")[0] in place
    ]
    owner, captions = np.array([image for image, _ in pairs]), [caption for _, caption in pairs]
    assert sum(count for count in Counter(captions).values() if count > 1) == 16
    words = {
        word: column
        for column, word in enumerate(
            sorted({word for caption in captions for word in caption.split()})
        )
    }
    vectors = np.random.default_rng(0).integers(-3, 4, size=(len(words), 64))
    text = np.stack(
        [vectors[[words[word] for word in caption.split()]].sum(0) for caption in captions]
    )
    image = np.zeros((len(names), 64), int)
    np.add.at(image, owner, text)
    scores = image.astype(float) @ text.T.astype(float)
    positive = scores[owner, np.arange(len(owner))]
    best = np.full(len(names), -np.inf)
    np.maximum.at(best, owner, positive)
    competing = owner != np.arange(len(names))[:, None]
    metrics = evaluate(image.astype(np.float32), text.astype(np.float32), owner)
    assert metrics.i2t_ranks.tolist() == (competing & (scores >= best[:, None])).sum(1).tolist()
    assert metrics.t2i_ranks.tolist() == (competing & (scores >= positive)).sum(0).tolist()
    assert metrics.t2i_ranks.tolist() != (competing & (scores > positive)).sum(0).tolist()
