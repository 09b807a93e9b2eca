"""What the action and the reusable workflow run, on a plugin as the scaffold writes it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.isolation.wheels import Environment

ROOT = Path(__file__).parents[2]
SUITE = """
dataset = "scenes:images=60"
pooling = ["my_pool", "mean"]
loss = "triplet"
[set]
epochs = 1
embed_dim = 16
word_dim = 16
batch_size = 16
warmup_epochs = 0
"""


def commands(environment: Environment) -> Path:
    """The folder of an environment's commands, with a `pip` and a `vsebench` among them."""
    folder = environment.python.parent
    lines = {
        "pip": f"{sys.executable} -m pip --python {environment.python}",
        "vsebench": f"{environment.python} -m vsebench",
    }
    for name, command in lines.items():
        (folder / name).write_text(f'#!/bin/sh\nexec {command} "$@"\n')
        (folder / name).chmod(0o755)
    return folder


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_plugin_is_checked_run_and_gated(tmp_path: Path):
    environment = Environment.make(tmp_path / "venv")
    made = environment.vsebench("new", "pooling", "my_pool", cwd=tmp_path)
    assert made.returncode == 0, made.stderr
    project = tmp_path / "vsebench-my-pool"
    (project / "ci.toml").write_text(SUITE)

    def run(name: str) -> tuple[subprocess.CompletedProcess[str], str]:
        shutil.rmtree(tmp_path / name, ignore_errors=True)
        ran = subprocess.run(
            [ROOT / ".ci" / "plugin", project],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env={
                **os.environ,
                "PATH": f"{commands(environment)}:{os.environ['PATH']}",
                "PIP_NO_BUILD_ISOLATION": "0",  # pip's spelling of --no-build-isolation
                "PIP_NO_DEPS": "1",
                "PIP_FORCE_REINSTALL": "1",
                "VSEBENCH_OUT": str(tmp_path / name),
                "GITHUB_STEP_SUMMARY": str(tmp_path / f"{name}.md"),
            },
        )
        return ran, (tmp_path / f"{name}.md").read_text()

    first, summary = run("first")
    assert first.returncode == 0, first.stdout + first.stderr
    for part in ("### Promises", "### Leaderboard", "xychart-beta", '"my_pool, triplet"'):
        assert part in summary
    assert "### Gate" not in summary
    assert (tmp_path / "first" / "page.html").stat().st_size > 0

    written = environment.vsebench(
        "gate", "ci.toml", "--write", "ci.json", "--reference", "0", "--quiet", cwd=project
    )
    assert written.returncode == 0, written.stderr
    same, summary = run("same")
    assert same.returncode == 0, same.stdout + same.stderr
    assert "nothing changed" in summary.partition("### Gate")[2]

    component = project / "src" / "vsebench_my_pool" / "pooling.py"
    text = component.read_text()
    assert "return self.w" in text
    component.write_text(text.replace("return self.w", "return 1.5 * self.w"))
    changed, summary = run("changed")
    assert changed.returncode == 3, changed.stdout + changed.stderr
    assert "Every row with pooling my_pool changed" in summary
