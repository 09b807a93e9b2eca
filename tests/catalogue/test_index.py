"""The catalogue's index: the one in the repository is valid, and what is not valid is refused in
one line.
"""

from __future__ import annotations

import io
import urllib.request
from typing import TYPE_CHECKING
from urllib.error import URLError

import pytest

from tests.catalogue.entries import VALID, index, toml
from vsebench.catalogue.index import SHIPPED, added, read_index
from vsebench.plugin import PluginError

if TYPE_CHECKING:
    from pathlib import Path

REFUSED = {
    "no name": ({"name": None}, "package number 1, name: Field required"),
    "name in another form": (
        {"name": "Vsebench_Acme"},
        "name: write 'vsebench-acme', the normal form of 'Vsebench_Acme'",
    ),
    "no name of a distribution": ({"name": "a b"}, "name: 'a b' is no name of a distribution"),
    "this package": ({"name": "vsebench"}, "name: 'vsebench' is this package itself"),
    "long summary": ({"summary": "x" * 121}, "summary: String should have at most 120 characters"),
    "empty summary": ({"summary": " "}, "summary: write one line"),
    "http": (
        {"repository": "http://example.org/x"},
        "repository: 'http://example.org/x' is no address that begins with https://",
    ),
    "address with a space": (
        {"repository": "https://example.org/x y"},
        "is no address that begins with https://",
    ),
    "address without a host": (
        {"repository": "https:///x"},
        "is no address that begins with https://",
    ),
    "folder elsewhere": (
        {"repository": "../x"},
        (
            "'../x' is neither an address that begins with https:// nor a folder plugins/… of this "
            "repository"
        ),
    ),
    "unknown licence": ({"license": "free"}, "license: 'free' is no SPDX expression"),
    "licence in another form": ({"license": "mit"}, "license: write 'MIT'"),
    "no version": ({"version": "new"}, "version: 'new' is no version"),
    "version of vsebench": ({"vsebench": ">=0.1"}, "vsebench: '>=0.1' is no version"),
    "no components": ({"components": {}}, "components: name the components by kind"),
    "an empty kind": ({"components": {"pooling": []}}, "components: name the components by kind"),
    "unknown kind": (
        {"components": {"poolings": ["acme"]}},
        "components: unknown kind of component 'poolings': did you mean 'pooling'?",
    ),
    "bad component": (
        {"components": {"pooling": ["a,b"]}},
        "pooling 'a,b' is no name of a component",
    ),
    "component twice": (
        {"components": {"pooling": ["a", "a"]}},
        "pooling 'a' is no name of a component, or stands there twice",
    ),
    "unknown field": ({"licence": "MIT"}, "licence: Extra inputs are not permitted"),
}


def test_the_catalogue_of_this_repository_is_valid():
    read_index()
    assert SHIPPED.is_file()


def test_an_entry_is_read(tmp_path: Path):
    (entry,) = read_index(index(tmp_path, toml()))
    assert entry.model_dump() == {**VALID, "components": {"pooling": ("acme",)}}
    assert entry.source == "git+https://example.org/acme/vsebench-acme"
    (entry,) = read_index(index(tmp_path, toml(repository="plugins/examples/acme")))
    assert entry.source == "./plugins/examples/acme"


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_not_valid_is_refused_in_one_line(case: str, tmp_path: Path):
    changes, message = REFUSED[case]
    with pytest.raises(PluginError) as caught:
        read_index(index(tmp_path, toml(**changes)))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_packages_come_once_and_in_order(tmp_path: Path):
    first, second = toml(), toml(name="vsebench-zebra").removeprefix("schema = 1\n")
    assert [entry.name for entry in read_index(index(tmp_path, first + second))] == [
        "vsebench-acme",
        "vsebench-zebra",
    ]
    for text in (
        toml(name="vsebench-zebra") + toml().removeprefix("schema = 1\n"),
        first + toml().removeprefix("schema = 1\n"),
    ):
        with pytest.raises(PluginError, match=r"'vsebench-acme' stands after '.*': .*alphabetical"):
            read_index(index(tmp_path, text))


def test_files_that_cannot_be_read_are_one_line(tmp_path: Path):
    with pytest.raises(PluginError, match=r"'nowhere\.toml' cannot be read"):
        read_index("nowhere.toml")
    with pytest.raises(PluginError, match="not valid TOML in UTF-8"):
        read_index(index(tmp_path, "schema ="))
    with pytest.raises(PluginError, match="schema: Input should be 1"):
        read_index(index(tmp_path, "schema = 2"))


def test_the_network_is_used_when_asked_for_only(monkeypatch: pytest.MonkeyPatch):
    asked: list[str] = []

    def answer(address: str, timeout: float) -> io.BytesIO:
        asked.append(address)
        if "broken" in address:
            raise URLError("no route")
        return io.BytesIO(toml().encode())

    monkeypatch.setattr(urllib.request, "urlopen", answer)
    read_index()
    assert asked == []
    assert [entry.name for entry in read_index("https://example.org/index.toml")] == [
        "vsebench-acme"
    ]
    with pytest.raises(PluginError, match=r"the catalogue 'https://broken/' cannot be read"):
        read_index("https://broken/")
    with pytest.raises(
        PluginError, match="expected a file, or an address that begins with https://"
    ):
        read_index("http://example.org/index.toml")
    assert asked == ["https://example.org/index.toml", "https://broken/"]


def test_what_was_added_or_changed(tmp_path: Path):
    base = read_index(index(tmp_path, toml()))
    changed = read_index(
        index(
            tmp_path,
            toml(version="0.3.0") + toml(name="vsebench-zebra").removeprefix("schema = 1\n"),
        )
    )
    assert added(base, base) == []
    assert [entry.name for entry in added(changed, base)] == ["vsebench-acme", "vsebench-zebra"]
    assert added((), base) == []
