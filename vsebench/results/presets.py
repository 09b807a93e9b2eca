"""The named protocols. `docs/protocol.md` says where each value comes from, and which pooling and
loss its paper trains with.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from vsebench.plugin.registry import quote
from vsebench.results.protocol import AnnotationProtocol, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

_PLAIN = {"warmup_epochs": 0, "drop_regions": 0, "augment_words": 0}
"""Neither a warm-up loss nor size augmentation: methods before VSE-infinity have none."""

_RESNET = f"backbone:model={quote('microsoft/resnet-152')}:size=512"
_CLIP = quote("openai/clip-vit-base-patch32")

_VSE_INFINITY = (
    Protocol(name="vse-infinity"),
    Protocol(name="vse-infinity-bert", text_encoder="bert", weight_decay=1e-4),
    Protocol(name="vse-infinity-grid", image_encoder=_RESNET, weight_decay=1e-4, last_batch="keep"),
    Protocol(
        name="vse-infinity-grid-bert",
        image_encoder=_RESNET,
        text_encoder="bert",
        weight_decay=1e-4,
        last_batch="keep",
    ),
)

_EARLIER = (
    Protocol(
        name="uvs",
        image_encoder="grid",
        text_encoder="gru-last",
        optimiser="adam",
        lr=2e-4,
        lr_decay=1,
        weight_decay=0,
        epochs=15,
        last_batch="keep",
        min_word_count=1,
        evals_per_epoch=1,
        eval_every_steps=100,
        select_at="evaluation",
        **_PLAIN,
    ),
    Protocol(
        name="vse++",
        image_encoder="grid",
        text_encoder="gru-last",
        optimiser="adam",
        lr=2e-4,
        lr_decay_at=0.5,
        weight_decay=0,
        epochs=30,
        last_batch="keep",
        **_PLAIN,
    ),
    Protocol(
        name="aoq",
        image_encoder="grid",
        text_encoder="gru-last",
        embed_dim=2048,
        optimiser="adam",
        lr=2e-4,
        lr_decay_at=0.5,
        weight_decay=0,
        epochs=20,
        last_batch="keep",
        evals_per_epoch=1,
        eval_every_steps=1000,
        select_at="evaluation",
        select_by="r1+r5",
        **_PLAIN,
    ),
)

_2AD = (
    Protocol(name="2ad", warmup_epochs=0, augment_ends=False),
    Protocol(
        name="2ad-published",
        image_encoder="region:count_padding=true",
        warmup_epochs=0,
        augment_ends=False,
        lr_schedule="compounding",
        select_at="last",
    ),
)

_CLIP_VSE = Protocol(
    name="clip-vse",
    image_encoder=f"backbone:model={_CLIP}:cls=true:frozen_epochs=0:head=own",
    text_encoder=f"bert:model={_CLIP}:head=own",
    embed_dim=512,
    lr=1e-4,
    lr_schedule="cosine",
    lr_warmup_epochs=0.5,
    weight_decay=0.1,
    decay_on="matrices",
    clip_norm=1,
    epochs=5,
    sibling_mask=True,
    **_PLAIN,
)

_QUICK = Protocol(
    name="quick",
    embed_dim=128,
    word_dim=128,
    epochs=8,
    lr=4e-3,
    weight_decay=1e-4,
    warmup_epochs=3,
    augment_words=0,
    evals_per_epoch=3,
    min_word_count=1,
    sibling_mask=True,
    select_at="evaluation",
)

PRESETS: Mapping[str, Protocol] = {
    preset.name: preset for preset in (*_VSE_INFINITY, *_EARLIER, *_2AD, _CLIP_VSE, _QUICK)
}
"""By name. `vse-infinity` is the published protocol of VSE-infinity for region features and a
BiGRU; `quick` compares methods on `scenes` in minutes.
"""

ANNOTATION_PRESETS: Mapping[str, AnnotationProtocol] = {
    preset.name: preset for preset in (AnnotationProtocol(name="vse-ens"),)
}
"""By name. `vse-ens` has the paper's values; it does not say for how long it trained, and its code
takes 100 rounds for WARP.
"""
