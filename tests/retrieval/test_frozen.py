"""Features of frozen encoders that are kept, against what the encoders give each item alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from tests.tiny_models import write_bert
from tests.tiny_vision import write_image_set, write_vision
from vsebench.plugin import DataError, Key, ParameterGroup, SpecError
from vsebench.plugin.host.loader import load_plugins
from vsebench.results.folder.store import Store
from vsebench.retrieval import frozen
from vsebench.retrieval.encoders.backbone import BackboneEncoder
from vsebench.retrieval.encoders.bert import BertEncoder
from vsebench.retrieval.frozen import Head, Keeper, untrained
from vsebench.retrieval.inputs.augment import keep_words
from vsebench.retrieval.inputs.batches import StateBatches
from vsebench.retrieval.inputs.padded import Padded, join
from vsebench.retrieval.inputs.run_inputs import open_inputs
from vsebench.retrieval.inputs.splits import CaptionStates, ImageFeatures
from vsebench.retrieval.stored import embed_test, open_stored
from vsebench.retrieval.training.train import train

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from vsebench.results.folder.directory import RunDirectory
    from vsebench.results.record import RunRecord
    from vsebench.results.spec import RunSpec
    from vsebench.retrieval.inputs.run_inputs import Inputs

    Plan = Callable[..., tuple[RunSpec, ...]]

CPU = torch.device("cpu")
HALF = {"rtol": 2e-3, "atol": 2e-3}
"""Rounding to float16 of states of size 1, and of products of them."""


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Raw images with captions, a vision model and a text model that spells most of its words."""
    root = tmp_path_factory.mktemp("world")
    write_image_set(root / "precomp", (24, 10, 10))
    write_vision(root / "resnet", "resnet")
    write_bert(root / "bert", ("thing", "red", "left"), hidden=32)
    return root


@pytest.fixture
def plan_both(world: Path, plan_runs: Plan) -> Plan:
    """Plans runs of raw images and captions with two frozen encoders."""
    models = {name: quote(str(world / name), safe="") for name in ("resnet", "bert")}

    def plan_suite(**values: Any) -> tuple[RunSpec, ...]:
        protocol = {
            "embed_dim": 8,
            "batch_size": 20,
            "epochs": 2,
            "image_encoder": f"backbone:model={models['resnet']}:size=32:frozen=true",
            "text_encoder": f"bert:model={models['bert']}:frozen=true",
            "image_crop": 1,
            "image_flip": 0,
            "drop_regions": 0,
            "frozen_features": "kept",
            **values.pop("set", {}),
        }
        defaults = {"dataset": "precomp:images=images", "data_root": str(world)}
        return plan_runs(**{**defaults, **values, "set": protocol})

    return plan_suite


def run(
    spec: RunSpec, out: Path, report: Callable[[dict[str, object]], None] = lambda event: None
) -> tuple[RunRecord, RunDirectory]:
    directory = Store(out).directory_for(spec)
    directory.write_spec(spec)
    return train(spec, directory, report), directory


def opened(
    spec: RunSpec, report: Callable[[dict[str, object]], None] = lambda event: None
) -> tuple[Inputs, Inputs, dict[str, frozen.Frozen]]:
    """What the encoders read, what is kept, and the encoders."""
    registry = load_plugins().registry
    raw = open_inputs(spec, registry, CPU)
    _, taken = untrained(spec, registry, raw)
    return raw, Keeper(taken, spec, CPU, report).inputs(raw), taken


def alone(encoder: BertEncoder, inputs: Inputs, split: str, caption: int) -> torch.Tensor:
    """The states of one caption, in a batch of its own, in single precision."""
    tokens, lengths = getattr(inputs, split).texts.gather(np.array([caption]))
    with torch.no_grad():
        return encoder.eval().features(torch.from_numpy(tokens), torch.from_numpy(lengths))[0]


