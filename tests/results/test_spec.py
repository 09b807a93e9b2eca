"""The identity of a run: what the run id hashes and what it does not."""

from __future__ import annotations

from typing import Any

import pytest

from tests.factories import make_spec
from vsebench.results.protocol import AnnotationProtocol, Protocol
from vsebench.results.spec import ComponentRef

DEFAULTS = {
    "name": "vse-infinity",
    "embed_dim": 1024,
    "word_dim": 300,
    "image_encoder": "region",
    "text_encoder": "bigru",
    "batch_plan": "random",
    "batch_size": 128,
    "epochs": 25,
    "optimiser": "adamw",
    "lr": 0.0005,
    "lr_schedule": "step",
    "lr_warmup_epochs": 0.0,
    "lr_decay": 0.1,
    "lr_decay_at": 0.6,
    "weight_decay": 0.01,
    "decay_on": "all",
    "unfreeze": "lr",
    "clip_norm": 2.0,
    "warmup_epochs": 1.0,
    "warmup_loss": "sum-hinge",
    "drop_regions": 0.2,
    "image_crop": 0.6,
    "image_flip": 0.5,
    "augment_words": 0.2,
    "augment_ends": True,
    "min_word_count": 4,
    "sibling_mask": False,
    "evals_per_epoch": 4,
    "select_at": "epoch",
    "precision": "auto",
    "stop": "never",
    "threads": 1,
}
ANNOTATION_DEFAULTS = {
    "name": "vse-ens",
    "embed_dim": 100,
    "image_vectors": "auto",
    "engine": "sequential",
    "epochs": 100,
    "round_size": 100,
    "optimiser": "sgd",
    "lr": 0.01,
    "l2_image": 0.01,
    "l2_label": 0.01,
    "init": "uniform",
    "init_scale": 0.01,
    "batch_size": 1024,
    "negatives": 1,
    "evals_per_epoch": 1,
    "stop": "never",
    "threads": 1,
}


@pytest.mark.parametrize(
    ("protocol", "defaults"), [(Protocol(), DEFAULTS), (AnnotationProtocol(), ANNOTATION_DEFAULTS)]
)
def test_the_defaults_of_a_protocol_never_change(
    protocol: Protocol | AnnotationProtocol, defaults: dict[str, Any]
):
    """A run id leaves them out: a changed default would give old runs a new meaning. A key may be
    added, with the default that is what runs did before.
    """
    assert protocol.model_dump() == defaults


def test_a_parameter_at_its_default_leaves_the_identity_alone():
    before = ComponentRef(spec="aoq", name="aoq", params={"h": 300})
    after = ComponentRef(spec="aoq", name="aoq", params={"h": 300, "terms": "full"})
    assert before.identity() == after.identity()
    assert (
        before.identity()
        != ComponentRef(
            spec="aoq:terms=offtri", name="aoq", params={"h": 300, "terms": "offtri"}
        ).identity()
    )


def test_the_order_of_parameters_is_no_part_of_the_identity():
    a = ComponentRef(spec="acme::kmax:k=3:text=5", name="acme::kmax", distribution="acme")
    b = ComponentRef(spec="kmax:text=5:k=3", name="kmax", distribution="acme")
    assert a.identity() == b.identity()


def test_a_protocol_key_at_its_default_leaves_the_run_id_alone():
    spec = make_spec()
    same = spec.model_copy(
        update={"protocol": spec.protocol.model_copy(update={"name": "another preset"})}
    )
    other = spec.model_copy(
        update={"protocol": spec.protocol.model_copy(update={"epochs": spec.protocol.epochs + 1})}
    )
    assert same.run_id == spec.run_id != other.run_id
    hashed = spec.identity()["protocol"]
    assert all(hashed[key] != getattr(Protocol(), key) for key in hashed)
