"""What is said of an encoder that returns no local features of its items."""

from __future__ import annotations

import pytest
import torch

from vsebench import create
from vsebench.plugin import LocalFeatures, PluginError
from vsebench.retrieval.model import Tower

ITEMS, N, DIM = 4, 3, 8
VALUES, LENGTHS = torch.ones(ITEMS, N, DIM), torch.tensor([3, 1, 2, 3])


class Fixed(torch.nn.Module):
    """Returns what it was made with."""

    def __init__(self, value: object) -> None:
        super().__init__()
        self.value = value

    def forward(self, values: torch.Tensor, lengths: torch.Tensor) -> object:
        return self.value


GOOD = {
    "features": VALUES,
    "features with lengths": LocalFeatures(VALUES, LENGTHS),
    "more features than there were": LocalFeatures(torch.ones(ITEMS, 7, DIM), LENGTHS + 4),
}
WRONG = {
    "another size": (torch.ones(ITEMS, N, 9), r"expected \[4, N, 8\], got \[4, 3, 9\] from"),
    "pooled already": (torch.ones(ITEMS, DIM), r"expected \[4, N, 8\], got \[4, 8\] from"),
    "another batch": (torch.ones(1, N, DIM), r"expected \[4, N, 8\], got \[1, 3, 8\] from"),
    "integers": (torch.ones(ITEMS, N, DIM, dtype=torch.long), r"got torch\.int64 from"),
    "nothing": (None, "floating-point numbers, got NoneType from"),
    "no features of an item": (LocalFeatures(VALUES, LENGTHS - 1), "4 lengths of 1 to 3, got"),
    "lengths of more": (LocalFeatures(VALUES, LENGTHS + 1), "4 lengths of 1 to 3, got others"),
    "lengths of others": (LocalFeatures(VALUES, LENGTHS[:3]), "4 lengths of 1 to 3, got others"),
}


@pytest.mark.parametrize("value", GOOD.values(), ids=GOOD.keys())
def test_local_features_of_every_item_pass(value: object) -> None:
    Tower(Fixed(value), create("pooling", "mean"), "mean", DIM)(VALUES, LENGTHS)


@pytest.mark.parametrize(("value", "said"), WRONG.values(), ids=WRONG.keys())
def test_what_is_no_local_features_is_named_with_its_encoder(value: object, said: str) -> None:
    with pytest.raises(PluginError, match=said) as caught:
        Tower(Fixed(value), create("pooling", "mean"), "mean", DIM)(VALUES, LENGTHS)
    line = Fixed.__init__.__code__.co_firstlineno - 3
    assert str(caught.value).endswith(f"the encoder Fixed (Fixed, {__file__}:{line})")


def test_a_tower_by_itself_takes_features_of_any_size() -> None:
    tower = Tower(Fixed(VALUES[..., :5]), create("pooling", "mean"))
    assert tower(VALUES, LENGTHS).embedding.shape == (ITEMS, 5)
