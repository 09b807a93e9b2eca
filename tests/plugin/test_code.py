"""What counts as a plugin's code, and so makes other runs."""

from __future__ import annotations

import importlib
import importlib.metadata
import json
import sys
from typing import TYPE_CHECKING

import pytest

from vsebench.plugin.host.sources import entry_point_source, file_digest, package_digest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

CODE = '''"""A pooling."""
import torch

class Power:
    """Power means."""

    def __init__(self, p=3):
        self.p = p

    def forward(self, x):
        # the usual one
        return x.clamp(min=1e-6).pow(self.p).mean(1) ** (1 / self.p), f"{self.p:.2f}"
'''
SAME = {
    "a comment": ("# the usual one", "# another one"),
    "layout": (
        "return x.clamp(min=1e-6)",
        "return (x\n            ).clamp(min = 1e-6)",
    ),
    "an empty line": ("import torch\n", "import torch\n\n\n"),
    "a docstring": ('"""Power means."""', '"""Means of powers."""'),
    "the file's docstring": ('"""A pooling."""\n', ""),
    "quotes": ('f"{self.p:.2f}"', "f'{self.p:.2f}'"),
    "a warning of the compiler": ("# the usual one", '# "\\d"'),
}
OTHER = {
    "a number": ("p=3", "p=4"),
    "its type": ("p=3", "p=3.0"),
    "an operator": ("** (1", "* (1"),
    "a name": ("mean", "sum"),
    "a text": (':.2f}"', ':.3f}"'),
    "a line": ("        self.p = p\n", "        self.p = p\n        self.q = p\n"),
    "the order": ("x.clamp(min=1e-6).pow(self.p)", "x.pow(self.p).clamp(min=1e-6)"),
    "a base class": ("class Power:", "class Power(torch.nn.Module):"),
    "no more Python": ("import torch", "import torch as"),
}


@pytest.fixture
def digest_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], str]:
    """The digest of a package of one module with that code."""
    monkeypatch.syspath_prepend(tmp_path)

    def digest(code: str) -> str:
        (tmp_path / "acme_in_a_file.py").write_text(code)
        importlib.invalidate_caches()
        return package_digest("acme_in_a_file")

    return digest


@pytest.mark.parametrize(("old", "new"), SAME.values(), ids=SAME.keys())
def test_what_python_does_not_run_is_no_code(
    digest_of: Callable[[str], str], old: str, new: str
) -> None:
    assert old in CODE
    assert digest_of(CODE) == digest_of(CODE.replace(old, new))


@pytest.mark.parametrize(("old", "new"), OTHER.values(), ids=OTHER.keys())
def test_any_other_change_is_another_code(
    digest_of: Callable[[str], str], old: str, new: str
) -> None:
    assert old in CODE
    assert digest_of(CODE) != digest_of(CODE.replace(old, new))


def test_the_digest_is_the_same_under_every_release_of_python(
    digest_of: Callable[[str], str],
) -> None:
    assert digest_of(CODE) == "37b10ddde3f5"


def test_a_broken_file_has_a_digest_and_warns_of_nothing(
    digest_of: Callable[[str], str],
) -> None:
    assert digest_of("def f(:\n") != digest_of("def g(:\n")
    assert digest_of("x = '\\d'\n") != digest_of("x = '\\s'\n")


def test_of_a_plugin_file_every_byte_counts(tmp_path: Path) -> None:
    file = tmp_path / "own.py"
    digests = set()
    for code in (CODE, CODE + "# more\n", CODE):
        file.write_text(code)
        digests.add(file_digest(file))
    assert len(digests) == 2


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.syspath_prepend(tmp_path)
    folder = tmp_path / "acme_worked_on"
    (folder / "deep").mkdir(parents=True)
    for name in ("__init__.py", "method.py", "deep/kernel.py"):
        (folder / name).write_text(CODE)
    return folder


def test_every_module_of_a_package_counts_and_nothing_is_imported(package: Path) -> None:
    def digest() -> str:
        return package_digest("acme_worked_on.method")

    first = digest()
    assert "acme_worked_on" not in sys.modules
    (package / "README.md").write_text("more")
    (package / "deep/kernel.py").write_text(CODE + "# more\n")
    assert digest() == first
    (package / "deep/kernel.py").write_text(CODE + "more = 1\n")
    assert digest() != first
    (package / "deep/kernel.py").rename(package / "kernel.py")
    moved = digest()
    (package / "kernel.py").unlink()
    assert len({first, moved, digest()}) == 3


def test_a_package_without_an_init_and_one_that_is_not_there(package: Path) -> None:
    (package / "__init__.py").unlink()
    assert package_digest("acme_worked_on")
    assert package_digest("acme_of_nobody.method") == ""


@pytest.mark.parametrize("editable", [True, False])
def test_the_code_counts_of_what_is_installed_to_be_worked_on(
    package: Path, *, editable: bool
) -> None:
    info = package.parent / "acme-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[vsebench]\nacme = acme_worked_on.method\n")
    about = {"url": "file:///acme", "dir_info": {"editable": editable}}
    (info / "direct_url.json").write_text(json.dumps(about))
    (entry,) = importlib.metadata.distribution("acme").entry_points
    expected = package_digest("acme_worked_on") if editable else ""
    assert entry_point_source(entry).origin.digest == expected


def test_the_suite_itself_is_told_by_the_versions_of_its_cards() -> None:
    for entry in importlib.metadata.entry_points(group="vsebench"):
        source = entry_point_source(entry)
        assert not source.first_party or source.origin.digest == ""
