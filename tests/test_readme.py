"""What the README says works as it says."""

from __future__ import annotations

import os
import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

import vsebench
from vsebench.cli.app import main
from vsebench.retrieval import evaluate

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
PYTHON = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)


def commands() -> Iterator[list[str]]:
    """The lines of indented blocks that call vsebench."""
    for line in re.findall(r"^ {4}(vsebench .*)$", README, flags=re.MULTILINE):
        yield shlex.split(line)[1:]


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(list(arguments))
    return int(ended.value.code or 0)


def test_the_plugin_of_the_readme_trains_beside_a_built_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (code,) = (block for block in PYTHON if "hookimpl" in block)
    ignored = ("#", "import", "from")
    lines = [line for line in code.splitlines() if line.strip() and not line.startswith(ignored)]
    assert len(lines) <= 15
    (tmp_path / "my_pool.py").write_text(code, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    (command,) = (arguments for arguments in commands() if "--plugin" in arguments)
    small = [
        "--dataset",
        "scenes:images=100",
        "--epochs",
        "1",
        "--set",
        "embed_dim=16",
        "--set",
        "word_dim=16",
        "--device",
        "cpu",
        "--quiet",
    ]
    assert run(*command, *small) == 0
    table = capsys.readouterr().out
    assert re.search(r"^power +triplet", table, flags=re.MULTILINE)
    assert [row["pooling"] for row in vsebench.load_results(tmp_path / "runs").rows] == [
        "power",
        "mean",
    ]


def test_the_python_example_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    (code,) = (block for block in PYTHON if "load_results" in block)
    rng = np.random.default_rng(0)
    names = {
        "image_embeddings": rng.normal(size=(4, 8)),
        "text_embeddings": rng.normal(size=(8, 8)),
        "text_to_image": np.arange(8) // 2,
    }
    monkeypatch.setattr(
        vsebench,
        "load_results",
        lambda path: type("Results", (), {"frame": lambda self: None})(),
        raising=False,
    )
    exec(code, names)
    assert (
        evaluate(
            *(names[name] for name in ("image_embeddings", "text_embeddings", "text_to_image"))
        ).rsum
        == names["metrics"].rsum
    )


@pytest.mark.parametrize(
    "arguments", [pytest.param(c, id=" ".join(c)[:60]) for c in commands() if "--plugin" not in c]
)
def test_every_command_of_the_readme_is_understood(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    data = Path(os.environ.get("VSEBENCH_DATA", ROOT.parent / "shared" / "data"))
    if "flickr8k" in " ".join(arguments) and not data.is_dir():
        pytest.skip("needs Flickr8k: set VSEBENCH_DATA")
    monkeypatch.chdir(tmp_path)
    words = [
        str(data) if word == "DIR" else str(ROOT / word) if word.startswith("suites/") else word
        for word in arguments
    ]
    assert run(*words, "--dry-run") == 0
    assert list(tmp_path.iterdir()) == []


def test_links_lead_somewhere() -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", README):
        assert (ROOT / target).exists(), target
