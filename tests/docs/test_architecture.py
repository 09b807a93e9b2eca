"""docs/architecture.md names files and packages that exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
FILES = sorted(set(re.findall(r"(?<![\w./-])[a-z_]+(?:/[a-z_]+)+\.py\b", PAGE)))
PACKAGES = sorted(set(re.findall(r"^\| `vsebench\.([a-z.]+)` \|(.*)", PAGE, flags=re.MULTILINE)))


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_is_named_exists(name: str) -> None:
    homes = (ROOT, ROOT / "vsebench", ROOT / "plugins" / "vsebench_plugins", ROOT / "plugins")
    assert any((home / name).is_file() for home in homes)


@pytest.mark.parametrize(("package", "row"), PACKAGES, ids=[package for package, _ in PACKAGES])
def test_a_module_that_a_package_is_said_to_have_exists(package: str, row: str) -> None:
    folder = ROOT / "vsebench" / package.replace(".", "/")
    assert folder.is_dir() or folder.with_suffix(".py").is_file()
    for module in re.findall(r"`([a-z_]+\.py)`", row):
        assert (folder / module).is_file()


def test_every_package_has_a_row() -> None:
    found = {path.parent.name for path in (ROOT / "vsebench").glob("*/__init__.py")}
    assert found <= {package for package, _ in PACKAGES}


@pytest.mark.parametrize(
    "package",
    sorted((ROOT / "vsebench").rglob("__init__.py")),
    ids=lambda path: str(path.parent.relative_to(ROOT)),
)
def test_a_package_says_what_is_in_it(package: Path) -> None:
    assert package.read_text(encoding="utf-8").startswith('"""')
