"""One file over connections that break, from servers that fail, move or lie."""

from __future__ import annotations

import hashlib
import json

import numpy as np
import pytest

from tests.data.server import serving
from vsebench.data import fetch as module
from vsebench.data.fetch import fetch, hub_url
from vsebench.plugin import DataError

CONTENT = np.random.default_rng(0).bytes(300_000)
DIGEST = hashlib.sha256(CONTENT).hexdigest()


def quiet(what: str, done: int, total: int) -> None:
    """No progress."""


@pytest.fixture(autouse=True)
def at_once(monkeypatch):
    monkeypatch.setattr(module, "_WAIT", 0.0)
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "HF_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("no_proxy", "*")


@pytest.fixture
def site():
    with serving() as found:
        found.files["/f.zip"] = CONTENT
        yield found


@pytest.fixture
def target(tmp_path):
    return tmp_path / "folder" / "f.zip"


def left(target):
    return sorted(path.name for path in target.parent.iterdir())


@pytest.mark.parametrize("digest", [DIGEST, ""])
def test_a_file_comes_once(site, target, digest):
    seen = []
    found = fetch([f"{site.url}/f.zip"], target, digest, lambda *told: seen.append(told))
    assert target.read_bytes() == CONTENT
    assert (found.sha256, found.url) == (DIGEST, f"{site.url}/f.zip")
    assert left(target) == ["f.zip"]
    assert (seen[0], seen[-1]) == (("f.zip", 0, 300_000), ("f.zip", 300_000, 300_000))
    assert fetch([f"{site.url}/f.zip"], target, digest, quiet).url == ""
    assert len(site.asked) == 1


@pytest.mark.parametrize("digest", [DIGEST, ""])
def test_a_connection_that_breaks_goes_on_where_it_stopped(site, target, digest):
    site.cuts["/f.zip"] = [100_000, 0, 50_000]
    fetch([f"{site.url}/f.zip"], target, digest, quiet)
    assert target.read_bytes() == CONTENT
    assert [wanted for _, wanted in site.asked] == [
        None,
        "bytes=100000-",
        "bytes=100000-",
        "bytes=150000-",
    ]
    assert left(target) == ["f.zip"]


def test_a_command_that_ended_is_resumed_by_the_next(site, target):
    site.cuts["/f.zip"] = [100_000, *[0] * 20]
    with pytest.raises(DataError, match=r"broke off at byte 100000 .* the same command resumes"):
        fetch([f"{site.url}/f.zip"], target, "", quiet)
    assert left(target) == [".f.zip.part", ".f.zip.part.json"]
    site.cuts.clear()
    fetch([f"{site.url}/f.zip"], target, "", quiet)
    assert target.read_bytes() == CONTENT
    assert site.asked[-1] == ("/f.zip", "bytes=100000-")
    assert left(target) == ["f.zip"]


def test_a_file_that_changed_meanwhile_begins_anew(site, target):
    site.cuts["/f.zip"] = [100_000]
    changed = CONTENT[::-1]

    def change(what: str, done: int, total: int) -> None:
        if done == 100_000:
            site.files["/f.zip"], site.tags["/f.zip"] = changed, '"two"'

    fetch([f"{site.url}/f.zip"], target, "", change)
    assert target.read_bytes() == changed


def test_a_server_that_does_not_say_which_file_it_has_is_not_trusted_without_a_checksum(
    site, target
):
    site.tags["/f.zip"] = ""
    site.cuts["/f.zip"] = [100_000]
    fetch([f"{site.url}/f.zip"], target, "", quiet)
    assert target.read_bytes() == CONTENT
    assert [wanted for _, wanted in site.asked] == [None, None]


@pytest.mark.parametrize("there", [1, len(CONTENT)])
def test_a_server_without_ranges_sends_all_again(site, target, there):
    site.ranges = False
    target.parent.mkdir()
    (target.parent / ".f.zip.part").write_bytes(CONTENT[:there])
    fetch([f"{site.url}/f.zip"], target, DIGEST, quiet)
    assert target.read_bytes() == CONTENT


def test_what_was_whole_but_not_yet_in_its_place(site, target):
    target.parent.mkdir()
    (target.parent / ".f.zip.part").write_bytes(CONTENT)
    fetch([f"{site.url}/f.zip"], target, DIGEST, quiet)
    assert target.read_bytes() == CONTENT


