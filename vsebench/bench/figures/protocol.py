"""A whole run as published, on made-up data of the size of Flickr30K: 25 epochs of 145,000
captions, with its evaluations.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from vsebench.bench.figure import Figure, Work
from vsebench.bench.figures.suites import own_cache, suites
from vsebench.grid.run import run_suite

if TYPE_CHECKING:
    from vsebench.bench.figure import Setting


def work(setting: Setting) -> Work:
    """The protocol of VSE-infinity for region features and a BiGRU."""
    images, dim, epochs = setting.pick(
        tiny=(60, 8, 1), quick=(1_000, 2048, 2), full=(29_000, 2048, 25)
    )
    changes = {"epochs": epochs}
    if setting.size == "tiny":
        changes |= {"embed_dim": 16, "word_dim": 8}
    new = suites(
        setting,
        dataset=f"scenes:images={images}:dim={dim}",
        pooling="gpo",
        loss="triplet",
        protocol="vse-infinity",
        set=changes,
    )

    def run() -> None:
        with own_cache(setting.folder):
            if run_suite(new()).failed:
                raise RuntimeError("the run failed")

    return Work(ours=run, amount=epochs, unit="epochs", most=1, processes=True)


FIGURES = (Figure("protocol/vse-infinity", work, on_cpu=("tiny",)),)
