"""What CI runs on a change of the catalogue."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.catalogue.entries import index, toml
from tests.plugin.made_up import pooling
from vsebench.catalogue.__main__ import main
from vsebench.plugin.host.loader import load_plugins

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def acme(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The package of the entry, installed."""
    (tmp_path / "acme_catalogued.py").write_text(pooling("acme"))
    info = tmp_path / "vsebench_acme-0.2.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: vsebench-acme\nVersion: 0.2.0\n")
    (info / "entry_points.txt").write_text("[vsebench]\nacme = acme_catalogued\n")
    monkeypatch.syspath_prepend(tmp_path)
    load_plugins.cache_clear()
    yield
    load_plugins.cache_clear()


def test_check(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["check"]) == 0
    assert main(["check", str(index(tmp_path, toml()))]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "entries: 1, all valid"
    assert main(["check", str(index(tmp_path, toml(license="free")))]) == 2
    assert main(["check", str(index(tmp_path, toml(repository="plugins/no-such-folder")))]) == 2
    assert "there is no project in plugins/no-such-folder" in capsys.readouterr().err


def test_added(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    base, new = tmp_path / "base.toml", index(tmp_path, toml())
    base.write_text("schema = 1\n")
    assert main(["added", str(base), str(new)]) == 0
    assert capsys.readouterr().out == "git+https://example.org/acme/vsebench-acme vsebench-acme\n"
    assert main(["added", str(new), str(new)]) == 0
    assert capsys.readouterr().out == ""


@pytest.mark.usefixtures("acme")
def test_installed(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["installed", "vsebench-acme", str(index(tmp_path, toml()))]) == 0
    assert main(["installed", "vsebench-acme", str(index(tmp_path, toml(version="0.3")))]) == 2
    assert (
        "package 'vsebench-acme' is installed as 0.2.0, older than the 0.3 of its entry"
        in capsys.readouterr().err
    )
    assert (
        main(
            [
                "installed",
                "vsebench-acme",
                str(index(tmp_path, toml(components={"loss": ["acme"]}))),
            ]
        )
        == 2
    )
    assert (
        "does not provide what its entry says; they differ in loss 'acme', pooling 'acme'"
        in capsys.readouterr().err
    )
    assert main(["installed", "vsebench-acmee", str(index(tmp_path, toml()))]) == 2
    assert "did you mean 'vsebench-acme'?" in capsys.readouterr().err


def test_a_package_that_is_not_installed_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    assert main(["installed", "vsebench-acme", str(index(tmp_path, toml()))]) == 2
    assert (
        capsys.readouterr().err
        == "vsebench.catalogue: error: package 'vsebench-acme' is not installed\n"
    )


def test_anything_else_is_refused(capsys: pytest.CaptureFixture[str]):
    assert main([]) == 2
    assert (
        "write check [INDEX], added BASE [INDEX] or installed NAME [INDEX]"
        in capsys.readouterr().err
    )
