"""What works without the libraries of the extras, and what is said where one is needed."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from PIL import Image

from tests.data.prepare.inputs import write_json
from vsebench.plugin.errors import MissingExtraError, VsebenchError
from vsebench.plugin.extras import require

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = (
    "encoders",
    "plots",
    "hdf5",
    "eccv",
    "faiss",
    "hf",
    "parquet",
    "ray",
    "slurm",
    "tensorboard",
    "wandb",
)
MODULES = {"faiss-cpu": "faiss"}
BLOCKED = [
    MODULES.get(name := Requirement(line).name, name)
    for extra in EXTRAS
    for line in PROJECT["optional-dependencies"][extra]
]
BLOCKER = f"""
import sys
from importlib.machinery import PathFinder

class Blocker(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        if name.partition(".")[0] in {BLOCKED}:
            return None
        return super().find_spec(name, path, target)

sys.meta_path[sys.meta_path.index(PathFinder)] = Blocker
"""
HEADLINE = "results/flickr8k/headline"


@pytest.fixture(scope="module")
def without(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of processes, and of those that they start, where no library of an extra
    can be imported.
    """
    folder = tmp_path_factory.mktemp("blocker")
    (folder / "sitecustomize.py").write_text(BLOCKER)
    paths = [str(folder), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}


def python(without: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, env=without, cwd=ROOT
    )


def vsebench(without: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return python(without, "-m", "vsebench", *arguments)


def test_the_extras_of_users_are_together_in_all() -> None:
    (everything,) = map(Requirement, PROJECT["optional-dependencies"]["all"])
    assert everything.extras == set(EXTRAS)


@pytest.mark.parametrize("library", BLOCKED)
def test_the_blocker_blocks(without: dict[str, str], library: str) -> None:
    assert "ModuleNotFoundError" in python(without, "-c", f"import {library}").stderr


def test_embeddings_of_ones_own_are_evaluated(without: dict[str, str]) -> None:
    code = (
        "import torch, vsebench\n"
        "from vsebench.retrieval import evaluate\n"
        "x = torch.eye(5)\n"
        "print(evaluate(x, x, torch.arange(5)).rsum)\n"
    )
    done = python(without, "-c", code)
    assert done.stdout.strip() == "600.0", done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["report", HEADLINE],
        ["report", HEADLINE, "--format", "latex"],
        ["compare", HEADLINE, "--to", "gpo,triplet"],
        ["speedup", HEADLINE],
        ["plugins"],
        ["show", "bert"],
    ],
)
def test_a_command_works_without_them(without: dict[str, str], arguments: list[str]) -> None:
    done = vsebench(without, *arguments)
    assert done.returncode in (0, 4), done.stderr
    assert done.stdout


def test_a_run_works_without_them(without: dict[str, str], tmp_path: Path) -> None:
    done = vsebench(
        without,
        *["run", "--pooling", "mean", "--loss", "triplet", "--dataset", "scenes:images=60"],
        *["--epochs", "1", "--set", "embed_dim=8", "--set", "word_dim=8", "--quiet"],
        *["--out", str(tmp_path)],
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("arguments", "extra"),
    [
        (["report", HEADLINE, "--html", "{tmp}/page.html"], "plots"),
        (["speedup", HEADLINE, "--plot", "{tmp}/curves.svg"], "plots"),
        (["leaderboard", HEADLINE, "--format", "parquet", "--out", "{tmp}/a"], "parquet"),
        (["run", "--set", "text_encoder=bert", "--out", "{tmp}"], "encoders"),
        (
            ["data", "extract", "--images", "{tmp}", "--model", "m", "--out", "{tmp}/table"],
            "encoders",
        ),
        (["run", "--executor", "ray", "--address", "head:6379", "--out", "{tmp}/runs"], "ray"),
        (["run", "--executor", "slurm", "--dry-run", "--out", "{tmp}/runs"], "slurm"),
        (["data", "prepare", "flickr30k", "--from", "{tmp}", "--to", "{tmp}/set"], "hdf5"),
        (["data", "prepare", "--as", "x", "--from", "hf:{tmp}", "--to", "{tmp}/set"], "hf"),
    ],
)
def test_what_needs_one_says_what_to_install(
    without: dict[str, str], tmp_path: Path, arguments: list[str], extra: str
) -> None:
    write_json(tmp_path)
    (tmp_path / "features.h5").write_bytes(b"\x89HDF\r\n\x1a\n")
    Image.new("RGB", (8, 8)).save(tmp_path / "1.png")
    done = vsebench(without, *(argument.replace("{tmp}", str(tmp_path)) for argument in arguments))
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith("vsebench: error: ")
    assert f"pip install 'vsebench[{extra}]'" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_library_that_is_there_is_not_asked_for() -> None:
    require("json", extra="none", purpose="texts")
    with pytest.raises(MissingExtraError, match="texts need no_such_library") as caught:
        require("no_such_library", extra="x", purpose="texts")
    assert isinstance(caught.value, VsebenchError)
    assert isinstance(caught.value, ImportError)
