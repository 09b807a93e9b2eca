"""Rankings by factor: those of a stable sort, whole or their ends alone, and the variances."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from vsebench.plugin import Positives, SamplerState
from vsebench_plugins.ens.ranking import ends_on_host, labels_by_factor, sorted_on_device, variances
from vsebench_plugins.ens.sampler import AoBPR

NO_LABELS = Positives.from_pairs(np.zeros(0, np.int64), np.zeros(0, np.int64), 0, 1)


def test_rankings_are_those_of_a_stable_sort() -> None:
    values = torch.tensor(
        [
            [0.0, 1.0],
            [-0.0, -2.5],
            [3.0, 1.0],
            [-1e-30, float("inf")],
            [0.0, -float("inf")],
            [-7.0, 1.0],
            [1e-30, -2.5],
        ]
    )
    for f, labels in enumerate(labels_by_factor(values).tolist()):
        assert labels == sorted(range(len(values)), key=lambda a, f=f: (-values[a, f].item(), a))


def test_rankings_of_ties_on_host_and_device() -> None:
    values = torch.randint(-3, 4, (200, 3), generator=torch.Generator().manual_seed(0)).float() / 3
    values[::7] *= -0.0
    order = values.sort(dim=0, descending=True, stable=True).indices.T
    assert torch.equal(labels_by_factor(values).long(), order)
    assert torch.equal(sorted_on_device(values).long(), order)


@pytest.mark.parametrize("kind", ["spread", "close", "ties", "equal", "signs"])
@pytest.mark.parametrize("size", [9, 300, 1025])
@pytest.mark.parametrize("compiled", [False, True])
def test_the_ends_of_rankings_are_those_of_the_whole(
    monkeypatch: pytest.MonkeyPatch, compiled: bool, size: int, kind: str
) -> None:
    """Among them values that differ in bits which the short keys leave out."""
    noise = torch.randn(size, 6, generator=torch.Generator().manual_seed(size))
    values = {
        "spread": noise * torch.logspace(-40, 30, size)[:, None],
        "close": 1 + 1e-5 * noise,
        "ties": (3 * noise).round() / 3,
        "equal": torch.full_like(noise, -0.25),
        "signs": torch.where(noise > 0, 0.0, -0.0) * noise + 1e-44 * noise.sign(),
    }[kind]
    order = values.sort(dim=0, descending=True, stable=True).indices.T
    monkeypatch.setattr("vsebench_plugins.ens.ranking.numba_works", lambda: compiled)
    for ends in (1, 4, 12, size):
        found = labels_by_factor(values, ends)
        whole = 2 * ends >= size
        wanted = order if whole else torch.cat([order[:, :ends], order[:, -ends:]], dim=1)
        assert torch.equal(found.long(), wanted)


def test_short_keys_are_given_up_where_too_many_labels_share_one() -> None:
    noise = torch.rand(300, 2, generator=torch.Generator().manual_seed(0)).numpy()
    assert ends_on_host(noise, 12) is not None
    assert ends_on_host(1 + 1e-6 * noise, 12) is None


@pytest.mark.parametrize("ranks", [0.1, 0.299, 5.0, 500.0])
def test_no_random_number_reaches_beyond_the_ends(ranks: float) -> None:
    """The largest has 53 ones."""
    sampler = AoBPR(ranks)
    largest = 1 - 2.0**-53
    for labels in (2, 11, 300, 100_000):
        table = SamplerState(torch.zeros(0, 1), torch.arange(labels)[:, None].float(), NO_LABELS)
        sampler.refresh(table)
        reached = min(int(-ranks * np.log1p(-largest * -np.expm1(-labels / ranks))), labels - 1)
        kept = sampler.state_dict()["ranks"]
        assert kept.shape[1] == labels or reached < kept.shape[1] // 2
        assert kept[0, 0] == labels - 1
        assert kept[0, -1] == 0


def test_spreads_are_variances(monkeypatch: pytest.MonkeyPatch) -> None:
    values = 5 + torch.randn(300, 4, generator=torch.Generator().manual_seed(0))
    expected = values.double().var(0, correction=0)
    torch.testing.assert_close(variances(values), expected, rtol=1e-12, atol=0)
    monkeypatch.setattr("vsebench_plugins.ens.ranking.numba_works", lambda: False)
    torch.testing.assert_close(variances(values), expected, rtol=1e-5, atol=0)
