"""A server of files on this machine that can be made to fail."""

from __future__ import annotations

import re
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass
class Site:
    """What is served, and what was asked for.

    Attributes:
        url: address of the server.
        files: contents by path.
        cuts: by path, after how many bytes of a body each answer in turn breaks off.
        statuses: by path, the status of each answer in turn, instead of the file.
        redirects: by path, where the file is.
        tags: by path, what is served as its ETag; empty for none.
        ranges: whether parts are served.
        asked: path and range of every request.
    """

    url: str
    files: dict[str, bytes] = field(default_factory=dict)
    cuts: dict[str, list[int]] = field(default_factory=dict)
    statuses: dict[str, list[int]] = field(default_factory=dict)
    redirects: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    ranges: bool = True
    asked: list[tuple[str, str | None]] = field(default_factory=list)

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        path, wanted = request.path, request.headers.get("Range")
        self.asked.append((path, wanted))
        if self.statuses.get(path):
            request.send_error(self.statuses[path].pop(0))
        elif path in self.redirects:
            request.send_response(302)
            request.send_header("Location", self.redirects[path])
            request.end_headers()
        elif path not in self.files:
            request.send_error(404)
        else:
            self._file(request, self.files[path], wanted)

    def _file(self, request: BaseHTTPRequestHandler, content: bytes, wanted: str | None) -> None:
        tag = self.tags.get(request.path, '"one"')
        start = 0
        condition = request.headers.get("If-Range")
        if wanted and self.ranges and condition in (None, tag):
            found = re.fullmatch(r"bytes=(\d+)-", wanted)
            assert found is not None
            start = int(found[1])
            if start >= len(content):
                request.send_response(416)
                request.send_header("Content-Range", f"bytes */{len(content)}")
                request.end_headers()
                return
            request.send_response(206)
            request.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        else:
            request.send_response(200)
        if tag:
            request.send_header("ETag", tag)
        request.send_header("Content-Length", str(len(content) - start))
        request.end_headers()
        cut = self.cuts[request.path].pop(0) if self.cuts.get(request.path) else None
        request.wfile.write(content[start:][:cut])


@contextmanager
def serving() -> Iterator[Site]:
    site = Site("")

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            site.answer(self)

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        site.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield site
        finally:
            server.shutdown()
            thread.join()
