"""Runs of a published setting, and cards that publish what a test needs."""

from __future__ import annotations

from tests.factories import make_record, make_spec, save
from vsebench.plugin import Card, DatasetCard, Published, Setting
from vsebench.plugin.host.loader import load_plugins
from vsebench.plugin.metrics import RECALLS
from vsebench.plugin.registry import Component, Origin, Registry
from vsebench.results.protocol import Protocol

INSTALLED = load_plugins().registry
GPO_F30K = dict(zip((*RECALLS, "rsum"), (76.5, 94.2, 97.7, 56.4, 83.4, 89.9, 498.1), strict=True))
SETTING = Setting(
    "flickr30k",
    "BUTD regions",
    "made-up",
    image_encoder="region",
    text_encoder="bigru",
    protocol="vse-infinity",
)


def registry(*published: Published) -> Registry:
    """One pooling with these published results, and a data set with features."""
    made = Registry()
    for kind, name, card in (
        ("pooling", "made-up", Card("…", published=published)),
        ("dataset", "flickr30k", DatasetCard("…", features="BUTD regions")),
    ):
        made.add(Component(kind, name, "a:B", (), card, Origin("vsebench", "a", "1")))
    return made


def published(setting=SETTING, **metrics):
    return Published(setting, metrics or {"i2t_r1": 70.0}, "https://example.org, Table 1")


def spec(
    pooling="made-up", loss="triplet", seed=0, *, protocol=None, dataset="flickr30k", **changes
):
    return make_spec(
        pooling, loss, seed, dataset=dataset, protocol=Protocol(**(protocol or {})), **changes
    )


def leave(out, *arguments, test=None, **changes):
    return save(out, make_record(spec(*arguments, **changes), test={**GPO_F30K, **(test or {})}))


def only(found):
    (comparison,) = found.compared
    return comparison


def said(row):
    return {
        difference.what: (difference.ours, difference.published) for difference in row.differences
    }
