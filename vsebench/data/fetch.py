"""One file from the first address that gives it.

What has come lies in a hidden file beside its place until all of it is there and its SHA-256 is the
expected one. A download that was cut short resumes where it stopped, within the command and in the
next one.
"""

from __future__ import annotations

import http.client
import json
import os
import ssl
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vsebench.data.cache import file_digest, read_note
from vsebench.files import guarded, move, settle, write_text
from vsebench.plugin import DataError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    Report = Callable[[str, int, int], None]

HUB = "https://huggingface.co"
_READ, _SECONDS, _TRIES = 1 << 20, 60, 5
_WAIT = 1.0
"""Seconds before the second try; each further one waits twice as long."""

_CUT = (
    ConnectionError,
    TimeoutError,
    http.client.HTTPException,
    ssl.SSLError,
    urllib.error.URLError,
)
"""What a connection that breaks raises."""


@dataclass(frozen=True)
class Fetched:
    """A file that is there: its SHA-256 and the address that gave it, empty when it was there."""

    sha256: str
    url: str = ""


class _ChangedError(Exception):
    """What has come is not the beginning of what the server has."""


def fetch(urls: Sequence[str], target: Path, sha256: str, report: Report) -> Fetched:
    """Brings a file, or finds it.

    Args:
        urls: addresses, http or https, tried in turn; those of the Hugging Face hub go to
            `HF_ENDPOINT` where it is set, and proxies are those of the environment.
        target: where the file goes.
        sha256: expected SHA-256, hexadecimal; empty when nobody published one.
        report: callback that is told what is done, how many bytes of it, and of how many.

    Raises:
        DataError: another file is there, no address gives the file, or it is another one.
        WriteError: it cannot be written.
    """
    if target.exists():
        found = file_digest(target)
        if sha256 and found != sha256:
            raise DataError(
                f"{target} has SHA-256 {found}, expected {sha256}: move it away, and run the same "
                "command again"
            )
        return Fetched(found)
    part = target.with_name(f".{target.name}.part")
    reasons = []
    with guarded(target, choose="another --to", resumes=True):
        target.parent.mkdir(parents=True, exist_ok=True)
        for url in map(hub_url, urls):
            try:
                found = _from(
                    url, part, sha256, lambda done, total: report(target.name, done, total)
                )
            except DataError as error:
                reasons.append(f"{url}: {error}")
                continue
            move(part, target)
            _note(part).unlink(missing_ok=True)
            return Fetched(found, url)
    raise DataError(f"{target.name} could not be downloaded: {'; '.join(reasons)}")


def hub_url(url: str) -> str:
    """An address of the hub at the endpoint that the environment names."""
    endpoint = os.environ.get("HF_ENDPOINT", "").rstrip("/")
    return endpoint + url.removeprefix(HUB) if endpoint and url.startswith(f"{HUB}/") else url


def _from(url: str, part: Path, sha256: str, told: Callable[[int, int], None]) -> str:
    """Brings all of a file to `part` from one address; its SHA-256.

    Raises:
        DataError: the address does not give it, gives another, or breaks off again and again.
    """
    if not url.startswith(("http://", "https://")):
        raise DataError("is no http or https address")
    begun, tries, size = _size(part), 0, 0
    while reason := _attempt(url, part, sha256, told):
        now = _size(part)
        tries, size = (1 if now > size else tries + 1), now
        if tries == _TRIES:
            kept = "; the same command resumes there" if now else ""
            raise DataError(f"broke off at byte {now} ({reason}){kept}")
        time.sleep(_WAIT * 2 ** (tries - 1))
    found = file_digest(part)
    if sha256 and found != sha256:
        part.unlink()
        _note(part).unlink(missing_ok=True)
        if begun:  # perhaps of another file, which an earlier command did not bring to its end
            return _from(url, part, sha256, told)
        raise DataError(f"gave a file of SHA-256 {found}, expected {sha256}; it was not kept")
    return found


def _attempt(url: str, part: Path, sha256: str, told: Callable[[int, int], None]) -> str:
    """Reads on, until the end or until the connection breaks; why it broke, empty at the end.

    Raises:
        DataError: the server does not have the file, or does not give it.
    """
    try:
        _continue(url, part, sha256, told)
    except _ChangedError:
        part.unlink(missing_ok=True)
        return "the file had changed"
    except urllib.error.HTTPError as error:
        if error.code < http.HTTPStatus.INTERNAL_SERVER_ERROR:
            raise DataError(f"{error.code} {error.reason}") from None
        return f"{error.code} {error.reason}"
    except _CUT as error:
        return str(getattr(error, "reason", None) or error) or type(error).__name__
    return ""


def _continue(url: str, part: Path, sha256: str, told: Callable[[int, int], None]) -> None:
    """Reads until the end, from where `part` ends if the server can.

    What came from another address is continued only where a checksum will tell whether it fits;
    from the same one, only if the server says that its file is the same.

    Raises:
        _ChangedError: `part` must be thrown away first.
        ConnectionError: the connection broke, or the answer was cut short, as other errors of
            `_CUT` say too.
    """
    done, known = _size(part), _known(part)
    version = known.get("version", "") if known.get("url") == url else ""
    if done and not (version or sha256):
        raise _ChangedError
    answer = _ask(url, done, version)
    if answer is None:
        return
    with answer, part.open("ab") as file:
        resumed = answer.status == http.HTTPStatus.PARTIAL_CONTENT
        if resumed and not str(answer.headers.get("Content-Range")).startswith(f"bytes {done}-"):
            raise _ChangedError
        if not resumed:
            file.truncate(0)
            done = 0
        version = answer.headers.get("ETag") or answer.headers.get("Last-Modified") or ""
        write_text(
            _note(part),
            json.dumps({"url": url, "version": "" if version.startswith("W/") else version}),
        )
        length = answer.headers.get("Content-Length")
        total = done + int(length) if length and length.isdigit() else 0
        told(done, total)
        while content := answer.read(_READ):
            file.write(content)
            done += len(content)
            told(done, total)
        settle(file)
        if done < total:
            raise ConnectionError(f"{done} of {total} bytes came")


def _ask(url: str, done: int, version: str) -> http.client.HTTPResponse | None:
    """The answer of a server that is asked for the bytes from `done` on; None when there are no
    more.
    """
    request = urllib.request.Request(url, headers={"User-Agent": "vsebench"})  # checked
    if done:
        request.add_header("Range", f"bytes={done}-")
        if version:
            request.add_header("If-Range", version)
    try:
        # A new opener, for the proxies that the environment names now
        answer: http.client.HTTPResponse = urllib.request.build_opener().open(
            request, timeout=_SECONDS
        )
    except urllib.error.HTTPError as error:
        if not done or error.code != http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            raise
        if error.headers.get("Content-Range") == f"bytes */{done}":
            return None
        raise _ChangedError from None
    return answer


def _size(part: Path) -> int:
    return part.stat().st_size if part.exists() else 0


def _note(part: Path) -> Path:
    """What is known of the server's file."""
    return part.with_name(f"{part.name}.json")


def _known(part: Path) -> dict[str, str]:
    note = read_note(_note(part)) or {}
    return {key: text for key, text in note.items() if isinstance(text, str)}