@pytest.mark.parametrize("block", [7, 2048])
def test_kept_states_are_those_of_each_caption_alone_in_batches_in_any_order(
    plan_both: Plan, monkeypatch: pytest.MonkeyPatch, block: int
) -> None:
    monkeypatch.setattr(frozen, "_CAPTIONS", block)
    monkeypatch.setattr(frozen, "_TOGETHER", 3)
    (spec,) = plan_both()
    raw, kept, taken = opened(spec)
    encoder = taken["text"].encoder
    assert isinstance(encoder, BertEncoder)
    for split in ("train", "dev", "test"):
        table = getattr(kept, split).texts
        assert isinstance(table, CaptionStates)
        assert len(set(table.lengths.tolist())) > 3
        order = Key(1).generator().permutation(len(table))
        for captions in np.split(order, range(11, len(order), 11)):
            values, lengths, _ = table.batch(captions, CPU)
            assert values.dtype == torch.float32
            assert values.shape[1] == int(lengths.max())
            for row, caption in enumerate(captions.tolist()):
                states = alone(encoder, raw, split, caption)
                assert len(states) == lengths[row]
                torch.testing.assert_close(values[row, : lengths[row]], states, **HALF)


def test_dropped_words_take_all_their_pieces_and_nothing_else(plan_both: Plan) -> None:
    (spec,) = plan_both()
    raw, kept, taken = opened(spec)
    encoder = taken["text"].encoder
    assert isinstance(encoder, BertEncoder)
    table = kept.train.texts
    assert isinstance(table, CaptionStates)
    captions, rate = np.arange(60), 0.4
    values, lengths, _ = StateBatches(table, rate).batch(captions, Key(2).generator())
    words = table.words(captions)
    assert words is not None
    draws = Key(2).generator().random((60, int(words.max()) + 1), dtype=np.float32)
    dropped = pieces = 0
    for row, caption in enumerate(captions.tolist()):
        states = alone(encoder, raw, "train", caption)
        stay = [
            position
            for position in range(len(states))
            if words[row, position] < 0 or draws[row, words[row, position]] >= rate
        ]
        assert stay[0] == 0  # [CLS]
        assert stay[-1] == len(states) - 1  # [SEP]
        assert lengths[row] == len(stay)
        torch.testing.assert_close(values[row, : len(stay)], states[stay], **HALF)
        dropped += len(states) - len(stay)
        pieces += int((words[row] >= 0).sum())
    assert 0.3 < dropped / pieces < 0.5


def test_without_dropping_a_batch_is_the_whole_captions(plan_both: Plan) -> None:
    (spec,) = plan_both()
    _, kept, _ = opened(spec)
    table = kept.train.texts
    assert isinstance(table, CaptionStates)
    captions = np.array([5, 3, 3, 70])
    one = StateBatches(table, 0.0).batch(captions, Key(2).generator())
    other = table.batch(captions, CPU)
    assert torch.equal(one.lengths, other.lengths)
    for row, length in enumerate(one.lengths.tolist()):
        assert torch.equal(one.values[row, :length], other.values[row, :length])


def test_static_batches_of_states_have_the_same_valid_rows(plan_both: Plan) -> None:
    (spec,) = plan_both()
    _, kept, _ = opened(spec)
    table = kept.train.texts
    assert isinstance(table, CaptionStates)
    plain, static = (
        StateBatches(table, 0.4, static).batch(np.arange(30), Key(2).generator())
        for static in (False, True)
    )
    longest = int(table.lengths.max())
    assert static.values.shape[1] in {*range(8, longest, 8), longest}
    assert torch.equal(plain.lengths, static.lengths)
    assert torch.equal(plain.values, static.values[:, : plain.values.shape[1]])


def test_a_caption_of_plain_words_never_loses_all_of_them() -> None:
    lengths = np.array([1, 4, 2, 7])
    for seed in range(20):
        keep = keep_words(lengths, None, 0.95, Key(seed).generator())
        assert keep.any(1).all()
        assert not (keep & (np.arange(7) >= lengths[:, None])).any()


def test_joined_batches_of_states_keep_their_rows() -> None:
    short, long = torch.rand(2, 3, 4), torch.rand(2, 5, 4)
    joined = join([Padded(short, torch.tensor([3, 1])), Padded(long, torch.tensor([5, 2]))])
    assert joined.values.shape == (4, 5, 4)
    assert torch.equal(joined.values[:2, :3], short)
    assert torch.equal(joined.values[2:], long)
    assert joined.lengths.tolist() == [3, 1, 5, 2]


