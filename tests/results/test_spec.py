"""The identity of a run: what the run id hashes and what it does not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.factories import make_spec
from vsebench.results.components import ComponentRef
from vsebench.results.folder.store import Store
from vsebench.results.packs.format import RUNS
from vsebench.results.protocol import AnnotationProtocol, Protocol

DEFAULTS = {
    "name": "vse-infinity",
    "embed_dim": 1024,
    "word_dim": 300,
    "image_encoder": "region",
    "text_encoder": "bigru",
    "batch_plan": "random",
    "batch_size": 128,
    "last_batch": "drop",
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
    "frozen_features": "live",
    "augment_ends": True,
    "min_word_count": 4,
    "sibling_mask": False,
    "evals_per_epoch": 4,
    "eval_every_steps": 0,
    "select_at": "epoch",
    "select_by": "rsum",
    "tune_images": 0,
    "evaluate_on": "test",
    "evaluate": "full",
    "precision": "auto",
    "compile": "none",
    "stop": "never",
    "devices": 1,
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


PACKS = sorted((Path(__file__).parents[2] / "results").rglob(RUNS))


def test_committed_runs_keep_their_ids():
    """Records were written under ids; a folder is resumed, and not made again, as long as their
    specs still have them.
    """
    records = [record for path in PACKS for record in Store(path.parent).records()]
    assert len(records) > 100
    assert {record.spec.task for record in records} == {"retrieval", "annotation", "patterns"}
    moved = [record.run_id for record in records if record.spec.run_id != record.run_id]
    assert not moved


@pytest.mark.parametrize(
    ("changes", "run_id"),
    [
        ({}, "323bbc617bdb447c"),
        (
            {
                "embed_dim": 128,
                "word_dim": 128,
                "epochs": 5,
                "lr": 6e-3,
                "lr_decay_at": 0.8,
                "weight_decay": 1e-4,
                "warmup_epochs": 3,
                "evals_per_epoch": 3,
                "min_word_count": 1,
                "sibling_mask": True,
                "select_at": "evaluation",
            },
            "3017c5bedf641fcf",
        ),
    ],
    ids=["vse-infinity", "quick, as it once was"],
)
def test_keys_that_a_protocol_gained_since_are_no_part_of_old_ids(
    changes: dict[str, Any], run_id: str
):
    assert make_spec(protocol=Protocol(**changes)).run_id == run_id


@pytest.mark.parametrize(
    "change",
    [
        {"last_batch": "keep"},
        {"eval_every_steps": 100},
        {"select_by": "r1+r5"},
        {"tune_images": 20},
    ],
    ids=str,
)
def test_a_key_that_was_gained_is_part_of_new_ids(change: dict[str, Any]):
    assert make_spec(protocol=Protocol(**change)).run_id != make_spec(protocol=Protocol()).run_id


def test_a_changed_copy_has_an_id_of_its_own():
    spec = make_spec()
    first = spec.run_id
    assert spec.model_copy(update={"seed": 7}).run_id == make_spec(seed=7).run_id != first
    assert spec.model_copy().run_id == spec.run_id == first
    assert spec.model_copy(update={"seed": 7}).model_dump() == make_spec(seed=7).model_dump()
    assert spec == make_spec()
    assert "run_id" not in spec.model_dump()
