from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest
import torch

from vsebench.results.provenance import RUN_DEVICES, Cpu, git_commit, provenance, this_cpu
from vsebench.results.record import Provenance

if TYPE_CHECKING:
    from pathlib import Path


def git(folder: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
    return subprocess.run(
        ["git", *identity, *arguments], cwd=folder, check=True, capture_output=True, text=True
    ).stdout.strip()


def repository(folder: Path) -> str:
    """Makes a repository with a package `ours`; returns its commit."""
    (folder / "ours").mkdir(parents=True)
    (folder / "ours" / "__init__.py").write_text("1", encoding="utf-8")
    git(folder, "init", "-q")
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "one")
    return git(folder, "rev-parse", "HEAD")


def test_the_commit_says_when_files_differ_from_it(tmp_path: Path) -> None:
    head, ours = repository(tmp_path), tmp_path / "ours"
    assert git_commit(ours) == head
    (tmp_path / "untracked").touch()
    assert git_commit(ours) == head
    (ours / "__init__.py").write_text("2", encoding="utf-8")
    assert git_commit(ours) == f"{head}+"


def test_a_package_outside_a_repository_or_installed_inside_one_has_no_commit(
    tmp_path: Path,
) -> None:
    plain = tmp_path / "plain"
    plain.mkdir()
    (plain / "__init__.py").touch()
    assert git_commit(plain) is None
    repository(tmp_path / "theirs")
    installed = tmp_path / "theirs" / ".venv" / "site-packages" / "ours"
    installed.mkdir(parents=True)
    (installed / "__init__.py").touch()
    assert git_commit(installed) is None


def test_the_commit_is_the_package_s_wherever_it_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a user's own repository, also from one of its hooks, and outside any."""
    theirs = repository(tmp_path / "theirs")
    here = git_commit()
    assert here != theirs
    monkeypatch.chdir(tmp_path / "theirs")
    assert git_commit() == here
    monkeypatch.chdir(tmp_path)
    assert git_commit() == here
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "theirs" / ".git"))
    assert git_commit() == here


def test_a_record_names_device_and_libraries() -> None:
    found = provenance(torch.device("cpu"), "default")
    assert (
        found.libraries["torch"] == torch.__version__.partition("+")[0]
        or found.libraries["torch"] == torch.__version__
    )
    assert found.device_name


def test_a_record_says_which_devices_a_run_had(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(RUN_DEVICES, "cuda:1")
    monkeypatch.setattr("torch.cuda.get_device_name", lambda _: "H200")
    assert provenance(torch.device("cuda"), "").devices == "cuda:1"
    assert provenance(torch.device("cpu"), "").devices == ""


def test_devices_are_written_only_where_they_are_known() -> None:
    found = provenance(torch.device("cpu"), "")
    assert "devices" not in found.model_dump()
    known = found.model_copy(update={"devices": "cuda:0"})
    assert Provenance.model_validate_json(known.model_dump_json()) == known


X86 = """processor\t: 0
vendor_id\t: AuthenticAMD
cpu family\t: 25
model\t\t: 17
model name\t: AMD EPYC
stepping\t: 1

processor\t: 1
cpu family\t: 26
model name\t: another
"""
ARM = """processor\t: 0
BogoMIPS\t: 50.00
CPU implementer\t: 0x41
CPU architecture: 8
CPU variant\t: 0x3
CPU part\t: 0xd0c
CPU revision\t: 1
"""


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (X86, Cpu("AMD EPYC", "25-17-1")),
        (ARM, Cpu("neoverse", "0x41-0x3-0xd0c-1")),
        ("cpu family\t: 6\nmodel name\t: \udcff\nstepping\t:\n", Cpu("\ufffd", "6")),
        ("", Cpu("neoverse", "")),
        (None, Cpu("neoverse", "")),
    ],
)
def test_a_cpu_is_told_from_others_of_its_name(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: str | None, found: Cpu
) -> None:
    said = tmp_path / "cpuinfo"
    if text is not None:
        said.write_bytes(text.encode("utf-8", "surrogateescape"))
    monkeypatch.setattr("vsebench.results.provenance._CPUS", said)
    monkeypatch.setattr("platform.processor", lambda: "neoverse")
    assert this_cpu() == found


def test_a_run_on_a_gpu_says_no_generation_of_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.get_device_name", lambda _: "H200")
    assert "cpu_generation" not in provenance(torch.device("cuda"), "").model_dump()
    monkeypatch.setattr("vsebench.results.provenance.this_cpu", lambda: Cpu("AMD EPYC", "25-1-1"))
    assert provenance(torch.device("cpu"), "").cpu_generation == "25-1-1"
