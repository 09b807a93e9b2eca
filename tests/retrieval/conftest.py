"""A learnable data set that trains in a second."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from vsebench.grid.plan import plan
from vsebench.grid.suite import make_suite

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from vsebench.results.spec import RunSpec

WORDS = ("red", "green", "blue", "grey", "white", "black", "pink", "brown")
THINGS = ("dog", "cat", "horse", "car", "boat", "tree", "house", "man")
REGIONS, DIM = 4, 16


def write_split(folder: Path, name: str, images: int, rng: np.random.Generator) -> None:
    """Each image shows one coloured thing; its regions are noisy copies, its captions name it in
    five ways.
    """
    world = np.random.default_rng(0).normal(size=(2, 8, DIM))
    colours, things = rng.integers(8, size=images), rng.integers(8, size=images)
    centres = world[0, colours] + world[1, things]
    features = centres[:, None] + 0.3 * rng.normal(size=(images, REGIONS, DIM))
    np.save(folder / f"{name}_ims.npy", features.astype(np.float32))
    forms = ("a {} {}", "the {} {} here", "one {} {} stands", "there is a {} {}", "some {} {}")
    lines = [
        form.format(WORDS[c], THINGS[t])
        for c, t in zip(colours, things, strict=True)
        for form in forms
    ]
    (folder / f"{name}_caps.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (folder / f"{name}_ids.txt").write_text(
        "\n".join(map(str, range(images))) + "\n", encoding="utf-8"
    )


@pytest.fixture(scope="session")
def tiny_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data") / "precomp"
    folder.mkdir()
    for seed, (name, images) in enumerate({"train": 120, "dev": 30, "test": 40}.items()):
        write_split(folder, name, images, np.random.default_rng(seed + 1))
    return folder.parent


@pytest.fixture
def plan_runs(
    tiny_root: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Callable[..., tuple[RunSpec, ...]]:
    """Plans a suite on the tiny set; keyword arguments are suite values, `set` adds protocol
    keys.
    """
    monkeypatch.setenv("VSEBENCH_CACHE", str(tmp_path / "cache"))

    def plan_suite(**values: object) -> tuple[RunSpec, ...]:
        protocol = {
            "embed_dim": 24,
            "word_dim": 12,
            "batch_size": 32,
            "epochs": 3,
            "lr": 0.01,
            "warmup_epochs": 1,
            "evals_per_epoch": 4,
            **values.pop("set", {}),
        }  # type: ignore[dict-item]
        defaults = {
            "dataset": "precomp",
            "data_root": str(tiny_root),
            "pooling": "mean",
            "loss": "triplet",
            "protocol": "quick",
            "device": "cpu",
        }
        return plan(make_suite({**defaults, **values, "set": protocol})).runs

    return plan_suite
