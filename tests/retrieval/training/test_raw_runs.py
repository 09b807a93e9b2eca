"""Whole runs from raw images: what trains and what does not, that threads and kills change nothing,
and who takes raw images.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest
import torch
from safetensors.torch import load_file

from tests.data.files import write_precomp
from tests.tiny_vision import write_image_set, write_vision
from vsebench.grid.plan import plan
from vsebench.grid.suite import make_suite
from vsebench.plugin import Key, SpecError
from vsebench.results.folder.store import Store
from vsebench.retrieval.encoders.vision import VisionModel
from vsebench.retrieval.inputs import batches, run_inputs
from vsebench.retrieval.inputs.augment import draw_crops
from vsebench.retrieval.model import Tower
from vsebench.retrieval.training.train import train

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from vsebench.data.images.decode import Crop
    from vsebench.results.folder.directory import RunDirectory
    from vsebench.results.record import RunRecord
    from vsebench.results.spec import RunSpec
    from vsebench.retrieval.inputs.padded import Kept
    from vsebench.retrieval.model import Encoded

    Plan = Callable[..., tuple[RunSpec, ...]]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the set `precomp` and the models `resnet`, `vit` and `mobilenet_v2`."""
    root = tmp_path_factory.mktemp("world")
    write_image_set(root / "precomp", (24, 10, 10))
    for kind in ("resnet", "vit", "mobilenet_v2"):
        write_vision(root / kind, kind)
    return root


@pytest.fixture
def plan_raw(world: Path) -> Plan:
    """Plans runs from raw images; `encoder` is what follows the model in the encoder's spec."""

    def plan_suite(
        model: str = "resnet", encoder: str = "", **values: object
    ) -> tuple[RunSpec, ...]:
        spec = f"backbone:model={quote(str(world / model), safe='')}:size=32:lr_factor=1{encoder}"
        protocol = {
            "embed_dim": 8,
            "word_dim": 6,
            "batch_size": 20,
            "epochs": 2,
            "lr": 0.01,
            "warmup_epochs": 1,
            "evals_per_epoch": 2,
            "image_encoder": spec,
        }
        defaults = {
            "dataset": "precomp:images=images",
            "data_root": str(world),
            "pooling": "mean",
            "loss": "triplet",
            "protocol": "quick",
            "device": "cpu",
        }
        return plan(
            make_suite({**defaults, **values, "set": {**protocol, **values.pop("set", {})}})
        ).runs  # type: ignore[dict-item]

    return plan_suite


def run(
    spec: RunSpec, out: Path, report: Callable[[dict[str, object]], None] = lambda event: None
) -> tuple[RunRecord, RunDirectory]:
    directory = Store(out).directory_for(spec)
    directory.write_spec(spec)
    return train(spec, directory, report), directory


def moved(directory: RunDirectory, world: Path, model: str = "resnet") -> set[str]:
    """Names of the pretrained model's parameters and statistics that differ from its file in the
    last bit or more.
    """
    prefix = "image.encoder.backbone.net."
    after = {
        name.removeprefix(prefix): value
        for name, value in load_file(directory.best_path).items()
        if name.startswith(prefix)
    }
    before = VisionModel(str(world / model), 32).net.state_dict()
    assert after.keys() == before.keys()
    return {name for name, value in after.items() if not torch.equal(value, before[name])}


def parameters(names: set[str]) -> set[str]:
    return {name for name in names if "running" not in name and "num_batches" not in name}


@pytest.mark.parametrize("model", ["resnet", "vit", "mobilenet_v2"])
def test_a_frozen_model_does_not_move_by_a_bit(
    plan_raw: Plan, world: Path, tmp_path: Path, model: str
) -> None:
    (spec,) = plan_raw(model, ":frozen=true", set={"epochs": 1})
    record, directory = run(spec, tmp_path)
    assert record.status == "done"
    assert moved(directory, world, model) == set()


def test_a_model_is_frozen_for_its_first_epochs(
    plan_raw: Plan, world: Path, tmp_path: Path
) -> None:
    # the best model is the last one, whatever it scores
    for epochs, expected in ((1, False), (2, True)):
        (spec,) = plan_raw(set={"epochs": epochs, "select_at": "last"})
        _, directory = run(spec, tmp_path)
        found = moved(directory, world)
        assert bool(found) == expected
        assert parameters(found) == found  # statistics of batch normalisation never move
    assert any(name.startswith("embedder") for name in found)
    assert any(name.startswith("encoder.stages.2") for name in found)


@pytest.mark.parametrize(
    ("model", "blocks", "trained"),
    [
        ("resnet", 1, ("encoder.stages.2",)),
        ("vit", 1, ("layers.2", "encoder.layer.2", "layernorm")),
        ("mobilenet_v2", 2, ("layer.14", "layer.15", "conv_1x1")),
    ],
)
def test_only_the_last_blocks_move(
    plan_raw: Plan, world: Path, tmp_path: Path, model: str, blocks: int, trained: tuple[str, ...]
) -> None:
    (spec,) = plan_raw(
        model, f":last_blocks={blocks}:frozen_epochs=0", set={"epochs": 1, "select_at": "last"}
    )
    _, directory = run(spec, tmp_path)
    found = moved(directory, world, model)
    assert found
    assert all(name.startswith(trained) for name in found)
    assert parameters(found) == found


def _curve(directory: RunDirectory) -> list[tuple[int, float, dict[str, float]]]:
    return [(e.step, e.loss, e.metrics) for e in directory.read_curve()]


