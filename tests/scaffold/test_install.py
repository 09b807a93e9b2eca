"""The scaffold's own instructions, followed in an environment of its own: new, pip install, pytest,
check, run.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.isolation.wheels import Environment

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_its_instructions_work(tmp_path: Path):
    environment = Environment.make(tmp_path / "venv")
    made = environment.vsebench("new", "pooling", "my_pool", cwd=tmp_path)
    assert made.returncode == 0, made.stderr
    project = tmp_path / "vsebench-my-pool"
    assert made.stdout.splitlines()[-4:] == [
        "cd vsebench-my-pool",
        "pip install -e '.[test]'",
        "vsebench check .",
        "vsebench run --pooling my_pool",
    ]
    environment.pip(
        "install",
        "--quiet",
        "--no-deps",
        "--no-build-isolation",
        "--disable-pip-version-check",
        "-e",
        project,
    )
    checked = environment.vsebench("check", ".", cwd=project)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    own = subprocess.run(
        [environment.python, "-m", "pytest", "-q", "-p", "no:cacheprovider"],
        capture_output=True,
        text=True,
        cwd=project,
        env={**os.environ},
    )
    assert own.returncode == 0, own.stdout
    assert (
        "never_reads_padding"
        in subprocess.run(
            [environment.python, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider"],
            capture_output=True,
            text=True,
            cwd=project,
        ).stdout
    )
    run = environment.vsebench(
        "run",
        "--pooling",
        "my_pool",
        "--loss",
        "triplet",
        "--dataset",
        "scenes:images=200",
        "--epochs",
        "1",
        "--quiet",
        cwd=project,
    )
    assert run.returncode == 0, run.stderr
    assert "my_pool" in run.stdout
    shutil.rmtree(project / "runs")
    broken = project / "src" / "vsebench_my_pool" / "pooling.py"
    broken.write_text(
        broken.read_text().replace("return self.w", "return features.mean(dim=1) + self.w")
    )
    checked = environment.vsebench("check", ".", cwd=project)
    assert checked.returncode == 1
    assert "it reads padding" in checked.stdout
