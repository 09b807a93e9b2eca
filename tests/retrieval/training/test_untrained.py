"""`epochs=0`: the model as it is made, evaluated as a row."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from tests.tiny_models import write_clip
from tests.tiny_vision import write_image_set
from vsebench.grid.plan import plan
from vsebench.grid.suite import make_suite
from vsebench.plugin import PluginError, SpecError
from vsebench.plugin.host.loader import load_plugins
from vsebench.report.results import load_results
from vsebench.report.rows.runs import read_runs
from vsebench.report.rows.sections import split
from vsebench.report.speed.speedup import speed_table
from vsebench.results.folder.store import Store
from vsebench.retrieval import evaluate
from vsebench.retrieval.encode import encode_images, encode_texts
from vsebench.retrieval.inputs.run_inputs import open_inputs
from vsebench.retrieval.model import build
from vsebench.retrieval.training import train as module
from vsebench.retrieval.training.optimisation import Optimisation
from vsebench.retrieval.training.schedule import Schedule
from vsebench.retrieval.training.train import train

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from vsebench.results.spec import RunSpec

    Plan = Callable[..., tuple[RunSpec, ...]]

CPU = torch.device("cpu")


def test_the_model_is_evaluated_as_it_is_made(plan_runs: Plan, tmp_path: Path) -> None:
    (spec,) = plan_runs(set={"epochs": 0}, pooling="gpo")
    directory = Store(tmp_path).directory_for(spec)
    directory.write_spec(spec)
    record = train(spec, directory, lambda event: None)
    registry = load_plugins().registry
    inputs = open_inputs(spec, registry, CPU)
    model = build(spec, registry, in_dim=inputs.in_dim, vocabulary_size=len(inputs.tokeniser))
    for part, found in ((inputs.test, record.test), (inputs.dev, record.best_dev)):
        expected = evaluate(
            encode_images(model, part.images),
            encode_texts(model, part.texts, CPU),
            part.text_to_image,
        )
        assert expected.as_dict() == found
    assert (record.steps, record.best_step, record.warmup_steps) == (0, 0, 0)
    assert record.cost is not None
    assert (record.cost.train_seconds, record.cost.samples_seen) == (0, 0)
    assert record.collapse is None
    (row,) = load_results(tmp_path).rows
    assert row["rsum"] == record.test["rsum"]
    assert row["no_evidence"] == []
    (section,) = split(read_runs(tmp_path).ended)
    with pytest.raises(SpecError, match="have epochs=0: nothing was trained"):
        speed_table(section)
    assert "epochs" in load_results(tmp_path).page()


def test_pretrained_encoders_with_their_own_heads_are_evaluated_as_they_are(
    tmp_path: Path,
) -> None:
    write_image_set(tmp_path / "precomp", (8, 6, 6))
    model = quote(str(write_clip(tmp_path / "clip")), safe="")
    suite = {
        "dataset": "precomp:images=images",
        "data_root": str(tmp_path),
        "protocol": "clip-vse",
        "pooling": "first/last",
        "loss": "triplet",
        "device": "cpu",
        "epochs": 0,
        "set": {
            "embed_dim": 8,
            "image_encoder": f"backbone:model={model}:cls=true:frozen_epochs=0:head=own",
            "text_encoder": f"bert:model={model}:head=own",
        },
    }
    (spec,) = plan(make_suite(suite)).runs
    directory = Store(tmp_path / "runs").directory_for(spec)
    directory.write_spec(spec)
    record = train(spec, directory, lambda event: None)
    kept = load_file(directory.best_path)
    pretrained = load_file(tmp_path / "clip" / "model.safetensors")
    for half, name in (("image", "visual_projection"), ("text", "text_projection")):
        assert torch.equal(kept[f"{half}.encoder.fc.weight"], pretrained[f"{name}.weight"])
    assert (record.steps, len(directory.read_curve())) == (0, 1)


def test_a_pooling_without_a_gradient_can_be_evaluated_but_not_trained(
    plan_runs: Plan, tmp_path: Path
) -> None:
    plugin = tmp_path / "detached.py"
    plugin.write_text(
        "from torch import nn\n"
        "from vsebench.plugin import Card, hookimpl\n"
        "class Detached(nn.Module):\n"
        "    def forward(self, features, lengths): return features[:, 0].detach()\n"
        "@hookimpl\n"
        "def vsebench_register_poolings(register):\n"
        "    register('detached', f'{__name__}:Detached', card=Card('the first, as numbers'))\n",
        encoding="utf-8",
    )
    for epochs in (0, 1):
        (spec,) = plan_runs(pooling="detached", plugin=[str(plugin)], set={"epochs": epochs})
        directory = Store(tmp_path / "out").directory_for(spec)
        directory.write_spec(spec)
        if epochs:
            with pytest.raises(PluginError, match=r"no gradient .* from pooling 'detached': it"):
                train(spec, directory, lambda event: None)
        else:
            assert train(spec, directory, lambda event: None).status == "done"


def test_a_run_in_which_nothing_trains_is_told_to_have_no_epochs(plan_runs: Plan) -> None:
    (spec,) = plan_runs(set={"epochs": 1})
    model = build(spec, load_plugins().registry, in_dim=4, vocabulary_size=5)
    for tower in (model.image, model.text):
        tower.encoder = nn.Identity()
    with pytest.raises(SpecError, match=r"no parameter .* trains: --epochs 0"):
        Optimisation(model, None, Schedule(spec.protocol, 100))
    untrained = spec.protocol.model_copy(update={"epochs": 0})
    assert Optimisation(model, None, Schedule(untrained, 100)).groups == []


def test_a_killed_evaluation_leaves_one_point_of_the_curve(
    plan_runs: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (spec,) = plan_runs(set={"epochs": 0})
    directory = Store(tmp_path).directory_for(spec)
    directory.write_spec(spec)

    def kill(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(module, "_finish", kill)
        with pytest.raises(KeyboardInterrupt):
            train(spec, directory, lambda event: None)
    assert len(directory.read_curve()) == 1
    train(spec, directory, lambda event: None)
    assert [evaluation.step for evaluation in directory.read_curve()] == [0]


def test_a_run_that_trains_keeps_its_id(plan_runs: Plan) -> None:
    ids = {plan_runs(set={"epochs": epochs})[0].run_id for epochs in (0, 1, 25)}
    assert len(ids) == 3


def test_label_rankings_have_nothing_to_evaluate_untrained() -> None:
    with pytest.raises(SpecError, match="epochs"):
        plan(make_suite({"dataset": "tags:images=60", "epochs": 0}))
