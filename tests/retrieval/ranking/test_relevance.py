from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from tests.oracles import graded, ranking
from vsebench.plugin import DataError, SetEmbedding, SpecError
from vsebench.retrieval.ranking.exact import places
from vsebench.retrieval.ranking.judgements import ABSENT, Judgements
from vsebench.retrieval.ranking.relevance import evaluate_relevance

BLOCKS = (1, 5, 256)


def judge(
    queries: int, items: int, per_query: int, seed: int, *, absent: float = 0.1, same: bool = False
) -> graded.Grades:
    """Random judgements of some of the queries; a grade in three is 0."""
    rng = np.random.default_rng(seed)
    grades: graded.Grades = {}
    for query in sorted(rng.choice(queries, max(1, queries * 2 // 3), replace=False).tolist()):
        chosen = [
            i
            for i in rng.choice(
                items, min(items, int(rng.integers(1, per_query + 1))), replace=False
            ).tolist()
            if not (same and i == query)
        ]
        grades[query] = {i: float(rng.choice([0, 0.5, 2])) for i in chosen}
        if rng.random() < absent:
            grades[query][-1] = float(rng.integers(1, 3))
    grades = {query: judged for query, judged in grades.items() if judged}
    grades.setdefault(0, {})[1 % items] = 2.0  # something is relevant, whatever was drawn
    return grades


def judgements(grades: graded.Grades) -> Judgements:
    pairs = [
        (query, ABSENT if item < 0 else item, grade)
        for query, judged in grades.items()
        for item, grade in judged.items()
    ]
    order = np.random.default_rng(0).permutation(len(pairs))
    columns = [np.array(column)[order] for column in zip(*pairs, strict=True)]
    return Judgements.from_pairs(
        columns[0].astype(np.int64), columns[1].astype(np.int64), columns[2]
    )


def check(query: torch.Tensor, item: torch.Tensor | None, grades: graded.Grades) -> None:
    """Every treatment of judgements equals the oracle, at every block size."""
    scores = ranking.inner_products(
        query.double().numpy(), (query if item is None else item).double().numpy()
    )
    for relevant_from in (None, 2):
        for unjudged in ("irrelevant", "ignored"):
            expected = graded.metrics(
                scores,
                grades,
                relevant_from=relevant_from,
                condensed=unjudged == "ignored",
                same=item is None,
            )
            for block in BLOCKS:
                found = evaluate_relevance(
                    query,
                    item,
                    judgements(grades),
                    relevant_from=relevant_from,
                    unjudged=unjudged,
                    block=block,
                )
                assert found.as_dict() == pytest.approx(expected, abs=1e-9)


@pytest.fixture(params=["torch", "compiled", "saturated", "saturated compiled"])
def path(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Sends small inputs down each of the paths that large ones take."""
    monkeypatch.setattr(places, "_COLUMNS", 23)
    monkeypatch.setattr(places, "_AT_ONCE", 3)
    if "compiled" in request.param:
        monkeypatch.setattr(places, "_COMPILE_FROM", 0)
    if "saturated" in request.param:
        monkeypatch.setattr(places, "_FEW", 0)
        monkeypatch.setattr(places, "_SATURATED", 0.0)
        monkeypatch.setattr(places, "_FLOAT64_COLUMNS", 7)
    else:
        monkeypatch.setattr(places, "_FEW", 10**6)
    return request.param


def normal(rows: int, width: int, seed: int) -> torch.Tensor:
    return torch.randn(rows, width, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize(
    ("queries", "items", "width", "per_query"),
    [(1, 1, 1, 1), (2, 9, 17, 4), (31, 70, 8, 12), (12, 60, 33, 60)],
)
def test_equals_the_oracle(queries: int, items: int, width: int, per_query: int, path: str) -> None:
    check(
        normal(queries, width, 1),
        normal(items, width, 2),
        judge(queries, items, per_query, seed=queries),
    )


def test_equals_the_oracle_within_one_set(path: str) -> None:
    """Text to text: a query is never in its own list, though it would be first."""
    check(normal(40, 6, 3), None, judge(40, 40, 7, seed=3, same=True))


def test_equals_the_oracle_where_exact_ties_abound(path: str) -> None:
    generator = torch.Generator().manual_seed(4)
    query, item = (torch.randint(-1, 2, (n, 3), generator=generator).float() for n in (23, 60))
    check(query, item, judge(23, 60, 20, seed=4))


def test_equals_the_oracle_where_rows_differ_in_their_last_bits(path: str) -> None:
    base = normal(1, 24, 5)
    query, item = (torch.nextafter(base, base + torch.sign(normal(n, 24, n))) for n in (9, 40))
    check(query, item, judge(9, 40, 15, seed=5))


def test_equals_the_oracle_with_norms_of_all_sizes_and_float64(path: str) -> None:
    query, item = (
        normal(17, 5, 6) * torch.logspace(-4, 4, 17)[:, None],
        normal(50, 5, 7) * torch.logspace(3, -3, 50)[:, None],
    )
    check(query, item, judge(17, 50, 9, seed=6))
    check(query.double() + 1e-12, item.double(), judge(17, 50, 9, seed=7))


@pytest.mark.parametrize("width", [1, 64])
def test_a_constant_model_finds_nothing(width: int, path: str) -> None:
    grades = {0: {3: 1.0, 4: 2.0}, 2: {0: 1.0}}
    found = evaluate_relevance(
        torch.full((3, width), 0.3), torch.full((40, width), 0.7), judgements(grades)
    )
    assert (found.map_at_r, found.r_precision, found.r10, found.ndcg_at_10) == (0, 0, 0, 0)
    assert (found.queries, found.relevant) == (2, 3)


def test_one_positive_each_gives_the_ranks_of_the_usual_evaluation() -> None:
    from vsebench.retrieval import evaluate

    image, text = normal(30, 8, 8), normal(90, 8, 9)
    owner = np.arange(90) % 30
    usual = evaluate(image, text, owner)
    found = evaluate_relevance(
        text, image, Judgements.from_pairs(np.arange(90), owner, np.ones(90))
    )
    assert (found.r1, found.r5, found.r10) == (usual.t2i_r1, usual.t2i_r5, usual.t2i_r10)
    any_hit = evaluate_relevance(
        image, text, Judgements.from_pairs(owner, np.arange(90), np.ones(90))
    )
    assert (any_hit.r1, any_hit.r5, any_hit.r10) == (usual.i2t_r1, usual.i2t_r5, usual.i2t_r10)


class Bilinear(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Linear(6, 6)

    def forward(self, query: torch.Tensor, item: torch.Tensor) -> torch.Tensor:
        return self.weight(query) @ item.T


@pytest.mark.parametrize("unjudged", ["irrelevant", "ignored"])
def test_any_similarity_is_scored_in_float64(unjudged: str) -> None:
    torch.manual_seed(0)
    similarity, query, item = Bilinear(), normal(9, 6, 1), normal(33, 6, 2)
    grades = judge(9, 33, 12, seed=11)
    scores = (similarity.double()(query.double(), item.double())).tolist()
    expected = graded.metrics(scores, grades, condensed=unjudged == "ignored")
    for block in (2, 64):
        found = evaluate_relevance(
            query,
            item,
            judgements(grades),
            similarity=similarity.float(),
            unjudged=unjudged,
            block=block,
        )
        assert found.as_dict() == pytest.approx(expected, abs=1e-9)


def looked_up(scores: torch.Tensor):  # type: ignore[no-untyped-def]
    return lambda query, item: scores[query[:, 0].long()][:, item[:, 0].long()]


def indices(count: int) -> torch.Tensor:
    return torch.arange(count, dtype=torch.float32)[:, None]


def test_scores_that_nearly_tie_are_ties_under_any_similarity() -> None:
    """Exact ties in the oracle's matrix, last bits of noise in ours; an absent item's score does
    not join clusters.
    """
    generator = torch.Generator().manual_seed(12)
    scores = torch.randint(-2, 3, (9, 40), generator=generator, dtype=torch.float64)
    grades = judge(9, 40, 15, seed=12, absent=0.6)
    noise = 1e-12 * torch.randn(9, 40, generator=generator, dtype=torch.float64)
    found = evaluate_relevance(
        indices(9), indices(40), judgements(grades), similarity=looked_up(scores + noise)
    )
    assert found.as_dict() == pytest.approx(graded.metrics(scores.tolist(), grades), abs=1e-9)
    within = judge(9, 9, 5, seed=13, same=True)
    found = evaluate_relevance(
        indices(9), None, judgements(within), similarity=looked_up(scores[:, :9])
    )
    assert found.as_dict() == pytest.approx(
        graded.metrics(scores[:, :9].tolist(), within, same=True), abs=1e-9
    )


def test_what_cannot_be_evaluated_is_said() -> None:
    query, item = normal(3, 4, 1), normal(5, 4, 2)
    one = judgements({0: {1: 1.0}})
    for wrong, message in (
        (lambda: evaluate_relevance(query, item, judgements({0: {1: 0.0}})), "no grade is above 0"),
        (lambda: evaluate_relevance(query, item, one, relevant_from=2), "no grade is 2 or more"),
        (
            lambda: evaluate_relevance(query, item, judgements({3: {1: 1.0}})),
            "names query 3: they are numbered 0 to 2",
        ),
        (
            lambda: evaluate_relevance(query, item, judgements({0: {5: 1.0}})),
            "names item 5: they are numbered 0 to 4",
        ),
        (
            lambda: evaluate_relevance(query, None, judgements({1: {1: 1.0}})),
            "judged against itself",
        ),
        (lambda: evaluate_relevance(query, item[:, :3], one), "one width, found 4 and 3"),
        (
            lambda: evaluate_relevance(query, item * torch.nan, one),
            "item embeddings: row 0 holds values that are not finite",
        ),
        (
            lambda: Judgements.from_pairs(np.array([0, 0]), np.array([2, 2]), np.ones(2)),
            "item 2 is judged twice for query 0",
        ),
        (
            lambda: Judgements.from_pairs(np.array([0]), np.array([2]), np.array([-1.0])),
            "is -1.0: grades are finite and at least 0",
        ),
        (
            lambda: Judgements.from_pairs(np.array([0]), np.array([2]), np.array([np.nan])),
            "is nan: grades are finite",
        ),
        (
            lambda: Judgements.from_pairs(np.empty(0, int), np.empty(0, int), np.empty(0)),
            "there are no judgements",
        ),
    ):
        with pytest.raises(DataError, match=message):
            wrong()
    bad = torch.zeros(3, 5, dtype=torch.float64)
    bad[1, 4] = torch.inf
    with pytest.raises(DataError, match="similarity of query 1 and item 4 is not finite"):
        evaluate_relevance(
            indices(3), indices(5), judgements({1: {0: 1.0}}), similarity=looked_up(bad), block=2
        )
    with pytest.raises(SpecError, match="did you mean 'ignored'"):
        evaluate_relevance(query, item, one, unjudged="ignore")  # type: ignore[arg-type]
    with pytest.raises(SpecError, match="block is the number of queries per tile"):
        evaluate_relevance(query, item, one, block=0)
    with pytest.raises(SpecError, match="pass the similarity"):
        evaluate_relevance(
            SetEmbedding(torch.zeros(1, 2, 3), torch.ones(1, 2, dtype=torch.bool)), item, one
        )
