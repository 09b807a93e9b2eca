"""Places are the same on every device."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from vsebench.retrieval import (
    Judgements,
    Member,
    evaluate_ensemble,
    evaluate_plausible,
    evaluate_relevance,
)

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
]

RNG = np.random.default_rng(0)
OWNER = np.arange(900) % 300
GRADES = Judgements.from_pairs(
    np.concatenate([OWNER, OWNER]),
    np.concatenate([np.arange(900), (np.arange(900) + 7) % 900]),
    np.repeat([2.0, 1.0], 900),
)


@pytest.mark.parametrize("values", ["random", "ties", "collapsed"])
@pytest.mark.parametrize("scored", [False, True])
def test_cuda_finds_what_the_cpu_finds(values: str, scored: bool) -> None:
    image, text = (
        torch.from_numpy(RNG.standard_normal((n, 24)).astype(np.float32)) for n in (300, 900)
    )
    if values == "ties":
        image, text = image.round(), text.round()
    if values == "collapsed":
        image, text = 0.3 + 1e-7 * image, 0.3 + 1e-7 * text
    similarity = (lambda a, b: a @ b.T) if scored else None
    attributes = RNG.random((300, 6)) < 0.4
    found = []
    for device in ("cpu", "cuda"):
        sides = image.to(device), text.to(device)
        graded = evaluate_relevance(*sides, GRADES, similarity=similarity)
        same = evaluate_relevance(
            sides[1],
            None,
            Judgements.from_pairs(np.arange(899), np.arange(1, 900), np.ones(899)),
            similarity=similarity,
        )
        plausible = evaluate_plausible(*sides, OWNER, attributes, similarity=similarity)
        ensemble = evaluate_ensemble([Member(*sides, similarity), Member(*sides)], OWNER)
        found.append(
            (graded, same, plausible, ensemble.i2t_ranks.tolist(), ensemble.t2i_ranks.tolist())
        )
    assert found[0] == found[1]
