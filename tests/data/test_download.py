"""The command, against cards whose addresses a mirror file sends to a server of this machine."""

from __future__ import annotations

import errno
import hashlib
import io
import re
import zipfile
from importlib import import_module

import pytest

from tests.data.server import serving
from vsebench import files as writing
from vsebench.cli.app import main
from vsebench.data import fetch as module
from vsebench.plugin.host.loader import load_plugins

PLUGIN = """
from vsebench.plugin import DatasetCard, Download, hookimpl


@hookimpl
def vsebench_register_datasets(register):
    members = {{"a.txt": "{a}", "b.txt": ""}}
    text = Download("text.zip", ("https://far.example/text.zip",), members=members)
    plain = Download("plain.bin", ("https://far.example/plain.bin",), sha256="{plain}")
    photos = Download(
        "photos.zip", ("https://far.example/photos.zip",), folder="images", only_with="images"
    )
    card = DatasetCard("mine", prepare="Ask us.", downloads=(text, plain, photos))
    register("served", "vsebench.data.precomp:Precomp", card=card)
"""


def packed(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as members:
        for name, content in files.items():
            members.writestr(name, content)
    return buffer.getvalue()


@pytest.fixture
def site(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_WAIT", 0.0)
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.chdir(tmp_path)
    with serving() as found:
        found.files = {
            "/text.zip": packed(
                {"x/a.txt": b"first", "x/b.txt": b"second", "__MACOSX/x/._a.txt": b"", "c": b""}
            ),
            "/plain.bin": b"plain",
            "/photos.zip": packed(
                {"P/1.jpg": b"one", "P/2.jpg": b"two", "__MACOSX/P/._1.jpg": b"", "P/readme": b""}
            ),
        }
        (tmp_path / "mirrors.toml").write_text(f'"https://far.example/" = ["{found.url}/"]\n')
        (tmp_path / "plugin.py").write_text(
            PLUGIN.format(
                a=hashlib.sha256(b"first").hexdigest(), plain=hashlib.sha256(b"plain").hexdigest()
            )
        )
        yield found


def get(capsys, *arguments: str, code: int = 0) -> tuple[str, str]:
    common = ("--plugin", "plugin.py", "--mirrors", "mirrors.toml", "--quiet")
    with pytest.raises(SystemExit) as caught:
        main(["data", "get", "served", *common, *arguments])
    assert caught.value.code == code
    return capsys.readouterr()


def contents(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_what_may_be_downloaded_comes_and_the_rest_is_said(capsys, site, tmp_path):
    out, err = get(capsys)
    folder = tmp_path / "data" / "served"
    assert contents(folder) == {"a.txt": b"first", "b.txt": b"second", "plain.bin": b"plain"}
    digest = hashlib.sha256(b"first").hexdigest()
    assert out.splitlines()[0] == f"data/served/a.txt: got, SHA-256 {digest}, as expected"
    assert "b.txt: got, SHA-256" in out
    assert "nobody published one to compare with" in out
    assert "not asked for: images (--with images)" in out
    assert out.endswith("To prepare it:\nAsk us.\n")
    assert err == ""
    asked = len(site.asked)
    assert get(capsys).out.splitlines()[:2] == [
        "data/served/a.txt: there",
        "data/served/b.txt: there",
    ]
    assert len(site.asked) == asked


def test_images_come_on_request_and_side_by_side(capsys, site, tmp_path):
    out, _ = get(capsys, "--with", "images", "--to", "folder")
    assert "folder/images: got, 2 images" in out
    assert contents(tmp_path / "folder" / "images") == {"1.jpg": b"one", "2.jpg": b"two"}
    assert "folder/images: there" in get(capsys, "--with", "images", "--to", "folder").out


def test_a_member_that_was_lost_comes_again_alone(capsys, site, tmp_path):
    get(capsys)
    (tmp_path / "data" / "served" / "b.txt").unlink()
    out, _ = get(capsys)
    assert "a.txt: there" in out
    assert "b.txt: got" in out


def test_a_full_disk_is_no_damaged_archive(capsys, site, tmp_path, monkeypatch):
    """What was downloaded is kept for the next command."""

    def full(path, content):
        raise writing.cannot_write(path, OSError(errno.ENOSPC, "No space left on device"))

    with monkeypatch.context() as filling:
        filling.setattr(import_module("vsebench.data.download"), "write_bytes", full)
        _, err = get(capsys, "--to", "folder", code=2)
    assert "No space left on device" in err
    assert "zip" not in err
    assert "a.txt: got" in get(capsys, "--to", "folder").out
    assert [path for path, _ in site.asked].count("/text.zip") == 1


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"/text.zip": b"no archive"}, "text.zip is no whole zip file"),
        (
            {"/text.zip": packed({"a.txt": b"else", "b.txt": b""})},
            "a.txt in the archive has SHA-256",
        ),
        ({"/text.zip": packed({"a.txt": b"first"})}, "has 0 files b.txt, expected one"),
        ({"/plain.bin": b"else"}, "gave a file of SHA-256"),
        ({"/plain.bin": None}, "plain.bin could not be downloaded: .*404"),
        ({"/photos.zip": packed({"readme": b""})}, "has 0 images with 0 names"),
        ({"/photos.zip": packed({"a/1.jpg": b"", "b/1.jpg": b""})}, "has 2 images with 1 names"),
    ],
)
def test_what_is_not_as_expected_is_one_line_and_leaves_nothing_of_itself(
    capsys, site, tmp_path, files, message
):
    for name, content in files.items():
        if content is None:
            del site.files[name]
        else:
            site.files[name] = content
    # what the mirror does not have is asked for at its own address, which is not there
    (tmp_path / "plugin.py").write_text(
        (tmp_path / "plugin.py").read_text().replace("https://far.example", site.url)
    )
    _, err = get(capsys, "--with", "images", "--to", "folder", code=2)
    assert err.count("\n") == 1
    assert re.search(message, err)
    there = contents(tmp_path / "folder")
    assert set(there) <= {"a.txt", "b.txt", "plain.bin"}
    assert there.get("a.txt", b"first") == b"first"
    assert there.get("plain.bin", b"plain") == b"plain"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x", "is not TOML"),
        ("a" + ".a" * 40 + " = 1", "is not TOML: a key has more than 32 parts"),
        ("a = " + "[" * 100_000, "is not TOML: it is nested too deeply"),
        ('"https://a/" = "https://b/"', "must be a list of addresses"),
        (None, "is missing: it was to name mirrors"),
    ],
)
def test_a_mirror_file_that_is_none(capsys, site, tmp_path, text, message):
    path = tmp_path / "mirrors.toml"
    path.unlink() if text is None else path.write_text(text)
    _, err = get(capsys, code=2)
    assert message in err


def test_wrong_requests(capsys, site):
    _, err = get(capsys, "--with", "image", code=2)
    assert "has no 'image' to download: did you mean 'images'?" in err
    with pytest.raises(SystemExit):
        main(["data", "get", "mirflickr"])
    out = capsys.readouterr().out
    assert "nothing of mirflickr can be downloaded by a command" in out
    assert "Get mirflickr25k-yall.mat" in out


def test_built_in_downloads_are_named_once_and_have_whole_digests():
    for component in load_plugins().registry:
        for download in getattr(component.card, "downloads", ()):
            digests = [download.sha256, *download.members.values()]
            assert all(len(digest) in (0, 64) for digest in digests)
            assert all(url.startswith("https://") for url in download.urls)
            assert not (download.members and download.folder)
