"""What is said of a pooling that returns no embedding of its items."""

from __future__ import annotations

import pytest
import torch

from vsebench.plugin import GaussianEmbedding, PluginError, PoolingOutput, SetEmbedding
from vsebench.retrieval.model import pool
from vsebench.retrieval.outputs import check_embedding

FEATURES = torch.ones(4, 3, 8)
LENGTHS = torch.tensor([3, 1, 2, 3])


class Fixed(torch.nn.Module):
    """Returns what it was made with."""

    def __init__(self, value: object) -> None:
        super().__init__()
        self.value = value

    def forward(self, features: torch.Tensor, lengths: torch.Tensor) -> object:
        return self.value


GOOD = {
    "vectors": torch.ones(4, 8),
    "a set": SetEmbedding(torch.ones(4, 5, 8), torch.ones(4, 5, dtype=torch.bool)),
    "a Gaussian": GaussianEmbedding(torch.ones(4, 8), torch.zeros(4, 8)),
    "an output": PoolingOutput(torch.ones(4, 8)),
}
WRONG = {
    "not pooled": (FEATURES, r"expected \[4, 8\], got \[4, 3, 8\] from mine, given features"),
    "another size": (torch.ones(4, 7), r"expected \[4, 8\], got \[4, 7\] from mine"),
    "one for all": (torch.ones(8), r"expected \[4, 8\], got \[8\] from mine"),
    "no items": (torch.ones(0, 8), r"expected \[4, 8\], got \[0, 8\]"),
    "an output": (PoolingOutput(torch.ones(3, 8)), r"expected \[4, 8\], got \[3, 8\] from mine"),
    "a set without items": (
        SetEmbedding(torch.ones(4, 8), torch.ones(4, 1, dtype=torch.bool)),
        r"expected \[4, 1, 8\], got \[4, 8\] from mine \(vectors\)",
    ),
    "a mask of another set": (
        SetEmbedding(torch.ones(4, 5, 8), torch.ones(4, 6, dtype=torch.bool)),
        r"expected \[4, 5\], got \[4, 6\] from mine \(mask\)",
    ),
    "a variance for all": (
        GaussianEmbedding(torch.ones(4, 8), torch.zeros(4, 1)),
        r"expected \[4, 8\], got \[4, 1\] from mine \(log_variance\)",
    ),
    "what has no scalar product here": (
        torch.ones(4, 8, dtype=torch.complex64),
        "expected floating-point numbers, got torch.complex64 from mine",
    ),
    "nothing": (None, r"expected a tensor \[4, 8\], got NoneType from mine"),
}


@pytest.mark.parametrize("value", GOOD.values(), ids=GOOD.keys())
def test_an_embedding_of_every_item_passes(value: object) -> None:
    pool(Fixed(value), FEATURES, LENGTHS, "mine")  # type: ignore[arg-type]


@pytest.mark.parametrize(("value", "said"), WRONG.values(), ids=WRONG.keys())
def test_any_other_shape_is_named_with_what_was_expected_and_where(
    value: object, said: str
) -> None:
    with pytest.raises(PluginError, match=said) as caught:
        pool(Fixed(value), FEATURES, LENGTHS, "mine")  # type: ignore[arg-type]
    line = Fixed.__init__.__code__.co_firstlineno - 3
    assert str(caught.value).endswith(f"(Fixed, {__file__}:{line})")
    assert "\n" not in str(caught.value)


def test_a_class_without_a_source_is_named_all_the_same() -> None:
    made = type("Made", (), {})()
    with pytest.raises(PluginError, match=r"from Made, given features \[4, 3, 8\]$"):
        check_embedding(FEATURES, FEATURES, made)
