"""Whole runs with pretrained text encoders, and with encoders whose parts wait for their epoch."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import torch
from safetensors.torch import load_file

from tests.retrieval.conftest import THINGS, WORDS
from tests.tiny_models import write_bert, write_roberta
from vsebench.plugin import SpecError
from vsebench.results.folder.store import Store
from vsebench.retrieval.training.train import train

if TYPE_CHECKING:
    from collections.abc import Callable

    from vsebench.results.folder.directory import RunDirectory
    from vsebench.results.record import RunRecord
    from vsebench.results.spec import RunSpec

    Plan = Callable[..., tuple[RunSpec, ...]]


@pytest.fixture(scope="session")
def bert_of_the_captions(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(write_bert(tmp_path_factory.mktemp("models") / "bert", (*WORDS, *THINGS), hidden=32))


def run(
    spec: RunSpec, out: Path, report: Callable[[dict[str, object]], None] = lambda event: None
) -> tuple[RunRecord, RunDirectory]:
    directory = Store(out).directory_for(spec)
    directory.write_spec(spec)
    return train(spec, directory, report), directory


def backbone(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    prefix = "text.encoder.backbone."
    return {
        name.removeprefix(prefix): value for name, value in state.items() if name.startswith(prefix)
    }


def test_a_fine_tuned_bert_learns_and_a_frozen_one_does_not_move(
    plan_runs: Plan, bert_of_the_captions: str, tmp_path: Path
) -> None:
    given = load_file(Path(bert_of_the_captions) / "model.safetensors")
    for frozen in ("false", "true"):
        (spec,) = plan_runs(
            set={
                "text_encoder": f"bert:model={bert_of_the_captions}:frozen={frozen}:lr_factor=1",
                "augment_words": 0.1,
            }
        )
        record, directory = run(spec, tmp_path)
        assert record.test["rsum"] > 120  # chance is about 60
        assert record.cost is not None
        state = backbone(load_file(directory.best_path))
        assert all(
            torch.equal(value, given[name]) == (frozen == "true")
            for name, value in state.items()
            if "LayerNorm.weight" in name
        )
        heads = 12 * 24 + 3 * 24  # of the two linear layers, at least
        size = sum(value.numel() for value in state.values())
        assert (
            record.cost.parameters < size
            if frozen == "true"
            else record.cost.parameters > size + heads
        )


def test_a_killed_run_with_dropout_goes_on_to_the_same_record(
    plan_runs: Plan, bert_of_the_captions: str, tmp_path: Path
) -> None:
    (spec,) = plan_runs(set={"text_encoder": f"bert:model={bert_of_the_captions}"})
    whole, whole_directory = run(spec, tmp_path / "whole")

    def kill_in_the_second_epoch(event: dict[str, object]) -> None:
        if event["event"] == "evaluated" and event["step"] == 27:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(spec, tmp_path / "killed", kill_in_the_second_epoch)
    torch.rand(7)  # another process has another state of torch's generator
    resumed, directory = run(spec, tmp_path / "killed")
    assert resumed.test == whole.test
    assert [(e.step, e.loss, e.metrics) for e in directory.read_curve()] == [
        (e.step, e.loss, e.metrics) for e in whole_directory.read_curve()
    ]


STAGED = '''
from torch import nn
from vsebench.plugin import Card, ParameterGroup, hookimpl


class Staged(nn.Module):
    """A body that waits for epoch 1, with batch statistics and dropout; a part that never trains;
    a head.
    """

    def __init__(self, in_dim, dim):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(in_dim, 8), nn.BatchNorm1d(4), nn.Dropout(0.3))
        self.never = nn.Linear(8, 8)
        self.head = nn.Linear(8, dim)

    def forward(self, features, lengths):
        return self.head(self.never(self.body(features)))

    def parameter_groups(self):
        return [
            ParameterGroup(list(self.body.parameters()), 0.1, 1),
            ParameterGroup(list(self.never.parameters()), frozen_epochs=float("inf")),
        ]


@hookimpl
def vsebench_register_encoders(register):
    register("staged", __name__ + ":Staged", side="image", card=Card("staged"))
'''


@pytest.mark.parametrize("unfreeze", ["lr", "loss"])
def test_a_body_waits_for_its_epoch_and_a_killed_run_goes_on_to_the_same_record(
    plan_runs: Plan, tmp_path: Path, unfreeze: str
) -> None:
    plugin = tmp_path / "staged.py"
    plugin.write_text(STAGED, encoding="utf-8")
    (spec,) = plan_runs(
        plugin=[str(plugin)],
        set={
            "image_encoder": "staged",
            "drop_regions": 0,
            "unfreeze": unfreeze,
            "evals_per_epoch": 2,
        },
    )
    seen: list[dict[str, torch.Tensor]] = []

    def look(
        directory: RunDirectory, killed_at: int | None = None
    ) -> Callable[[dict[str, object]], None]:
        def report(event: dict[str, object]) -> None:
            if event["event"] == "evaluated" and event["step"] == killed_at:
                raise KeyboardInterrupt
            if (
                event["event"] == "evaluated"
                and event["step"] > 18
                and directory.checkpoint_path.exists()
            ):  # type: ignore[operator]
                seen.append(torch.load(directory.checkpoint_path, weights_only=True)["model"])

        return report

    whole, directory = run(
        spec, tmp_path / "whole", look(Store(tmp_path / "whole").directory_for(spec))
    )
    after_epoch = [seen[0], seen[-1]]
    start = _initial(spec)
    for name, value in start.items():
        part = name.split(".")[2] if name.startswith("image.encoder") else ""
        if part in ("body", "never"):
            # Frozen in epoch 0, statistics too
            assert torch.equal(after_epoch[0][name], value), name
        if part == "body":
            assert not torch.equal(after_epoch[1][name], value), name
        if part == "never":
            assert torch.equal(after_epoch[1][name], value), name
    killed = Store(tmp_path / "killed").directory_for(spec)
    with pytest.raises(KeyboardInterrupt):
        run(spec, tmp_path / "killed", look(killed, killed_at=27))
    resumed, again = run(spec, tmp_path / "killed")
    assert resumed.test == whole.test
    assert [(e.step, e.loss) for e in again.read_curve()] == [
        (e.step, e.loss) for e in directory.read_curve()
    ]


def _initial(spec: RunSpec) -> dict[str, torch.Tensor]:
    from vsebench.plugin.host.loader import load_plugins
    from vsebench.retrieval.inputs.run_inputs import open_inputs
    from vsebench.retrieval.model import build

    registry = load_plugins(spec.environment.plugin_files).registry
    inputs = open_inputs(spec, registry, torch.device("cpu"))
    return build(
        spec, registry, in_dim=inputs.train.images.dim, vocabulary_size=len(inputs.tokeniser)
    ).state_dict()


def test_another_content_of_the_model_is_another_run(
    plan_runs: Plan, tiny_bert: str, tmp_path: Path
) -> None:
    folder = tmp_path / "model"
    shutil.copytree(tiny_bert, folder)

    def run_id() -> str:
        (spec,) = plan_runs(set={"text_encoder": f"bert:model={folder}"})
        return spec.run_id

    first = run_id()
    assert run_id() == first
    (folder / "README.md").write_text("of no matter")
    assert run_id() == first
    write_bert(folder, ("dog", "cat", "runs", "red", "the"), seed=1)
    assert run_id() != first


def test_a_model_that_is_not_there_is_refused_before_anything_runs(
    plan_runs: Plan, tmp_path: Path
) -> None:
    with pytest.raises(SpecError, match="there is no folder /nowhere"):
        plan_runs(set={"text_encoder": "bert:model=/nowhere"})


def test_words_without_a_mask_cannot_be_augmented(
    plan_runs: Plan, tiny_bert: str, tmp_path: Path
) -> None:
    from transformers import AutoTokenizer

    folder = tmp_path / "model"
    shutil.copytree(tiny_bert, folder)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.mask_token = None
    tokenizer.save_pretrained(folder)
    (spec,) = plan_runs(set={"text_encoder": f"bert:model={folder}", "augment_words": 0.2})
    with pytest.raises(SpecError, match=r"has no mask token.*--set augment_words=0"):
        run(spec, tmp_path)
    (spec,) = plan_runs(
        set={
            "text_encoder": f"bert:model={folder}:frozen=true",
            "frozen_features": "kept",
            "augment_words": 0.2,
            "epochs": 1,
        }
    )
    assert run(spec, tmp_path)[0].status == "done"  # words behind the encoder are only dropped
    (spec,) = plan_runs(
        set={"text_encoder": f"bert:model={folder}", "augment_words": 0, "epochs": 1}
    )
    assert run(spec, tmp_path)[0].status == "done"


def test_a_run_says_how_many_captions_it_cut(
    plan_runs: Plan, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    model = write_roberta(tmp_path / "roberta", WORDS, rows=12)
    (spec,) = plan_runs(set={"text_encoder": f"bert:model={model}", "augment_words": 0})
    record, directory = run(spec, tmp_path)
    (warning,) = record.warnings
    assert re.fullmatch(
        r"\d+ of \d+ captions are longer than the 10 tokens that text encoder 'bert' takes, and "
        "were cut",
        warning,
    )
    assert directory.read_record().warnings == (warning,)
    assert [entry.message for entry in caplog.records] == [warning]
