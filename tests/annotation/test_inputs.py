"""What a run reads of its data set."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING

import numpy as np

from tests.factories import make_annotation_spec
from vsebench.annotation import inputs
from vsebench.data.annotation.flickr8k_words import PooledFeatures
from vsebench.plugin import AnnotationData, AnnotationSplit, Positives
from vsebench.plugin.host.loader import load_plugins

if TYPE_CHECKING:
    import pytest


def test_features_that_are_only_indexed_are_read_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """The contract of a feature array is indexing: it need not be one that NumPy converts."""
    local = np.random.default_rng(0).normal(size=(7, 3, 4)).astype(np.float32)
    positives = Positives.from_pairs(np.arange(7), np.arange(7) % 5, 7, 5)
    split = AnnotationSplit(positives, PooledFeatures(local, "mean"))
    data = AnnotationData(dict.fromkeys(("train", "dev", "test"), split), 5, aligned=False)
    monkeypatch.setattr(inputs, "reopen_dataset", lambda *_: (SimpleNamespace(data=data), None))
    found = inputs.open_inputs(make_annotation_spec(dataset="tags"), load_plugins().registry)
    assert found.training.features is not None
    np.testing.assert_allclose(found.training.features, local.mean(axis=1), rtol=1e-6)
    assert found.splits["dev"].features is not None
    assert found.updates_per_epoch == 700