def test_a_wrong_file_is_refused_and_nothing_of_it_is_left(site, target):
    wrong = hashlib.sha256(b"other").hexdigest()
    with pytest.raises(DataError, match=f"gave a file of SHA-256 {DIGEST}, expected {wrong}"):
        fetch([f"{site.url}/f.zip"], target, wrong, quiet)
    assert left(target) == []


def test_a_wrong_beginning_is_thrown_away(site, target):
    target.parent.mkdir()
    (target.parent / ".f.zip.part").write_bytes(b"of another file")
    fetch([f"{site.url}/f.zip"], target, DIGEST, quiet)
    assert target.read_bytes() == CONTENT


def test_another_file_in_its_place_is_not_replaced(site, target):
    target.parent.mkdir()
    target.write_bytes(b"mine")
    with pytest.raises(DataError, match=r"has SHA-256 .*: move it away"):
        fetch([f"{site.url}/f.zip"], target, DIGEST, quiet)
    assert target.read_bytes() == b"mine"
    assert site.asked == []


def test_a_mirror_takes_over_and_continues_what_a_checksum_vouches_for(site, target):
    site.files["/mirror/f.zip"] = CONTENT
    site.cuts["/f.zip"] = [100_000, *[0] * 20]
    urls = [f"{site.url}/gone.zip", f"{site.url}/f.zip", f"{site.url}/mirror/f.zip"]
    assert fetch(urls, target, DIGEST, quiet).url == urls[2]
    assert target.read_bytes() == CONTENT
    assert site.asked[-1] == ("/mirror/f.zip", "bytes=100000-")


def test_every_reason_is_given_when_none_has_it(site, target):
    site.statuses["/f.zip"] = [403]
    urls = [f"{site.url}/gone.zip", f"{site.url}/f.zip", "ftp://127.0.0.1/f.zip"]
    with pytest.raises(
        DataError,
        match=r"gone\.zip: 404 .*; \S*f\.zip: 403 .*; ftp://127\.0\.0\.1/f\.zip: ",
    ) as error:
        fetch(urls, target, DIGEST, quiet)
    assert "\n" not in str(error.value)
    assert left(target) == []


def test_a_busy_server_is_asked_again(site, target):
    site.statuses["/f.zip"] = [503, 500]
    fetch([f"{site.url}/f.zip"], target, DIGEST, quiet)
    assert target.read_bytes() == CONTENT


def test_a_server_that_is_not_there(target):
    with pytest.raises(DataError, match=r"broke off at byte 0 \(.*refused"):
        fetch(["http://127.0.0.1:9/f.zip"], target, DIGEST, quiet)


def test_a_redirect_is_followed(site, target):
    site.redirects["/moved.zip"] = f"{site.url}/f.zip"
    fetch([f"{site.url}/moved.zip"], target, DIGEST, quiet)
    assert target.read_bytes() == CONTENT


def test_the_hub_is_where_the_environment_says(site, target, monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", f"{site.url}/")
    site.files["/datasets/x/resolve/main/f.zip"] = CONTENT
    url = "https://huggingface.co/datasets/x/resolve/main/f.zip"
    assert fetch([url], target, DIGEST, quiet).url.startswith(site.url)
    assert hub_url("https://huggingface.co.example/f") == "https://huggingface.co.example/f"


def test_proxies_of_the_environment_are_asked(site, target, monkeypatch):
    monkeypatch.delenv("no_proxy")
    monkeypatch.setenv("http_proxy", site.url)
    site.files["http://far.example/f.zip"] = CONTENT
    fetch(["http://far.example/f.zip"], target, DIGEST, quiet)
    assert site.asked == [("http://far.example/f.zip", None)]


def test_a_damaged_note_only_costs_time(site, target):
    target.parent.mkdir()
    (target.parent / ".f.zip.part").write_bytes(CONTENT[:5])
    for note in ("{", json.dumps([1])):
        (target.parent / ".f.zip.part.json").write_text(note)
    fetch([f"{site.url}/f.zip"], target, "", quiet)
    assert target.read_bytes() == CONTENT
