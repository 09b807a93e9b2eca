from __future__ import annotations

import torch

from vsebench.retrieval.encoders.grid import GridEncoder


def test_one_linear_layer_on_every_cell() -> None:
    torch.manual_seed(0)
    encoder = GridEncoder(6, 4)
    features = torch.randn(3, 5, 6)
    out = encoder(features, torch.tensor([5, 1, 3]))
    torch.testing.assert_close(out, features @ encoder.fc.weight.T)  # the bias starts at zero
    bound = (6 / (6 + 4)) ** 0.5
    assert encoder.fc.weight.abs().max() <= bound
    assert encoder.fc.weight.std() > bound / 4
    assert not encoder.fc.bias.any()
