from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from vsebench.plugin import OfflineLists
from vsebench.plugin.errors import VsebenchError
from vsebench.plugin.host.loader import load_plugins
from vsebench.results.folder.store import Store
from vsebench.retrieval.model import build
from vsebench.retrieval.training import session as sessions
from vsebench.retrieval.training.first_round import StoredLists, load_best
from vsebench.retrieval.training.train import train

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from vsebench.results.spec import RunSpec


def test_a_model_file_with_other_names_is_refused(
    plan_runs: Callable[..., tuple[RunSpec, ...]], tmp_path: Path
) -> None:
    """methods P18: where names need not match, the file of a model in another wrapping loads
    nothing, without a word.
    """
    (spec,) = plan_runs()
    model, other = (
        build(each, load_plugins().registry, in_dim=5, vocabulary_size=9)
        for each in (spec, spec.model_copy(update={"seed": 1}))
    )
    directory = Store(tmp_path).directory_for(spec)
    directory.write_spec(spec)
    save_file(other.state_dict(), directory.best_path)
    load_best(model, directory)
    assert all(
        torch.equal(value, other.state_dict()[name]) for name, value in model.state_dict().items()
    )
    for file in (
        {f"module.{name}": value for name, value in other.state_dict().items()},
        {**other.state_dict(), "extra": torch.zeros(1)},
    ):
        save_file(file, directory.best_path)
        with pytest.raises(VsebenchError, match="is of another model than the run's"):
            load_best(model, directory)


def test_a_damaged_model_file_is_one_line(
    plan_runs: Callable[..., tuple[RunSpec, ...]], tmp_path: Path
) -> None:
    (spec,) = plan_runs()
    model = build(spec, load_plugins().registry, in_dim=5, vocabulary_size=9)
    directory = Store(tmp_path).directory_for(spec)
    directory.write_spec(spec)
    directory.write_best(model.state_dict())
    whole = directory.best_path.read_bytes()
    for content in (b"", whole[:-5], b"hello" * 20):
        directory.best_path.write_bytes(content)
        with pytest.raises(
            VsebenchError,
            match=r"best\.safetensors is missing or damaged \(.*\)",
        ) as caught:
            load_best(model, directory)
        assert "\n" not in str(caught.value)


def test_lists_survive_a_round_trip(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    lists = OfflineLists(
        *(rng.integers(99, size=size, dtype=np.int32) for size in ((6, 4), (9, 0)))
    )
    StoredLists(lists, 1.5).save(tmp_path / "offline.npz")
    again = StoredLists.load(tmp_path / "offline.npz")
    np.testing.assert_array_equal(again.lists.texts, lists.texts)
    np.testing.assert_array_equal(again.lists.images, lists.images)
    assert (again.seconds, again.cpu_seconds) == (1.5, None)
    StoredLists(lists, 1.5, 0.5).save(tmp_path / "offline.npz")
    assert StoredLists.load(tmp_path / "offline.npz").cpu_seconds == 0.5


def test_lists_shorter_than_asked_are_one_warning(
    plan_runs: Callable[..., tuple[RunSpec, ...]], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for spec in plan_runs(loss="aoq:h=1000", set={"epochs": 1}):
        directory = Store(tmp_path).directory_for(spec)
        directory.write_spec(spec)
        with caplog.at_level(logging.WARNING):
            train(spec, directory, lambda event: None)
    (warning,) = (r.getMessage() for r in caplog.records if "offline lists" in r.getMessage())
    assert "1000 captions and 200 images to the 595 and 119" in warning


@pytest.mark.parametrize("start", ["scratch", "warm"])
@pytest.mark.parametrize("killed", ["before its first checkpoint", "after"])
def test_a_resumed_run_loads_the_first_round_only_where_it_starts_from_it(
    plan_runs: Callable[..., tuple[RunSpec, ...]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    start: str,
    killed: str,
) -> None:
    first, second = plan_runs(loss=f"aoq:h=50:start={start}", set={"epochs": 2})
    for spec in (first, second):
        Store(tmp_path).directory_for(spec).write_spec(spec)
    train(first, Store(tmp_path).directory_for(first), lambda event: None)
    directory = Store(tmp_path).directory_for(second)
    last = {"before its first checkpoint": 4, "after": 22}[killed]

    def kill(event: dict[str, object]) -> None:
        if event["event"] == "evaluated" and event["step"] == last:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(second, directory, kill)
    assert directory.checkpoint_path.exists() is (killed == "after")
    loaded: list[object] = []
    monkeypatch.setattr(
        sessions, "load_best", lambda *given: (loaded.append(given), load_best(*given))
    )
    phases: list[object] = []
    record = train(second, directory, lambda event: phases.append(event.get("phase")))
    assert len(loaded) == (start == "warm" and killed != "after")
    assert "mining" not in phases
    stored = StoredLists.load(directory.offline_path)
    assert record.cost is not None
    assert record.cost.mining_seconds == stored.seconds > 0
