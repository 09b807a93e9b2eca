from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import torch

from vsebench.results.provenance import git_commit, peak_memory_mb, provenance

if TYPE_CHECKING:
    from pathlib import Path


def git(folder: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
    return subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True, text=True).stdout.strip()


def test_the_commit_says_when_files_differ_from_it(tmp_path: Path) -> None:
    assert git_commit(tmp_path) is None
    git(tmp_path, "init", "-q")
    (tmp_path / "a").write_text("1", encoding="utf-8")
    git(tmp_path, "add", "a")
    git(tmp_path, "commit", "-qm", "one")
    head = git(tmp_path, "rev-parse", "HEAD")
    assert git_commit(tmp_path) == head
    (tmp_path / "a").write_text("2", encoding="utf-8")
    assert git_commit(tmp_path) == f"{head}+"


def test_a_record_names_device_and_libraries() -> None:
    found = provenance(torch.device("cpu"), "default")
    assert found.libraries["torch"] == torch.__version__.partition("+")[0] or found.libraries["torch"] == torch.__version__
    assert found.device_name
    assert 50 < peak_memory_mb(torch.device("cpu")) < 1e6
