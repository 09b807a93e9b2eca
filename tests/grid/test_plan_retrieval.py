"""The content of a component's own files in its version."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from vsebench.grid.plan_retrieval import with_content
from vsebench.plugin import DataError, PluginError
from vsebench.plugin.host.loader import load_plugins
from vsebench.results.components import resolve_ref

if TYPE_CHECKING:
    from pathlib import Path

    from vsebench.results.components import ComponentRef

PLUGIN = """
from pathlib import Path
from vsebench.plugin import Card, EncoderCard, Param, hookimpl

def files(folder):
    return list(Path(folder).glob("*.bin"))

@hookimpl
def vsebench_register_encoders(register):
    params = [Param("folder", ""), Param("rate", 0.1)]
    card = EncoderCard("reads files", files=__name__ + ":files", version="3")
    register("reading", "a:B", side="image", card=card, params=params)
    card = EncoderCard("names no function", files="nowhere:files")
    register("broken", "a:B", side="image", card=card)
    register("plain", "a:B", side="image", card=Card("reads nothing"))
"""


def version(plugin: str, spec: str) -> str:
    registry = load_plugins((plugin,)).registry
    ref: ComponentRef = with_content(
        "image-encoder", resolve_ref("image-encoder", spec, registry), registry
    )
    return ref.version.partition("+")[0] + "+" + ref.version.rpartition("+")[2]


@pytest.fixture
def plugin(tmp_path: Path) -> str:
    file = tmp_path / "reading.py"
    file.write_text(PLUGIN, encoding="utf-8")
    return str(file)


def test_the_content_counts_and_the_folder_does_not(plugin: str, tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    for folder in (here, there):
        folder.mkdir()
        (folder / "a.bin").write_bytes(b"weights")
    first = version(plugin, f"reading:folder={here}")
    assert first.startswith("3+")
    assert version(plugin, f"reading:folder={there}:rate=0.5") == first
    (there / "a.bin").write_bytes(b"Weights")
    assert version(plugin, f"reading:folder={there}") != first
    (here / "a.bin").rename(here / "b.bin")
    assert version(plugin, f"reading:folder={here}") != first


def test_a_component_without_files_stays_as_it_is(plugin: str) -> None:
    registry = load_plugins((plugin,)).registry
    ref = resolve_ref("image-encoder", "plain", registry)
    assert with_content("image-encoder", ref, registry) == ref


def test_no_files_at_all_are_an_error(plugin: str, tmp_path: Path) -> None:
    with pytest.raises(
        DataError, match="image-encoder 'reading' found no files for 'reading:folder="
    ):
        version(plugin, f"reading:folder={tmp_path / 'nowhere'}")


def test_a_card_that_names_no_function_is_the_plugins_fault(plugin: str) -> None:
    with pytest.raises(
        PluginError,
        match=(
            r"image-encoder 'broken' of plugin 'reading' .* "
            r"cannot be imported from nowhere:files"
        ),
    ):
        version(plugin, "broken")
