"""The executor `ray` on a real cluster of two nodes and a head on this machine: a lost node, a
killed command, and the promises of executors.
"""

from __future__ import annotations

import importlib.util
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

from tests.grid.fake_training import wait_until
from tests.plugins.left import left_by, restarts
from tests.testing.made import broken
from vsebench.testing.subject import find

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.filterwarnings("ignore"),  # of Ray's own, which leaves files open
    pytest.mark.skipif(
        importlib.util.find_spec("ray") is None, reason="needs Ray: pip install 'vsebench[ray]'"
    ),
]

STORE_BYTES = 80_000_000
GRID = (
    *("--dataset", "scenes:images=60", "--pooling", "mean,max", "--loss", "triplet"),
    *("--epochs", "60", "--set", "embed_dim=8", "--set", "word_dim=8", "--device", "cpu"),
    *("--set", "warmup_epochs=0", "--set", "evals_per_epoch=1"),
)


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A head that executes nothing, and two nodes with a CPU each."""
    monkeypatch.setenv("RAY_worker_niceness", "0")
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    from ray.cluster_utils import Cluster

    args = {"object_store_memory": STORE_BYTES, "include_dashboard": False}
    made = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, **args})
    try:
        # addresses of their own, so that commands join through the head, which no test ends
        made.nodes = [
            made.add_node(num_cpus=1, node_ip_address=f"127.0.0.{number}", **args)
            for number in (2, 3)
        ]
        yield made
    finally:
        made.shutdown()


def start(out: Path, *options: str) -> subprocess.Popen[str]:
    """A command of its own; what it prints goes to a file beside the folder of runs."""
    with out.with_suffix(".log").open("a") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "vsebench", "run", *GRID, "--out", str(out), *options],
            stdout=log,
            stderr=subprocess.STDOUT,
            text=True,
        )


def end(command: subprocess.Popen[str], out: Path) -> str:
    """What it printed; it ends well."""
    try:
        assert command.wait(600) == 0, out.with_suffix(".log").read_text()
    finally:
        command.kill()
        command.wait()
    return out.with_suffix(".log").read_text()


def checkpoints(out: Path) -> list[Path]:
    return list(out.glob("*/checkpoint.pt"))


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the local executor leaves."""
    out = tmp_path_factory.mktemp("local") / "out"
    end(start(out), out)
    return left_by(out)


@pytest.mark.parametrize("files", ["shared", "driver"])
def test_runs_of_a_lost_node_resume_and_leave_what_they_would_have_left(
    cluster: Any, tmp_path: Path, local: dict[str, Any], files: str
):
    out = tmp_path / "out"
    executor = f"ray:files={files}:every=0.5"
    command = start(out, "--executor", executor, "--address", cluster.address)
    try:
        wait_until(lambda: len(checkpoints(out)) == 2 or command.poll() is not None, 300)
        cluster.remove_node(cluster.nodes[0], allow_graceful=False)
        printed = end(command, out)
    finally:
        command.kill()
    assert printed.count("its node was lost") == 1, printed
    assert restarts(out) == 1
    assert left_by(out) == local


@pytest.mark.parametrize("files", ["shared", "driver"])
def test_a_command_that_was_killed_resumes_on_the_same_cluster(
    cluster: Any, tmp_path: Path, local: dict[str, Any], files: str
):
    out = tmp_path / "out"
    options = ("--executor", f"ray:files={files}:every=0.5", "--address", cluster.address)
    command = start(out, *options)
    wait_until(lambda: len(checkpoints(out)) == 2 or command.poll() is not None, 300)
    os.kill(command.pid, signal.SIGKILL)
    command.wait()
    end(start(out, *options), out)
    assert restarts(out) == 2
    assert left_by(out) == local


def test_it_keeps_the_promises_of_executors(cluster: Any):
    assert broken(find("executor", "ray:address=" + quote(cluster.address, safe=""))) == set()
