"""The identity of a run: what the run id hashes and what it does not."""

from __future__ import annotations

import hashlib
import json

from tests.factories import make_spec
from vsebench.results.protocol import Protocol
from vsebench.results.spec import ComponentRef


def test_the_defaults_of_a_protocol_never_change():
    """A run id leaves them out: a changed default would give old runs a new meaning. A key may be added; then this digest is made anew."""
    keys = "name embed_dim word_dim image_encoder text_encoder batch_plan batch_size epochs lr lr_decay lr_decay_at weight_decay clip_norm".split()
    keys += "warmup_epochs warmup_loss drop_regions augment_words min_word_count sibling_mask evals_per_epoch select_at precision threads".split()
    keys += "optimiser lr_schedule lr_warmup_epochs decay_on unfreeze augment_ends image_crop image_flip".split()
    assert sorted(keys) == sorted(Protocol.model_fields)
    defaults = {key: Protocol().model_dump()[key] for key in keys}
    digest = hashlib.sha256(json.dumps(defaults, sort_keys=True).encode()).hexdigest()[:16]
    assert digest == "0d9d8889e6989e01"


def test_a_parameter_at_its_default_leaves_the_identity_alone():
    before = ComponentRef(spec="aoq", name="aoq", params={"h": 300})
    after = ComponentRef(spec="aoq", name="aoq", params={"h": 300, "terms": "full"})
    assert before.identity() == after.identity()
    assert before.identity() != ComponentRef(spec="aoq:terms=offtri", name="aoq", params={"h": 300, "terms": "offtri"}).identity()


def test_the_order_of_parameters_is_no_part_of_the_identity():
    a = ComponentRef(spec="acme::kmax:k=3:text=5", name="acme::kmax", distribution="acme")
    b = ComponentRef(spec="kmax:text=5:k=3", name="kmax", distribution="acme")
    assert a.identity() == b.identity()


def test_a_protocol_key_at_its_default_leaves_the_run_id_alone():
    spec = make_spec()
    same = spec.model_copy(update={"protocol": spec.protocol.model_copy(update={"name": "another preset"})})
    other = spec.model_copy(update={"protocol": spec.protocol.model_copy(update={"epochs": spec.protocol.epochs + 1})})
    assert same.run_id == spec.run_id != other.run_id
    hashed = spec.identity()["protocol"]
    assert all(hashed[key] != getattr(Protocol(), key) for key in hashed)
