from __future__ import annotations

import pytest
import torch

from vsebench.retrieval.encoders.features import GridEncoder, RegionEncoder


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


def ragged(batch: int = 5, n: int = 7, dim: int = 6) -> tuple[torch.Tensor, torch.Tensor]:
    torch.manual_seed(0)
    return torch.randn(batch, n, dim), torch.randint(1, n + 1, (batch,))


def test_region_encoder_is_fc_plus_perceptron_over_valid_rows() -> None:
    encoder = RegionEncoder(6, 8)
    features, lengths = ragged()
    out = encoder(features, lengths)
    rows = torch.cat([features[b, :n] for b, n in enumerate(lengths.tolist())])
    hidden = encoder.mlp_in(rows)
    normal = (hidden - hidden.mean(0)) / (hidden.var(0, unbiased=False) + 1e-5).sqrt()
    expected = encoder.fc(rows) + encoder.mlp_out(torch.relu(normal))
    got = torch.cat([out[b, :n] for b, n in enumerate(lengths.tolist())])
    torch.testing.assert_close(got, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("training", [True, False])
def test_region_encoder_never_reads_padding(training: bool) -> None:
    encoder = RegionEncoder(6, 8).train(training)
    features, lengths = ragged()
    poisoned = features.clone()
    for b, n in enumerate(lengths.tolist()):
        poisoned[b, n:] = torch.nan
    clean, dirty = encoder(features, lengths), encoder(poisoned, lengths)
    for b, n in enumerate(lengths.tolist()):
        torch.testing.assert_close(clean[b, :n], dirty[b, :n], rtol=0, atol=0)


def test_counting_padding_is_the_released_behaviour() -> None:
    features, lengths = ragged()
    encoder = RegionEncoder(6, 8, count_padding=True)
    encoder(features, lengths)
    zeroed = torch.where((torch.arange(7) < lengths[:, None])[..., None], features, 0)
    expected = encoder.mlp_in(zeroed.flatten(0, 1)).mean(0) * 0.1
    torch.testing.assert_close(encoder.norm.running_mean, expected, rtol=1e-5, atol=1e-6)


def test_one_valid_row_does_not_break_training() -> None:
    out = RegionEncoder(6, 8)(torch.randn(1, 3, 6), torch.tensor([1]))
    assert torch.isfinite(out[0, 0]).all()


def test_initial_values_are_the_published_ones() -> None:
    encoder = RegionEncoder(2048, 1024)
    bound = (6 / (2048 + 1024)) ** 0.5
    assert encoder.fc.weight.abs().max() <= bound
    assert encoder.fc.weight.std().item() == pytest.approx(bound / 3**0.5, rel=0.01)
    assert not encoder.fc.bias.any()
    assert encoder.mlp_in.out_features == 512
