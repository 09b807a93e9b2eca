"""Which files are found below a folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vsebench.data.prepare.gather import find

if TYPE_CHECKING:
    from pathlib import Path


def test_links_are_followed_and_lead_to_each_folder_once(tmp_path: Path) -> None:
    elsewhere, root = tmp_path / "elsewhere", tmp_path / "root"
    for folder in (elsewhere, root / "one", root / "two", root / "out"):
        folder.mkdir(parents=True)
        (folder / "1.jpg").touch()
    (root / "linked").symlink_to(elsewhere)
    for folder in (root / "one", root / "two"):
        (folder / "loop").symlink_to(root)
    found = find(root, root / "out")
    assert sorted(path.relative_to(root).as_posix() for path in found.images) == [
        "linked/1.jpg",
        "one/1.jpg",
        "two/1.jpg",
    ]
