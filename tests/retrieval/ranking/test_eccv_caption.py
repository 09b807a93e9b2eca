"""Equality with the package `eccv_caption` on random scores of COCO's 5,000 test images and 25,000
captions.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from vsebench.data.relevance import judged_rows
from vsebench.data.relevance_sets import COLLECTED
from vsebench.retrieval.ranking.judgements import Judgements
from vsebench.retrieval.ranking.relevance import evaluate_relevance

if TYPE_CHECKING:
    from collections.abc import Sequence

DEPTH = 400  # more than any query has relevant items
EVERY = 20  # of the judged queries


@pytest.fixture(scope="module")
def package() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it recommends a faster JSON reader
        return pytest.importorskip(
            "eccv_caption",
            reason="the package eccv_caption is not installed: pip install 'vsebench[eccv]'",
        ).Metrics()


@pytest.fixture(scope="module")
def embeddings() -> dict[str, np.ndarray]:
    """Captions resemble their images, so that no metric is near 0."""
    rng = np.random.default_rng(0)
    image = rng.standard_normal((5000, 12), dtype=np.float32)
    return {
        "i": image,
        "t": np.repeat(image, 5, axis=0)
        + np.float32(0.6) * rng.standard_normal((25000, 12), dtype=np.float32),
    }


def retrieved(
    queries: np.ndarray,
    items: np.ndarray,
    rows: Sequence[int],
    query_ids: Sequence[str],
    item_ids: Sequence[str],
) -> dict[int, list[int]]:
    """The first items of some queries, as the package wants them."""
    numbers = np.array(item_ids, np.int64)
    lists = {}
    for row in rows:
        scores = items.astype(np.float64) @ queries[row].astype(np.float64)
        best = np.argpartition(-scores, DEPTH)[:DEPTH]
        lists[int(query_ids[row])] = numbers[best[np.argsort(-scores[best])]].tolist()
    return lists


@pytest.mark.parametrize("name", ["eccv", "cxc"])
def test_equals_the_package(name: str, package: Any, embeddings: dict[str, np.ndarray]) -> None:
    collected = COLLECTED[name]([])
    for direction, relation in collected.relevance.items():
        rows = judged_rows(relation, direction, collected.ids, allow_absent=collected.allow_absent)
        chosen = np.isin(rows.queries, np.unique(rows.queries)[::EVERY])
        judged = Judgements.from_pairs(
            rows.queries[chosen], rows.items[chosen], rows.grades[chosen]
        )
        assert np.diff(judged.offsets).max() < DEPTH
        query, item = direction[0], direction[2]
        found = evaluate_relevance(
            embeddings[query], embeddings[item], judged, relevant_from=collected.relevant_from
        )
        lists = retrieved(
            embeddings[query],
            embeddings[item],
            judged.queries.tolist(),
            collected.ids[query],
            collected.ids[item],
        )
        truth = getattr(package, f"{name}_gts")
        truth[direction] = {number: truth[direction][number] for number in lists}
        recalls = {
            f"r{k}": 100
            * getattr(package, f"{name}_recalls")({direction: lists}, direction, K=k)[direction]
            for k in (1, 5, 10)
        }
        assert {key: getattr(found, key) for key in recalls} == pytest.approx(recalls)
        assert recalls["r1"] > 1
        if name == "eccv":
            expected = package.eccv_metrics({direction: lists}, direction)
            assert found.map_at_r == pytest.approx(100 * expected["eccv_map_at_r"][direction])
            assert found.r_precision == pytest.approx(100 * expected["eccv_rprecision"][direction])


def test_what_the_package_judges_without_having_it_counts_as_relevant(package: Any) -> None:
    """Two relevant captions of ECCV Caption are none of the 25,000: they are in R and never found,
    as in the package.
    """
    collected = COLLECTED["eccv"]([])
    rows = judged_rows(collected.relevance["i2t"], "i2t", collected.ids, allow_absent=True)
    assert (rows.items < 0).sum() == 2
    assert len(rows.items) == 22550
    assert len(set(rows.queries.tolist())) == 1261
    assert len(collected.ids["i"]) == 5000
    assert (collected.ids["i"][0], collected.ids["t"][:2]) == ("391895", ["770337", "771687"])
