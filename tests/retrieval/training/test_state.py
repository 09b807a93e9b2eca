from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING

import pytest
import torch

from tests.factories import make_curve
from vsebench.plugin import VsebenchError
from vsebench.results.folder.directory import RunDirectory
from vsebench.retrieval.training.state import (
    Best,
    State,
    restore,
    save_checkpoint,
    snapshot,
)

if TYPE_CHECKING:
    from pathlib import Path


def test_a_checkpoint_brings_everything_back(tmp_path: Path) -> None:
    model = torch.nn.Linear(3, 2)
    optimiser = torch.optim.AdamW(model.parameters(), fused=True)
    model(torch.randn(4, 3)).sum().backward()
    optimiser.step()
    state = State(
        step=7,
        forwards=99,
        seconds={"train": 1.5, "mining": 0.0, "evaluation": 0.5},
        best=Best(5, {"rsum": 12.0}, snapshot(model)),
    )
    directory = RunDirectory(tmp_path)
    save_checkpoint(directory, state, model=model, optimiser=optimiser, loss=None)
    other = torch.nn.Linear(3, 2)
    its = torch.optim.AdamW(other.parameters(), fused=True)
    content = directory.read_checkpoint(["state", "model", "optimiser"])
    assert content is not None
    again = restore(content, model=other, optimiser=its, loss=None)
    assert (again.step, again.forwards, again.seconds, again.restarts) == (7, 99, state.seconds, 1)
    assert again.best is not None
    assert (again.best.step, again.best.metrics) == (5, {"rsum": 12.0})
    torch.testing.assert_close(again.best.model["weight"], model.weight.detach(), rtol=0, atol=0)
    torch.testing.assert_close(other.weight, model.weight, rtol=0, atol=0)
    torch.testing.assert_close(
        its.state[other.weight]["exp_avg"], optimiser.state[model.weight]["exp_avg"], rtol=0, atol=0
    )


def test_no_checkpoint_is_a_fresh_start(tmp_path: Path) -> None:
    assert RunDirectory(tmp_path).read_checkpoint([]) is None


@pytest.mark.parametrize("damage", ["empty", "truncated", "text", "zeros", "other content"])
def test_a_damaged_checkpoint_is_set_aside_and_the_run_starts_over(
    damage: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    directory = RunDirectory(tmp_path)
    path = directory.checkpoint_path
    save_checkpoint(directory, State(step=1), model=torch.nn.Linear(3, 2))
    whole = path.read_bytes()
    if damage == "other content":
        torch.save([1, 2], path)
    else:
        path.write_bytes(
            {
                "empty": b"",
                "truncated": whole[: len(whole) // 2],
                "text": b"hello",
                "zeros": bytes(500),
            }[damage]
        )
    damaged = path.read_bytes()
    directory.append_evaluation(make_curve([100])[0])
    with caplog.at_level(logging.WARNING):
        assert directory.read_checkpoint(["state", "model"]) is None
    assert not path.exists()
    assert (tmp_path / "checkpoint.pt.damaged").read_bytes() == damaged
    assert directory.read_curve() == []
    (message,) = (record.getMessage() for record in caplog.records)
    assert message.startswith(f"{path} is damaged (")
    assert "\n" not in message


def test_a_full_disk_is_one_clear_line_and_leaves_the_previous_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = RunDirectory(tmp_path)
    save_checkpoint(directory, State(step=1))

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(
        VsebenchError, match=r"cannot write .*checkpoint\.pt: No space left on device"
    ) as caught:
        save_checkpoint(directory, State(step=2))
    assert "\n" not in str(caught.value)
    content = directory.read_checkpoint(["state"])
    assert content is not None
    assert restore(content).step == 1
    assert [p.name for p in tmp_path.iterdir()] == ["checkpoint.pt"]


def test_a_snapshot_does_not_follow_its_module() -> None:
    module = torch.nn.Linear(2, 2)
    before = snapshot(module)
    torch.nn.init.zeros_(module.weight)
    assert before["weight"].any()
