"""Videos are trained on like images: ragged lengths, any number of captions, the same towers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from vsebench.data.open import open_dataset
from vsebench.grid.plan import plan
from vsebench.grid.suite import make_suite
from vsebench.plugin.host.loader import load_plugins
from vsebench.results.folder.store import Store
from vsebench.retrieval.stored import embed_test, open_stored
from vsebench.retrieval.training.train import train

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

PROTOCOL = {
    "embed_dim": 32,
    "word_dim": 16,
    "epochs": 2,
    "evals_per_epoch": 1,
    "warmup_epochs": 2,
    "batch_size": 32,
}


def test_a_run_on_frames_learns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VSEBENCH_CACHE", str(tmp_path / "cache"))
    values = {
        "dataset": "clips:videos=250:frames=6:dim=16",
        "pooling": "mean",
        "loss": "triplet",
        "device": "cpu",
        "set": PROTOCOL,
    }
    (spec,) = plan(make_suite(values)).runs
    assert spec.protocol.name == "quick"
    directory = Store(tmp_path / "runs").directory_for(spec)
    directory.write_spec(spec)
    record = train(spec, directory, lambda event: None)
    assert record.test["rsum"] > 160  # chance is about 80: 50 clips with about five captions each
    test = open_dataset(
        load_plugins().registry.get("dataset", "clips"), spec.dataset.params
    ).data.splits["test"]
    ranks = directory.read_ranks()
    assert [len(r) for r in ranks] == [50, len(test.captions)]
    embedded = embed_test(open_stored(directory), [], torch.device("cpu")).split
    assert (embedded.text_to_image == test.text_to_image).all()
    assert set(np.bincount(embedded.text_to_image)) == {3, 4, 5, 6, 7}
