"""The three components keep their promises, and compute what the paper says."""

import math

import pytest
import torch

import vsebench
from vsebench.plugin import GaussianEmbedding, LossInputs, SpecError


@pytest.mark.vsebench("pooling", "gaussian")
@pytest.mark.vsebench("similarity", "csd")
@pytest.mark.vsebench("loss", "pcmepp")
@pytest.mark.vsebench("loss", "pcmepp:pseudo=0")
def test_keeps_its_promises(check):
    check()


def sample(gaussian, seed):
    noise = torch.randn(
        400_000, 5, generator=torch.Generator().manual_seed(seed), dtype=torch.float64
    )
    return gaussian.mean + (gaussian.log_variance / 2).exp() * noise


def test_the_distance_is_that_of_samples():
    mean = torch.nn.functional.normalize(
        torch.randn(2, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    )
    image, text = (
        GaussianEmbedding(mean[i : i + 1], torch.full((1, 5), log, dtype=torch.float64))
        for i, log in ((0, -3.0), (1, -2.0))
    )
    samples = [sample(image, 1), sample(text, 2)]
    distance = (samples[0] - samples[1]).square().sum(1).mean()
    assert vsebench.create("similarity", "csd")(image, text).item() == pytest.approx(
        1 - distance.item() / 2, abs=5e-3
    )


def test_without_variance_it_is_the_cosine():
    mean = torch.nn.functional.normalize(torch.randn(4, 5))
    point = GaussianEmbedding(mean, torch.full((4, 5), -200.0))
    torch.testing.assert_close(vsebench.create("similarity", "csd")(point, point), mean @ mean.T)


def test_vectors_are_refused():
    with pytest.raises(SpecError, match="choose the pooling 'gaussian'"):
        vsebench.create("similarity", "csd")(torch.zeros(2, 3), torch.zeros(2, 3))


def test_the_loss_is_the_sum_over_pairs_written_out():
    scores = torch.tensor([[0.2, 0.6], [-0.3, 0.4]], dtype=torch.float64)
    inputs = LossInputs(
        torch.zeros(2, 3), torch.zeros(2, 3), torch.eye(2, dtype=torch.bool), similarity=scores
    )

    def entropy(score, match):
        chance = 1 / (1 + math.exp(-(5 - 5 * (2 - 2 * score))))
        return -math.log(chance if match else 1 - chance)

    def mean(matches):
        return (
            sum(
                entropy(scores[i, j].item(), i == j or (i, j) in matches)
                for i in range(2)
                for j in range(2)
            )
            / 4
        )

    # Image 0 is nearer to caption 1 than to its own, and caption 1 nearer to image 0 than to its
    # own; nothing else is.
    wanted = mean(set()) + 0.1 * (mean({(0, 1)}) + mean({(0, 1)})) / 2
    found = vsebench.create("loss", "pcmepp")(inputs).loss.item()
    assert found == pytest.approx(wanted, rel=1e-6)


def test_the_variance_starts_as_asked():
    pooling = vsebench.create("pooling", "gaussian:spread=0.5", dim=8)
    output = pooling(torch.randn(3, 4, 8), torch.tensor([1, 4, 2]))
    torch.testing.assert_close(output.embedding.log_variance.exp().sum(1), torch.full((3,), 0.5))
    assert set(output.losses) == {"vib"}
