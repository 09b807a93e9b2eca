from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from vsebench.data.vocabulary import Vocabulary
from vsebench.plugin.host.loader import load_plugins
from vsebench.retrieval import encode
from vsebench.retrieval.encode import encode_images, encode_texts, evaluating
from vsebench.retrieval.inputs.splits import Captions, ImageFeatures
from vsebench.retrieval.model import Model, build

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest

    from vsebench.results.spec import RunSpec

CPU = torch.device("cpu")


def model_of(plan_runs: Callable[..., tuple[RunSpec, ...]], words: int) -> Model:
    (spec,) = plan_runs(pooling="gpo")
    return build(spec, load_plugins().registry, in_dim=5, vocabulary_size=words)


def test_images_are_embedded_in_order_whatever_the_block(
    plan_runs: Callable[..., tuple[RunSpec, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(0)
    table = ImageFeatures(
        rng.normal(size=(11, 6, 5)).astype(np.float32), rng.integers(1, 7, size=11), CPU
    )
    model = model_of(plan_runs, 10)
    whole = encode_images(model, table)
    monkeypatch.setattr(encode, "_IMAGES", 1)
    one_by_one = encode_images(model, table)
    torch.testing.assert_close(one_by_one, whole, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(torch.linalg.vector_norm(whole, dim=1), torch.ones(11))  # type: ignore[arg-type]


def test_captions_are_embedded_in_their_own_order(
    plan_runs: Callable[..., tuple[RunSpec, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    captions = [
        "a dog",
        "two men walk along a very long road",
        "cat",
        "a red car stands here",
        "dog",
    ]
    vocabulary = Vocabulary.build(captions, 1)
    model = model_of(plan_runs, len(vocabulary))
    table = Captions(vocabulary.encode(captions))
    whole = encode_texts(model, table, CPU)
    alone = torch.cat(
        [encode_texts(model, Captions(vocabulary.encode([caption])), CPU) for caption in captions]
    )  # type: ignore[misc]
    torch.testing.assert_close(whole, alone, rtol=1e-5, atol=1e-6)
    monkeypatch.setattr(encode, "_CAPTIONS", 2)
    torch.testing.assert_close(encode_texts(model, table, CPU), whole, rtol=1e-5, atol=1e-6)


def test_evaluation_leaves_the_module_as_it_was() -> None:
    module = torch.nn.Dropout().train()
    with evaluating(module):
        assert not module.training
        assert torch.is_inference_mode_enabled()
    assert module.training