def test_decoding_threads_change_nothing(
    plan_raw: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (spec,) = plan_raw()
    _, one = run(spec, tmp_path / "one")
    monkeypatch.setattr(run_inputs, "decoding_threads", lambda *_: 5)
    _, five = run(spec, tmp_path / "five")
    assert _curve(one) == _curve(five)


@pytest.mark.parametrize(("model", "batch"), [("resnet", 20), ("vit", 20), ("resnet", 25)])
def test_a_killed_run_goes_on_to_the_same_record(
    plan_raw: Plan, tmp_path: Path, model: str, batch: int
) -> None:
    """Of 120 captions, so that of batches of 25 the last has 20 pairs."""
    (spec,) = plan_raw(
        model,
        ":recompute=true",
        set={"epochs": 3, "batch_size": batch, "last_batch": "keep", "evals_per_epoch": 3},
    )
    whole, whole_directory = run(spec, tmp_path / "whole")
    steps = whole.steps_per_epoch
    assert steps == -(-120 // batch)

    def kill(event: dict[str, object]) -> None:
        if event["event"] == "evaluated" and event["step"] > 2 * steps:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(spec, tmp_path / "killed", kill)
    resumed, directory = run(spec, tmp_path / "killed")
    assert resumed.provenance is not None
    assert resumed.provenance.restarts == 1
    assert resumed.test == whole.test
    assert _curve(directory) == _curve(whole_directory)
    best, whole_best = load_file(directory.best_path), load_file(whole_directory.best_path)
    assert all(torch.equal(best[name], whole_best[name]) for name in whole_best)


def test_offline_negatives_are_raw_images_too(plan_raw: Plan, tmp_path: Path) -> None:
    first, second = plan_raw(loss="aoq:h=20", set={"epochs": 2})
    run(first, tmp_path)
    record, directory = run(second, tmp_path)
    assert record.cost is not None
    assert record.cost.tower_forwards == 6 * 40 + 6 * 3 * 40
    assert "active_offline" in directory.read_curve()[-1].diagnostics


@pytest.mark.parametrize(("last_batch", "pairs"), [("drop", 100), ("keep", 120)])
def test_crops_and_drops_are_drawn_anew_in_each_epoch_and_in_training_only(
    plan_raw: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, last_batch: str, pairs: int
) -> None:
    """methods P13: published code drops patches at evaluation, and not in training."""
    crops: list[Crop] = []
    dropped: set[tuple[bool, bool]] = set()

    def draw(*arguments: Any) -> list[Crop]:
        drawn = draw_crops(*arguments)
        crops.extend(drawn)
        return drawn

    def forward(
        self: Tower, values: torch.Tensor, lengths: torch.Tensor, kept: Kept | None = None
    ) -> Encoded:
        if values.dtype == torch.uint8:  # pixels
            dropped.add((self.training, kept is not None))
        return embed(self, values, lengths, kept)

    embed = Tower.forward
    monkeypatch.setattr(batches, "draw_crops", draw)
    monkeypatch.setattr(Tower, "forward", forward)
    settings = {"image_crop": 0.7, "image_flip": 0.3, "batch_size": 25, "last_batch": last_batch}
    (spec,) = plan_raw(seeds=[3], set=settings)
    run(spec, tmp_path)
    expected = [
        draw_crops((Key(3) / "crops" / epoch).generator(), pairs, 0.7, 0.3) for epoch in range(2)
    ]
    assert crops == expected[0] + expected[1]
    assert expected[0] != expected[1]
    assert dropped == {(True, True), (False, False)}


def test_what_is_seen_is_learned(plan_raw: Plan, tmp_path: Path) -> None:
    (spec,) = plan_raw(
        encoder=":frozen_epochs=0",
        loss="sum-hinge",
        set={"epochs": 5, "image_crop": 1, "image_flip": 0, "lr": 0.01},
    )
    record, directory = run(spec, tmp_path)
    losses = [e.loss for e in directory.read_curve()]
    assert record.status == "done"
    assert losses[0] < 2 * 20 * 19 * 0.2  # what a collapsed model pays
    assert min(losses[-3:]) < 0.5 * losses[0]


def test_encoders_take_what_they_are_made_for(plan_raw: Plan, world: Path, tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"'precomp:images=images' .*'region' .*--set"):
        plan_raw(set={"image_encoder": "region"})
    write_precomp(tmp_path / "precomp")
    with pytest.raises(
        SpecError,
        match=r"raw images, .*'precomp' has features: .*precomp:images=PATH",
    ):
        plan_raw(dataset="precomp", data_root=str(tmp_path))


def test_another_content_of_the_model_is_another_run(plan_raw: Plan, world: Path) -> None:
    (before,) = plan_raw("resnet")
    write_vision(world / "resnet", "resnet", seed=1)
    (after,) = plan_raw("resnet")
    write_vision(world / "resnet", "resnet")
    (back,) = plan_raw("resnet")
    assert before.run_id == back.run_id != after.run_id


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("model", ["resnet", "vit"])
def test_cuda_trains_on_the_same_images(plan_raw: Plan, tmp_path: Path, model: str) -> None:
    (cpu,) = plan_raw(model, set={"epochs": 1, "precision": "fp32"})
    (cuda,) = plan_raw(model, set={"epochs": 1, "precision": "fp32"}, device="cuda")
    _, one = run(cpu, tmp_path)
    _, other = run(cuda, tmp_path)
    first, second = one.read_curve()[0], other.read_curve()[0]
    assert second.loss == pytest.approx(first.loss, rel=0.02)
