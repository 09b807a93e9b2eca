"""How many runs at a time, on which devices, and what an executor needs for that."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.grid.planning import make
from vsebench.kernels.devices import physical_cores
from vsebench.plugin import MissingExtraError, SpecError

if TYPE_CHECKING:
    from pathlib import Path

EXECUTOR_FILE = """
from vsebench.plugin import Card, hookimpl

class Cluster:
    @staticmethod
    def default_workers(device):
        return {"cpu": 200, "cuda": 8}[device]

@hookimpl
def vsebench_register_executors(register):
    register("cluster", f"{__name__}:Cluster", card=Card("runs somewhere"))
"""


@pytest.mark.usefixtures("opened")
def test_workers_and_concurrency():
    assert make(loss="triplet", seeds="0-3", workers=3).runs[0].environment.concurrency == 3
    assert make(loss="triplet", pooling="gpo", workers=8).runs[0].environment.concurrency == 1
    assert make().workers == physical_cores() >= 1


def test_an_executor_may_know_how_many_runs_it_takes_at_a_time(tmp_path: Path):
    plugin = tmp_path / "cluster.py"
    plugin.write_text(EXECUTOR_FILE)
    cluster = {"executor": "cluster", "plugin": [str(plugin)]}
    assert make(**cluster, device="cpu").workers == 200
    assert make(**cluster, device="cpu", workers=3).workers == 3


@pytest.mark.usefixtures("opened")
def test_cuda_is_refused_where_there_is_none(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    with pytest.raises(SpecError, match=r"'cuda' .*--device cpu"):
        make(device="cuda")
    assert make(device="auto").runs[0].device == "cpu"
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda.device_count", lambda: 3)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    planned = make(device="auto")
    assert (planned.runs[0].device, planned.workers) == ("cuda", 3)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,6")
    assert make(device="auto").workers == 2


@pytest.fixture
def two_devices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda.device_count", lambda: 2)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)


@pytest.mark.usefixtures("opened", "two_devices")
def test_which_devices_a_suite_names_changes_no_run() -> None:
    anywhere = make(device="cuda", loss="triplet", seeds="0-5")
    for device, workers in (
        ("cuda:1", 1),
        ("cuda:1,cuda:0", 2),
        ("cuda:0/4", 4),
        ("cuda/2", 4),
        (["cuda:0", "cuda:1/2"], 3),
    ):
        named = make(device=device, loss="triplet", seeds="0-5")
        assert [run.run_id for run in named.runs] == [run.run_id for run in anywhere.runs]
        assert {run.device for run in named.runs} == {"cuda"}
        assert named.workers == workers
        assert named.devices == tuple(device.split(",") if isinstance(device, str) else device)
    assert anywhere.devices == ()
    assert make(device="cuda:1", loss="triplet", seeds="0-5", workers=3).workers == 3


@pytest.mark.usefixtures("opened", "two_devices")
@pytest.mark.parametrize(
    ("values", "said"),
    [
        (
            {"device": "cuda:7"},
            "there is no device 'cuda:7': this machine has cuda:0, cuda:1",
        ),
        (
            {"device": "cuda:0/2", "workers": 3},
            (
                "--workers 3 is more than the shares of --device cuda:0/2 hold, which is 2: leave "
                "one of the two out"
            ),
        ),
    ],
)
def test_devices_that_cannot_be_had_are_refused_before_anything_runs(
    values: dict[str, Any], said: str
) -> None:
    with pytest.raises(SpecError) as caught:
        make(**values)
    assert str(caught.value) == said


@pytest.mark.usefixtures("opened", "two_devices")
def test_an_executor_that_deals_out_devices_itself_is_told_of_shares_alone(
    tmp_path: Path,
) -> None:
    plugin = tmp_path / "cluster.py"
    plugin.write_text(EXECUTOR_FILE)
    cluster = {"executor": "cluster", "plugin": [str(plugin)]}
    planned = make(**cluster, device="cuda/4")
    assert (planned.workers, planned.share, planned.devices) == (8, 0.25, ())
    with pytest.raises(SpecError, match=r"--device cuda:1 .*'cluster' "):
        make(**cluster, device="cuda:1")


@pytest.mark.usefixtures("opened")
def test_what_is_executed_elsewhere_may_need_what_this_machine_lacks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    elsewhere = EXECUTOR_FILE.replace("class Cluster:", "class Cluster:\n    elsewhere = True")
    here, there = (tmp_path / f"{name}.py" for name in ("here", "there"))
    here.write_text(EXECUTOR_FILE)
    there.write_text(elsewhere)
    with pytest.raises(SpecError, match="PyTorch finds none"):
        make(executor="cluster", plugin=[str(here)], device="cuda")
    cluster = {"executor": "cluster", "plugin": [str(there)]}
    assert {run.device for run in make(**cluster, device="cuda").runs} == {"cuda"}
    assert {run.device for run in make(**cluster, device="auto").runs} == {"cpu"}


def test_what_an_executor_lacks_is_said_before_data_are_read(
    opened: list[dict[str, Any]], tmp_path: Path
) -> None:
    plugin = tmp_path / "cluster.py"
    needs = "    def __init__(self):\n        require('no_such', extra='ray', purpose='runs')\n"
    text = EXECUTOR_FILE.replace("class Cluster:\n", f"class Cluster:\n{needs}")
    plugin.write_text(text.replace("hookimpl\n", "hookimpl, require\n", 1))
    with pytest.raises(MissingExtraError, match="runs need no_such"):
        make(executor="cluster", plugin=[str(plugin)])
    assert opened == []
