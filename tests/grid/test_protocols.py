from __future__ import annotations

import pytest

from vsebench.annotation.task import ANNOTATION
from vsebench.grid.protocols import resolve_protocol
from vsebench.plugin import SpecError
from vsebench.plugin.host.loader import load_plugins
from vsebench.results.presets import PRESETS
from vsebench.results.protocol import Protocol
from vsebench.retrieval.task import RETRIEVAL


@pytest.fixture(scope="module")
def registry():
    return load_plugins().registry


def test_vse_infinity_is_the_published_protocol():
    """Values of the released region + BiGRU recipe; 15 of 25 epochs at the full learning rate."""
    preset = PRESETS["vse-infinity"]
    published = {
        "embed_dim": 1024,
        "word_dim": 300,
        "image_encoder": "region",
        "text_encoder": "bigru",
        "batch_size": 128,
        "epochs": 25,
        "lr": 5e-4,
        "lr_decay": 0.1,
        "weight_decay": 0.01,
        "clip_norm": 2.0,
        "warmup_epochs": 1.0,
        "warmup_loss": "sum-hinge",
        "drop_regions": 0.2,
        "augment_words": 0.2,
        "min_word_count": 4,
        "sibling_mask": False,
        "select_at": "epoch",
    }
    assert {key: getattr(preset, key) for key in published} == published
    assert preset.lr_decay_at * preset.epochs == pytest.approx(15)


def test_quick_is_small():
    quick = PRESETS["quick"]
    assert quick.name == "quick"
    assert quick.embed_dim <= 128
    assert quick.epochs <= 8
    assert quick.sibling_mask


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_without_changes_has_none(name: str, registry):
    assert resolve_protocol(RETRIEVAL, name, {}, registry) == (PRESETS[name], {})


def test_changes_are_typed_and_those_that_change_nothing_are_left_out(registry):
    protocol, changes = resolve_protocol(
        RETRIEVAL,
        "vse-infinity",
        {
            "embed_dim": "128",
            "lr": "1e-3",
            "sibling_mask": "true",
            "epochs": 25,
            "warmup_epochs": "1",
        },
        registry,
    )
    assert changes == {"embed_dim": 128, "lr": 0.001, "sibling_mask": True}
    assert protocol == Protocol(name="vse-infinity", embed_dim=128, lr=1e-3, sibling_mask=True)


def test_component_keys_are_canonical(registry):
    protocol, changes = resolve_protocol(
        RETRIEVAL,
        "vse-infinity",
        {"warmup_loss": "sum-hinge:margin=0.20", "batch_plan": "vsebench::random"},
        registry,
    )
    assert (protocol.warmup_loss, protocol.batch_plan, changes) == ("sum-hinge", "random", {})
    _, changes = resolve_protocol(
        RETRIEVAL, "vse-infinity", {"warmup_loss": "sum-hinge:margin=0.1"}, registry
    )
    assert changes == {"warmup_loss": "sum-hinge:margin=0.1"}


@pytest.mark.parametrize(
    ("name", "changes", "message"),
    [
        ("vse-infinty", {}, "unknown protocol 'vse-infinty': did you mean 'vse-infinity'?"),
        (
            "quick",
            {"embed_dims": 3},
            "unknown protocol key 'embed_dims': did you mean 'embed_dim'?",
        ),
        ("quick", {"name": "mine"}, "unknown protocol key 'name'"),
        (
            "quick",
            {"embed_dim": "big"},
            "protocol 'quick': embed_dim must be a valid integer, got 'big'",
        ),
        (
            "quick",
            {"embed_dim": 0},
            "protocol 'quick': embed_dim must be greater than or equal to 1, got 0",
        ),
        ("quick", {"embed_dim": 1.5}, "embed_dim must be a valid integer"),
        ("quick", {"embed_dim": True}, "protocol key 'embed_dim' is not a switch, got true"),
        ("quick", {"lr": "nan"}, "protocol key 'lr' must be a finite number, got nan"),
        ("quick", {"lr": "1e400"}, "protocol key 'lr' must be a finite number, got 1e400"),
        (
            "quick",
            {"weight_decay": " 1e999 "},
            "protocol key 'weight_decay' must be a finite number",
        ),
        ("quick", {"lr": 10**400}, "protocol key 'lr' must be a finite number"),
        ("quick", {"lr": "fast"}, "lr must be a valid number, got 'fast'"),
        ("quick", {"threads": 1025}, "threads must be less than or equal to 1024, got 1025"),
        ("quick", {"embed_dim": 10**12}, "embed_dim must be less than or equal to"),
        ("quick", {"word_dim": 10**12}, "word_dim must be less than or equal to"),
        (
            "vse-ens",
            {},
            "protocol 'vse-ens' is of the annotation task, the data set is not: known: ",
        ),
        ("quick", {"lr": float("inf")}, "protocol key 'lr' must be a finite number, got inf"),
        (
            "quick",
            {"select_at": "end"},
            "protocol 'quick': select_at must be 'epoch', 'evaluation' or 'last', got 'end'",
        ),
        ("quick", {"sibling_mask": "perhaps"}, "sibling_mask must be a valid boolean"),
        (
            "quick",
            {"warmup_loss": "sum-hing"},
            "unknown loss 'sum-hing': did you mean 'sum-hinge'?",
        ),
        ("quick", {"text_encoder": "region"}, "unknown text-encoder 'region'"),
    ],
)
def test_what_is_no_protocol_is_refused_in_one_line(
    name: str, changes: dict[str, object], message: str, registry
):
    with pytest.raises(SpecError) as caught:
        resolve_protocol(RETRIEVAL, name, changes, registry)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "changes", "message"),
    [
        ("quick", {}, "protocol 'quick' is of the retrieval task, the data set is not: known: "),
        ("vse-en", {}, "unknown protocol 'vse-en': did you mean 'vse-ens'?"),
        ("vse-ens", {"init_scale": "1e400"}, "protocol key 'init_scale' must be a finite number"),
        ("vse-ens", {"threads": 100_000}, "threads must be less than or equal to 1024"),
        ("vse-ens", {"embed_dim": 10**12}, "embed_dim must be less than or equal to"),
    ],
)
def test_what_is_no_annotation_protocol_is_refused_in_one_line(
    name: str, changes: dict[str, object], message: str, registry
):
    with pytest.raises(SpecError) as caught:
        resolve_protocol(ANNOTATION, name, changes, registry)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
