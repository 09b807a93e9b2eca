"""A dress rehearsal of what lies between training steps, on a CUDA device that computes nothing:
where the host may wait there, and how often.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import numpy as np
import pytest
import torch

from tests.rehearsal.pretended_cuda import CUDA
from tests.rehearsal.rehearsing import REGISTRY, train
from tests.tiny_models import write_bert
from tests.tiny_vision import write_vision
from vsebench.plugin import Key, OfflineSpec
from vsebench.retrieval.encode import embed_split
from vsebench.retrieval.ranking.evaluation import evaluate
from vsebench.retrieval.training.offline_negatives import Embedded, mine

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.rehearsal.pretended_cuda import PretendedCuda
    from vsebench.retrieval.training.session import Session

    MadeReady = Callable[..., Session]

pytestmark = pytest.mark.filterwarnings("ignore:PyTorch was compiled without cuDNN")

SHORT = {"batch_size": 150, "epochs": 1, "evals_per_epoch": 2}
"""Four steps of an epoch with two evaluations."""

SAMPLERS = [each.name for each in REGISTRY if each.kind == "sampler"]
BESIDE = {
    "training/step.py",
    "training/selection.py",
    "training/collapse.py",
    "training/state.py",
    "kernels/clock.py",
}
"""What waits at the evaluations of every run."""
RANKING = {"kernels/rows.py"}
"""What else waits for ranks, which are counted apart."""


def by_module(waits: Counter[str]) -> dict[str, int]:
    """How often the host waited, by the place's file."""
    found: Counter[str] = Counter()
    for place, count in waits.items():
        path = Path(place.partition(",")[0])
        kept = 3 if path.parent.parent.name == "ranking" else 2
        found["/".join(path.parts[-kept:])] += count
    return dict(found)


def beside_ranking(waits: Counter[str]) -> dict[str, int]:
    return {
        module: count
        for module, count in by_module(waits).items()
        if "ranking" not in module and module not in RANKING
    }


@pytest.mark.parametrize("text", ["bigru", "bert"])
def test_embedding_a_split_makes_nobody_wait(
    made_ready: MadeReady, cuda: PretendedCuda, tmp_path: Path, text: str
) -> None:
    if text == "bert":
        text = f"bert:model={quote(str(write_bert(tmp_path / 'bert')), safe='')}"
    session = made_ready(pooling="mean", set={"text_encoder": text})
    embed_split(session.model, session.inputs.dev, session.device)
    assert not cuda.waits


def test_embedding_raw_images_makes_nobody_wait(
    raw_images: MadeReady, cuda: PretendedCuda, tmp_path: Path
) -> None:
    model = quote(write_vision(tmp_path / "vit", "vit"), safe="")
    session = raw_images(pooling="mean", set={"image_encoder": f"backbone:model={model}:size=32"})
    embed_split(session.model, session.inputs.dev, session.device)
    assert not cuda.waits


@pytest.mark.parametrize("images", [50, 1000, 9000])
def test_ranking_waits_as_often_whatever_the_size(cuda: PretendedCuda, images: int) -> None:
    image, text = torch.zeros(images, 8, device=CUDA), torch.zeros(5 * images, 8, device=CUDA)
    evaluate(image, text, np.repeat(np.arange(images), 5))
    assert by_module(cuda.waits) == {
        "kernels/rows.py": 2,  # are all rows finite?
        "ranking/exact/queued.py": 1,  # how many pairs each tile left undecided
        "ranking/evaluation.py": 2,  # the owners, and the ranks of both directions
    }


def test_another_similarity_ranks_on_the_device(cuda: PretendedCuda) -> None:
    """In float64, and every tile is looked through for scores that are not finite."""
    image, text = torch.zeros(50, 8, device=CUDA), torch.zeros(250, 8, device=CUDA)
    evaluate(image, text, np.repeat(np.arange(50), 5), similarity=lambda i, t: -torch.cdist(i, t))
    assert set(by_module(cuda.waits)) == {
        "ranking/scored.py",
        "ranking/evaluation.py",
    }


def test_an_epoch_waits_at_its_evaluations_alone(
    made_ready: MadeReady, cuda: PretendedCuda
) -> None:
    session = made_ready(pooling="mean", loss="triplet", set={**SHORT, "warmup_epochs": 0.5})
    train(session, cuda)
    assert beside_ranking(cuda.waits) == {
        "training/step.py": 2,  # mean losses and diagnostics
        "training/selection.py": 2,  # how far embeddings lie apart
        "training/collapse.py": 1,  # the loss at equal embeddings, behind the warm-up
        "training/state.py": 1,  # the best model, which is copied
        "kernels/clock.py": 3,  # at each evaluation, and at the end
    }


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_global_negatives_wait_a_few_times_for_an_epoch(
    made_ready: MadeReady, cuda: PretendedCuda, sampler: str
) -> None:
    session = made_ready(pooling="mean", loss="triplet-global", sampler=sampler, set=SHORT)
    train(session, cuda)
    drawn = {module: n for module, n in beside_ranking(cuda.waits).items() if module not in BESIDE}
    assert sum(drawn.values()) <= 2 * 8, drawn  # of both directions


@pytest.mark.parametrize("block", [10, None])
def test_mining_waits_once_for_each_side(cuda: PretendedCuda, block: int | None) -> None:
    image, text = torch.zeros(20, 8, device=CUDA), torch.zeros(100, 8, device=CUDA)
    embedded = Embedded(image, text, np.repeat(np.arange(20), 5))
    mine(embedded, OfflineSpec(text_h=5, image_h=4), Key(0), block)
    assert by_module(cuda.waits) == {"training/offline_negatives.py": 2}
