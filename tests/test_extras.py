"""What works without the libraries of the extras, and what is said where one is needed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import NamedTuple

import pytest
from packaging.requirements import Requirement
from PIL import Image

from tests.data.prepare.inputs import write_json
from vsebench.plugin.errors import MissingExtraError, VsebenchError, require

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


COMMANDS = """
import contextlib, io, json, sys, traceback
from vsebench.cli.app import main

ended = []
for arguments in json.loads(sys.argv[1]):
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            main(arguments)
        except SystemExit as end:
            code = end.code
        except BaseException:
            code = traceback.format_exc()
    ended.append((code, out.getvalue(), err.getvalue()))
print(json.dumps(ended))
"""


class Ended(NamedTuple):
    """How a command ended: with its exit code, or the traceback of what it raised."""

    arguments: list[str]
    code: int | str
    out: str
    err: str


def python(without: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, env=without, cwd=ROOT
    )


def vsebench(without: dict[str, str], *commands: list[str]) -> list[Ended]:
    """Commands one after the other, in one process that imports what they need once."""
    done = python(without, "-c", COMMANDS, json.dumps(commands))
    assert done.returncode == 0, done.stderr
    return [
        Ended(arguments, *ended)
        for arguments, ended in zip(commands, json.loads(done.stdout), strict=True)
    ]


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


def test_commands_work_without_them(without: dict[str, str]) -> None:
    for ended in vsebench(
        without,
        ["report", HEADLINE],
        ["report", HEADLINE, "--format", "latex"],
        ["compare", HEADLINE, "--to", "gpo,triplet"],
        ["speedup", HEADLINE],
        ["plugins"],
        ["show", "bert"],
    ):
        assert ended.code in (0, 4), ended
        assert ended.out, ended


def test_a_run_works_without_them(without: dict[str, str], tmp_path: Path) -> None:
    (ended,) = vsebench(
        without,
        [
            *["run", "--pooling", "mean", "--loss", "triplet", "--dataset", "scenes:images=60"],
            *["--epochs", "1", "--set", "embed_dim=8", "--set", "word_dim=8", "--quiet"],
            *["--out", str(tmp_path)],
        ],
    )
    assert ended.code == 0, ended


def test_what_needs_one_says_what_to_install(without: dict[str, str], tmp_path: Path) -> None:
    write_json(tmp_path)
    (tmp_path / "features.h5").write_bytes(b"\x89HDF\r\n\x1a\n")
    Image.new("RGB", (8, 8)).save(tmp_path / "1.png")
    here = str(tmp_path)
    data = ["data", "prepare", "--to", f"{here}/set"]
    needing = [
        ("plots", ["report", HEADLINE, "--html", f"{here}/page.html"]),
        ("plots", ["speedup", HEADLINE, "--plot", f"{here}/curves.svg"]),
        ("parquet", ["leaderboard", HEADLINE, "--format", "parquet", "--out", f"{here}/a"]),
        ("encoders", ["run", "--set", "text_encoder=bert", "--out", here]),
        ("encoders", ["data", "extract", "--images", here, "--model", "m", "--out", f"{here}/b"]),
        ("ray", ["run", "--executor", "ray", "--address", "head:6379", "--out", f"{here}/runs"]),
        ("slurm", ["run", "--executor", "slurm", "--dry-run", "--out", f"{here}/runs"]),
        ("hdf5", [*data, "flickr30k", "--from", here]),
        ("hf", [*data, "--as", "x", "--from", f"hf:{here}"]),
    ]
    commands = [arguments for _, arguments in needing]
    for (extra, _), ended in zip(needing, vsebench(without, *commands), strict=True):
        assert ended.code == 2, ended
        assert ended.err.splitlines()[-1].startswith("vsebench: error: "), ended
        assert f"pip install 'vsebench[{extra}]'" in ended.err, ended


def test_a_library_that_is_there_is_not_asked_for() -> None:
    require("json", extra="none", purpose="texts")
    with pytest.raises(MissingExtraError, match="texts need no_such_library") as caught:
        require("no_such_library", extra="x", purpose="texts")
    assert isinstance(caught.value, VsebenchError)
    assert isinstance(caught.value, ImportError)