def test_kept_features_of_images_are_those_of_each_image_alone(
    plan_both: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(frozen, "_IMAGES", 7)
    (spec,) = plan_both()
    raw, kept, taken = opened(spec)
    encoder = taken["image"].encoder
    assert isinstance(encoder, BackboneEncoder)
    assert kept.feature_kind == "grid"
    for split in ("train", "dev", "test"):
        images, table = getattr(raw, split).images, getattr(kept, split).images
        assert isinstance(table, ImageFeatures)
        assert len(table) == len(images)
        for image in range(len(images)):
            pixels = images.to_device(images.loader(32).batch(np.array([image])))
            with torch.no_grad():
                features = encoder.eval().features(pixels, torch.ones(1))[0]
            found = table.gather(np.array([image]), np.arange(len(features))[None])[0]
            torch.testing.assert_close(found, features, **HALF)


def rounded(features: Callable[..., torch.Tensor]) -> Callable[..., torch.Tensor]:
    return lambda *arguments: features(*arguments).half().float()


@pytest.mark.parametrize("side", ["both", "text", "image"])
def test_a_run_on_kept_features_is_the_run_on_live_ones_rounded(
    plan_both: Plan, world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, side: str
) -> None:
    """The same initial heads, batches and losses, but for the last bits of a batch's products."""
    waiting = f"backbone:model={quote(str(world / 'resnet'), safe='')}:size=32:frozen_epochs=9"
    settings = {
        "both": {},
        "text": {"image_encoder": waiting},
        "image": {"text_encoder": "bigru"},
    }[side]
    (kept,) = plan_both(set=settings)
    (live,) = plan_both(set={**settings, "frozen_features": "live"})
    assert kept.run_id != live.run_id
    record, directory = run(kept, tmp_path / "kept")
    if side in ("both", "text"):
        monkeypatch.setattr(BertEncoder, "features", rounded(BertEncoder.features))
    if side in ("both", "image"):
        monkeypatch.setattr(BackboneEncoder, "features", rounded(BackboneEncoder.features))
    other, plain = run(live, tmp_path / "live")
    found, expected = directory.read_curve(), plain.read_curve()
    assert [e.step for e in found] == [e.step for e in expected]
    assert [e.loss for e in found] == pytest.approx([e.loss for e in expected], rel=1e-3)
    assert record.cost is not None
    assert other.cost is not None
    assert record.cost.parameters == other.cost.parameters
    kept_backbones = {
        name.split(".")[0] for name in load_file(directory.best_path) if "backbone" in name
    }
    assert kept_backbones == ({"image"} if side == "text" else set())


def test_what_one_run_has_computed_no_other_computes_again(
    plan_both: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = plan_both(seeds="0,1", set={"augment_words": 0.3})
    events: list[dict[str, object]] = []
    run(first, tmp_path, events.append)
    computed = [event for event in events if event["event"] == "computing"]
    assert {(e["what"], e["done"]) for e in computed if e["done"] == e["total"]} == {
        (f"{side} features of {split}", count)
        for side, counts in (("image", (24, 10, 10)), ("text", (120, 50, 50)))
        for split, count in zip(("train", "dev", "test"), counts, strict=True)
    }
    monkeypatch.setattr(BertEncoder, "features", None)
    monkeypatch.setattr(BackboneEncoder, "features", None)
    record, _ = run(second, tmp_path)
    assert record.status == "done"


def test_another_model_or_other_captions_are_computed_anew(
    plan_both: Plan, world: Path, tmp_path: Path
) -> None:
    def tables() -> set[str]:
        return {path.name for path in (tmp_path / "cache" / "frozen-features").iterdir()}

    (spec,) = plan_both()
    opened(spec)
    before = tables()
    assert len(before) == 6
    for table in (tmp_path / "cache" / "frozen-features").iterdir():
        assert {path.name for path in table.iterdir()} == {"values.npy", "about.json"}
    opened(spec)
    assert tables() == before
    write_bert(tmp_path / "other", ("thing", "red", "left"), hidden=32, seed=1)
    (spec,) = plan_both(
        set={"text_encoder": f"bert:model={quote(str(tmp_path / 'other'), safe='')}:frozen=true"}
    )
    opened(spec)
    assert len(tables()) == 9
    (spec,) = plan_both(
        set={
            "text_encoder": f"bert:model={quote(str(world / 'bert'), safe='')}"
            ":frozen=true:lr_factor=0.5"
        }
    )
    opened(spec)
    assert len(tables()) == 9
    (spec,) = plan_both(set={"threads": 2})
    opened(spec)
    assert len(tables()) == 15


def test_a_killed_run_goes_on_to_the_same_record(plan_both: Plan, tmp_path: Path) -> None:
    (spec,) = plan_both(set={"augment_words": 0.3, "drop_regions": 0.3, "evals_per_epoch": 2})
    whole, whole_directory = run(spec, tmp_path / "whole")

    def kill(event: dict[str, object]) -> None:
        if event["event"] == "evaluated" and event["step"] == 9:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(spec, tmp_path / "killed", kill)
    resumed, directory = run(spec, tmp_path / "killed")
    assert resumed.test == whole.test
    assert [(e.step, e.loss) for e in directory.read_curve()] == [
        (e.step, e.loss) for e in whole_directory.read_curve()
    ]


def test_a_second_round_and_a_stored_model_work_on_kept_features(
    plan_both: Plan, tmp_path: Path
) -> None:
    first, second = plan_both(loss="aoq:h=20")
    run(first, tmp_path)
    record, directory = run(second, tmp_path)
    assert record.cost is not None
    assert record.cost.mining_seconds > 0
    stored = open_stored(directory)
    assert embed_test(stored, [], CPU).mismatch is None


def test_a_state_that_half_precision_cannot_hold_is_named(
    plan_both: Plan, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (spec,) = plan_both()
    features = BertEncoder.features

    def large(self: BertEncoder, tokens: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        states = features(self, tokens, lengths)
        states[lengths == lengths.max(), 0] *= 1e6
        return states

    monkeypatch.setattr(BertEncoder, "features", large)
    with pytest.raises(DataError, match=r"gives caption \d+ a feature of .*float16 cannot hold"):
        opened(spec)
    names = [path.name for path in (tmp_path / "cache").rglob("*") if path.is_file()]
    assert names.count("about.json") == names.count("values.npy") == 3  # of the images


def test_a_head_trains_at_the_pace_of_its_encoder(world: Path) -> None:
    encoder = BertEncoder(8, str(world / "bert"), frozen=True, lr_factor=0.3)
    head = Head(encoder)
    assert head.parameter_groups() == []
    encoder.parameter_groups = lambda: [  # type: ignore[method-assign]
        ParameterGroup([*encoder.backbone.parameters(), encoder.fc.weight], 0.3, 2),
        ParameterGroup([encoder.fc.bias], 0.5),
    ]
    weight, bias = Head(encoder).parameter_groups()
    assert (weight.lr_factor, weight.frozen_epochs) == (0.3, 2)
    assert [id(p) for p in weight.parameters] == [id(encoder.fc.weight)]
    assert [id(p) for p in bias.parameters] == [id(encoder.fc.bias)]


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"text_encoder": "bigru", "image_encoder": "{live}"}, "neither .* is a frozen encoder"),
        ({"image_crop": 0.6}, "--set image_crop=1 --set image_flip=0"),
        ({"image_flip": 0.5}, "--set image_crop=1 --set image_flip=0"),
    ],
)
def test_what_cannot_be_kept_is_refused_before_anything_runs(
    plan_both: Plan, world: Path, settings: dict[str, Any], said: str
) -> None:
    live = f"backbone:model={quote(str(world / 'resnet'), safe='')}:size=32"
    if settings.get("image_encoder") == "{live}":
        settings = {**settings, "image_encoder": live}
    with pytest.raises(SpecError, match=said):
        plan_both(set=settings)


def test_images_that_train_may_be_cropped_while_texts_are_kept(
    plan_both: Plan, world: Path
) -> None:
    live = f"backbone:model={quote(str(world / 'resnet'), safe='')}:size=32"
    (spec,) = plan_both(set={"image_encoder": live, "image_crop": 0.6, "image_flip": 0.5})
    assert spec.protocol.frozen_features == "kept"
