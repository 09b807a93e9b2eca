"""The package's links: those of the repository that `VSEBENCH_REPOSITORY` names."""

from __future__ import annotations

import email
import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

pytest.importorskip("hatchling", reason="needs hatchling: pip install -e '.[test]'")

ROOT = Path(__file__).parents[1]
ADDRESS = "https://example.org/o/vsebench"
LINKS = [
    f"Repository, {ADDRESS}",
    f"Documentation, {ADDRESS}/tree/main/docs",
    f"Issues, {ADDRESS}/issues",
    f"Changelog, {ADDRESS}/blob/main/CHANGELOG.md",
]


def build(made: str, source: Path, to: Path, repository: str | None) -> Path:
    """What one of the build backend's functions writes, in a process as a front end starts it."""
    to.mkdir()
    environment = {k: v for k, v in os.environ.items() if k != "VSEBENCH_REPOSITORY"}
    if repository is not None:
        environment["VSEBENCH_REPOSITORY"] = repository
    code = f"import sys, hatchling.build; print(hatchling.build.{made}(sys.argv[1]))"
    built = subprocess.run(
        [sys.executable, "-c", code, str(to)],
        capture_output=True,
        text=True,
        cwd=source,
        env=environment,
    )
    assert built.returncode == 0, built.stderr
    return to / built.stdout.splitlines()[-1]


def links(metadata: bytes) -> list[str]:
    """The entries `Project-URL` of a METADATA."""
    return email.message_from_bytes(metadata).get_all("Project-URL") or []


@pytest.mark.parametrize(
    ("repository", "expected"), [(None, []), ("", []), (ADDRESS, LINKS), (f"{ADDRESS}/", LINKS)]
)
def test_the_metadata_links_to_the_repository(
    tmp_path: Path, repository: str | None, expected: list[str]
) -> None:
    made = build("prepare_metadata_for_build_wheel", ROOT, tmp_path / "made", repository)
    assert links((made / "METADATA").read_bytes()) == expected


def test_what_is_no_address_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="VSEBENCH_REPOSITORY is 'vsebench'"):
        build("prepare_metadata_for_build_wheel", ROOT, tmp_path / "made", "vsebench")


def test_a_wheel_of_the_source_distribution_keeps_its_links(tmp_path: Path) -> None:
    archive = build("build_sdist", ROOT, tmp_path / "made", ADDRESS)
    with tarfile.open(archive) as opened:
        opened.extractall(tmp_path, filter="data")
    source = tmp_path / archive.name.removesuffix(".tar.gz")
    assert (source / "hatch_build.py").exists()
    wheel = build("build_wheel", source, tmp_path / "wheel", None)
    with zipfile.ZipFile(wheel) as opened:
        (name,) = (name for name in opened.namelist() if name.endswith(".dist-info/METADATA"))
        assert links(opened.read(name)) == LINKS
