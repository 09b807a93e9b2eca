"""The example packages do what their pages say."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from importlib.util import find_spec
from typing import TYPE_CHECKING

import numpy as np
import pytest

import vsebench
from tests.cli.tiny_runs import make_runs
from tests.examples.packages import EXAMPLES, NAMES, NEEDS, on_the_path
from tests.isolation.wheels import Environment
from tests.retrieval.conftest import write_split
from vsebench.cli.app import main
from vsebench.plugin.host.loader import load_plugins
from vsebench.testing import NotCheckedError, checks_of
from vsebench.testing.targets import subjects

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SMALL = [
    "--dataset",
    "scenes:images=100",
    "--epochs",
    "2",
    "--set",
    "embed_dim=16",
    "--set",
    "word_dim=8",
    "--device",
    "cpu",
    "--quiet",
]


@pytest.fixture(params=NAMES)
def package(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Each example package in turn, loadable."""
    name: str = request.param
    if name in NEEDS and find_spec(NEEDS[name]) is None:
        pytest.skip(f"{name} needs {NEEDS[name]}: pip install '.[test]'")
    with on_the_path(EXAMPLES / name, tmp_path / "site"):
        yield name


def command_of(package: str) -> list[str]:
    """The arguments of `vsebench run` on a package's page."""
    (line,) = re.findall(
        r"^ {4}vsebench (run .*)$",
        (EXAMPLES / package / "README.md").read_text(encoding="utf-8"),
        flags=re.MULTILINE,
    )
    return shlex.split(line)


def call(arguments: list[str]) -> int:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    return int(ended.value.code or 0)


def test_every_component_keeps_its_promises(package: str) -> None:
    found = subjects(package)
    assert len(found) == len(
        next(info for info in load_plugins().infos if info.distribution == package).components
    )
    for check in (check for subject in found for check in checks_of(subject)):
        try:
            check()
        except NotCheckedError:
            continue


def test_the_command_of_its_page_is_understood(
    package: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert call([*command_of(package), "--dry-run"]) == 0


def test_gaussians_train_beside_an_ordinary_loss(tmp_path: Path) -> None:
    """The whole way: towers, training and evaluation know nothing of Gaussians that the plugin did
    not tell them.
    """
    data = tmp_path / "data" / "precomp"
    data.mkdir(parents=True)
    for seed, (name, images) in enumerate({"train": 20, "dev": 8, "test": 8}.items()):
        write_split(data, name, images, np.random.default_rng(seed))
    with on_the_path(EXAMPLES / "vsebench-pcmepp", tmp_path / "site"):
        make_runs(
            tmp_path / "runs",
            data.parent,
            pooling="gaussian",
            similarity="csd",
            loss="pcmepp,triplet",
        )
    rows = vsebench.load_results(tmp_path / "runs").rows
    assert [(row["pooling"], row["loss"], row["seeds"]) for row in rows] == [
        ("gaussian", "pcmepp", 1),
        ("gaussian", "triplet", 1),
    ]


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("package", NAMES)
def test_it_is_built_installed_and_checked(package: str, tmp_path: Path) -> None:
    if package in NEEDS and find_spec(NEEDS[package]) is None:
        pytest.skip(f"{package} needs {NEEDS[package]}: pip install '.[test]'")
    environment = Environment.make(tmp_path / "venv")
    project = EXAMPLES / package
    built = subprocess.run(
        [
            sys.executable,
            "-m",
            "pip",
            "wheel",
            "--quiet",
            "--no-deps",
            "--no-build-isolation",
            "-w",
            tmp_path,
            project,
        ],
        capture_output=True,
        text=True,
    )
    assert built.returncode == 0, built.stderr
    (wheel,) = tmp_path.glob("*.whl")
    environment.pip(
        "install", "--quiet", "--no-deps", "--no-index", "--disable-pip-version-check", wheel
    )
    checked = environment.vsebench("check", package, cwd=tmp_path)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    own = subprocess.run(
        [environment.python, "-m", "pytest", "-q", "-p", "no:cacheprovider", project],
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert own.returncode == 0, own.stdout
    run = environment.vsebench(*command_of(package), *SMALL, cwd=tmp_path)
    assert run.returncode == 0, run.stderr
