"""What an evaluation computes: each image and each caption once, whole."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

from tests.data.files import write_precomp
from tests.oracles.collapse import mean_cosine
from vsebench.plugin.host.loader import load_plugins
from vsebench.retrieval.encode import embed_split
from vsebench.retrieval.inputs.run_inputs import open_inputs
from vsebench.retrieval.model import build
from vsebench.retrieval.training.selection import judge, spread

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from vsebench.results.spec import RunSpec

CPU = torch.device("cpu")


def test_images_that_are_stored_once_for_each_caption_are_embedded_once(
    plan_runs: Callable[..., tuple[RunSpec, ...]], tmp_path: Path
) -> None:
    """methods P16: published code embeds each image of dev and test five times, once for each
    caption.
    """
    folder = write_precomp(tmp_path / "precomp")
    assert len(np.load(folder / "dev_ims.npy")) == 15
    (spec,) = plan_runs(
        data_root=str(tmp_path), set={"batch_size": 10, "drop_regions": 0.9, "augment_words": 0.9}
    )
    registry = load_plugins().registry
    inputs = open_inputs(spec, registry, CPU)
    model = build(spec, registry, in_dim=4, vocabulary_size=len(inputs.tokeniser))
    seen: dict[str, list[torch.Tensor]] = {"image": [], "text": []}
    for side, lengths in seen.items():

        def note(
            module: Any,
            batch: tuple[torch.Tensor, torch.Tensor],
            output: Any,
            lengths: list[torch.Tensor] = lengths,
        ) -> None:
            lengths.append(batch[1])

        getattr(model, side).register_forward_hook(note)
    metrics, _ = judge(model, *embed_split(model, inputs.dev, CPU), inputs.dev)
    assert len(metrics.i2t_ranks) == 3
    assert torch.cat(seen["image"]).tolist() == [3] * 3  # with all their features
    assert (
        torch.cat(seen["text"]).sort().values.tolist() == np.sort(inputs.dev.texts.lengths).tolist()
    )


@pytest.mark.parametrize("counts", [[2, 3, 1], [1], [5, 0, 5], [1, 1]])
@pytest.mark.parametrize("law", ["random", "equal", "opposite"])
def test_how_far_embeddings_lie_apart_is_that_of_all_pairs(counts: list[int], law: str) -> None:
    rng, owner = np.random.default_rng(0), np.repeat(np.arange(len(counts)), counts)
    image, text = rng.normal(size=(len(counts), 6)), rng.normal(size=(len(owner), 6))
    if law != "random":
        image[:] = 1.0
        text[:] = 1.0 if law == "equal" else -1.0
    image /= np.linalg.norm(image, axis=1, keepdims=True)
    text /= np.linalg.norm(text, axis=1, keepdims=True)
    found = spread(torch.from_numpy(image), torch.from_numpy(text), torch.from_numpy(owner))
    a, b = image.tolist(), text.tolist()
    itself = [(i, i) for i in range(max(len(a), len(b)))]
    matching = [(int(i), j) for j, i in enumerate(owner)]
    assert found.unrelated == pytest.approx(mean_cosine(a, b, matching), abs=1e-12)
    assert found.images == pytest.approx(mean_cosine(a, a, itself), abs=1e-12)
    assert found.texts == pytest.approx(mean_cosine(b, b, itself), abs=1e-12)
    assert found.image_mean.tolist() == pytest.approx(image.mean(axis=0).tolist())
    assert found.text_mean.tolist() == pytest.approx(text.mean(axis=0).tolist())
