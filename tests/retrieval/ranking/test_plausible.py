from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.oracles import ranking
from tests.oracles.plausible import pmrp
from vsebench.plugin import DataError, SpecError
from vsebench.retrieval.ranking import top_share
from vsebench.retrieval.ranking.plausible import evaluate_plausible

OWNER = np.array([3, 0, 1, 2, 0, 3, 4, 4, 4, 1, 2, 0, 5, 6, 7, 7, 8, 5])


def attributes(seed: int) -> np.ndarray:
    """Two of nine images have none."""
    labels = np.random.default_rng(seed).random((9, 4)) < 0.4
    labels[0, 1] = True
    labels[[2, 7]] = False
    return labels


def check(image: torch.Tensor, text: torch.Tensor, labels: np.ndarray) -> None:
    scores = np.array(ranking.inner_products(image.double().numpy(), text.double().numpy()))
    of_image, of_caption = labels.astype(int).tolist(), labels[OWNER].astype(int).tolist()
    for block in (None, 1, 4):
        found = evaluate_plausible(image, text, OWNER, labels, block=block)
        assert found.i2t == pytest.approx(pmrp(scores.tolist(), of_image, of_caption))
        assert found.t2i == pytest.approx(pmrp(scores.T.tolist(), of_caption, of_image))
        assert (found.i2t_pmrp, found.t2i_pmrp) == pytest.approx(
            (np.mean(found.i2t), np.mean(found.t2i))
        )
        assert (found.images, found.captions) == (labels.any(1).sum(), labels.any(1)[OWNER].sum())


def normal(rows: int, width: int, seed: int) -> torch.Tensor:
    return torch.randn(rows, width, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_equals_the_oracle(seed: int, compiled: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(top_share, "_COMPILE_FROM", 0 if compiled else 10**9)
    monkeypatch.setattr(top_share, "_COLUMNS", 5)
    labels = attributes(seed)
    check(normal(9, 7, seed), normal(18, 7, seed + 9), labels)
    generator = torch.Generator().manual_seed(seed)
    ties = [torch.randint(-1, 2, (n, 2), generator=generator).float() for n in (9, 18)]
    check(*ties, labels)
    base = normal(1, 24, seed)
    check(*(torch.nextafter(base, base + torch.sign(normal(n, 24, n))) for n in (9, 18)), labels)


def test_a_constant_model_finds_only_what_cannot_be_missed() -> None:
    """Ties stand against it: its R-Precision is what is left when the irrelevant come first."""
    # At distance 0 an image matches its own captions alone, at 2 everything
    labels = np.eye(9, dtype=np.uint8)
    found = evaluate_plausible(
        np.ones((9, 5), np.float32), np.ones((18, 5), np.float32), OWNER, labels
    )
    assert found.i2t == found.t2i == (0, 0, 100)


def test_any_similarity() -> None:
    labels, image, text = attributes(1), normal(9, 5, 1), normal(18, 5, 2)
    scores = -torch.cdist(image.double(), text.double())
    found = evaluate_plausible(
        image, text, OWNER, labels, similarity=lambda a, b: -torch.cdist(a, b), block=2
    )
    of_image, of_caption = labels.astype(int).tolist(), labels[OWNER].astype(int).tolist()
    assert found.i2t == pytest.approx(pmrp(scores.tolist(), of_image, of_caption))
    assert found.t2i == pytest.approx(pmrp(scores.T.tolist(), of_caption, of_image))
    near = 1e-12 * torch.randn(
        9, 18, generator=torch.Generator().manual_seed(1), dtype=torch.float64
    )
    constant = evaluate_plausible(
        image, text, OWNER, np.eye(9), similarity=lambda a, b: near[: len(a), : len(b)]
    )
    assert constant.i2t == (0, 0, 100)


def test_what_is_wrong_with_attributes_is_said() -> None:
    image, text = normal(9, 5, 1), normal(18, 5, 2)
    for labels, message in (
        (np.zeros((9, 3)), "no image has an attribute"),
        (np.ones((8, 3)), "one row for each of the 9 images, found float64"),
        (np.full((9, 2), 2), "0 or 1"),
    ):
        with pytest.raises(DataError, match=message):
            evaluate_plausible(image, text, OWNER, labels)
    with pytest.raises(DataError, match="image 8 has no caption"):
        evaluate_plausible(image, text, OWNER % 8, np.ones((9, 1)))
    with pytest.raises(
        DataError, match="caption embeddings: row 1 holds values that are not finite"
    ):
        evaluate_plausible(
            image, text.index_fill(0, torch.tensor([1]), torch.nan), OWNER, np.ones((9, 1))
        )


@pytest.mark.parametrize("block", [0, -1])
def test_a_block_has_a_query(block: int) -> None:
    with pytest.raises(SpecError, match=f"at least 1, found {block}"):
        evaluate_plausible(normal(9, 7, 0), normal(18, 7, 1), OWNER, attributes(0), block=block)
