"""Tables that are fetched from the Hugging Face Hub."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.data.prepare.hub_tables import NAMES, check, write


class Hub(BaseHTTPRequestHandler):
    """What huggingface_hub asks of the hub for a data set's files."""

    root = None

    def do_GET(self) -> None:
        self._answer(body=True)

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def _answer(self, *, body: bool) -> None:
        path = self.path.partition("?")[0]
        if path.startswith("/api/datasets/us/photos/revision/"):
            names = [p.relative_to(self.root).as_posix() for p in self.root.rglob("*.parquet")]
            found = {
                "id": "us/photos",
                "sha": "a" * 40,
                "siblings": [{"rfilename": n} for n in names],
            }
            self._send(json.dumps(found).encode(), body=body)
        elif path.startswith("/api/datasets/us/photos/tree/"):
            files = [
                {"type": "file", "oid": "b" * 40, "size": p.stat().st_size, "path": name}
                for p in self.root.rglob("*.parquet")
                for name in [p.relative_to(self.root).as_posix()]
            ]
            self._send(json.dumps(files).encode(), body=body)
        elif path.startswith(start := f"/datasets/us/photos/resolve/{'a' * 40}/"):
            self._send((self.root / path.removeprefix(start)).read_bytes(), body=body)
        else:
            self.send_error(404)

    def _send(self, content: bytes, *, body: bool) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("ETag", f'"{hashlib.sha256(content).hexdigest()}"')
        self.send_header("X-Repo-Commit", "a" * 40)
        self.end_headers()
        if body:
            self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Says nothing."""


def test_a_data_set_of_the_hub_comes_from_where_the_environment_says(tmp_path):
    Hub.root = write(tmp_path / "in", "lists")
    with ThreadingHTTPServer(("127.0.0.1", 0), Hub) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        address = f"http://127.0.0.1:{server.server_address[1]}"
        kept = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
        environment = kept | {
            "HF_ENDPOINT": address,
            "HF_HOME": str(tmp_path / "hub"),
            "no_proxy": "*",
        }

        def ask(name: str) -> subprocess.CompletedProcess[str]:
            target = ("--as", "mine", "--to", str(tmp_path / "out"), "--quiet")
            return subprocess.run(
                [
                    sys.executable,
                    "-m",
                    "vsebench",
                    "data",
                    "prepare",
                    "--from",
                    f"hf:{name}",
                    *target,
                ],
                capture_output=True,
                text=True,
                env=environment,
                cwd=tmp_path,
            )

        missing = ask("us/nothing")
        done = ask("us/photos")
        server.shutdown()
    assert (missing.returncode, missing.stderr.count("\n")) == (2, 1)
    assert "there is no data set 'us/nothing'" in missing.stderr
    assert done.returncode == 0, done.stderr
    check(tmp_path, NAMES["lists"])
