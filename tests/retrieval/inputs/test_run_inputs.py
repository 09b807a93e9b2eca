from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import numpy as np
import torch

from vsebench.data.vocabulary import Vocabulary
from vsebench.plugin.host.loader import load_plugins
from vsebench.retrieval.inputs.run_inputs import open_inputs

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from vsebench.results.spec import RunSpec


def test_words_of_dev_and_test_are_unknown_unless_training_has_them(
    plan_runs: Callable[..., tuple[RunSpec, ...]], tiny_root: Path, tmp_path: Path
) -> None:
    """methods P19: published vocabularies count dev captions, or even test captions."""
    root = tmp_path / "data"
    shutil.copytree(tiny_root, root)
    for split in ("dev", "test"):
        path = root / "precomp" / f"{split}_caps.txt"
        lines = path.read_text().splitlines()
        path.write_text("\n".join(["zeppelin red zeppelin", *lines[1:]]) + "\n")
    (spec,) = plan_runs(data_root=str(root))
    assert spec.protocol.min_word_count == 1
    inputs = open_inputs(spec, load_plugins().registry, torch.device("cpu"))
    vocabulary = inputs.tokeniser
    assert isinstance(vocabulary, Vocabulary)
    assert "zeppelin" not in vocabulary.words
    for split in (inputs.dev, inputs.test):
        tokens, _ = split.texts.gather(np.array([0]))
        assert tokens.tolist() == [
            [
                vocabulary.start,
                vocabulary.unk,
                vocabulary.words.index("red"),
                vocabulary.unk,
                vocabulary.end,
            ]
        ]
