"""Finished runs on a set of a few images, trained in this process."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vsebench.grid.plan import plan
from vsebench.grid.suite import make_suite
from vsebench.results.folder.store import Store
from vsebench.retrieval.training.train import train

if TYPE_CHECKING:
    from pathlib import Path

    from vsebench.results.folder.directory import RunDirectory

PROTOCOL = {
    "embed_dim": 8,
    "word_dim": 6,
    "batch_size": 5,
    "epochs": 2,
    "lr": 0.01,
    "min_word_count": 1,
    "evals_per_epoch": 1,
    "precision": "fp32",
}


def make_runs(out: Path, data_root: Path, **suite: object) -> list[RunDirectory]:
    """The runs of a suite on the set in the precomp layout under `data_root`; keyword arguments are
    suite values.
    """
    values = {
        "dataset": "precomp",
        "data_root": str(data_root),
        "pooling": "mean",
        "loss": "triplet",
        "protocol": "quick",
        "device": "cpu",
        **suite,
    }
    directories = []
    for spec in plan(make_suite({**values, "set": PROTOCOL})).runs:
        directory = Store(out).directory_for(spec)
        directory.write_spec(spec)
        train(spec, directory, lambda event: None)
        directories.append(directory)
    return directories
