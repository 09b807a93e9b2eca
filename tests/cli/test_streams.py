"""Whatever a terminal or pipe can show, commands end as they should, and say it as well as they
can.
"""

from __future__ import annotations

import io
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.factories import make_curve, make_record, make_spec, save
from vsebench.cli.shared.terminal import never_fail

if TYPE_CHECKING:
    from pathlib import Path

ENVIRONMENTS = {
    "ascii": {"PYTHONIOENCODING": "ascii"},
    "latin-1": {"PYTHONIOENCODING": "latin-1"},
    "C": {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"},
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs")
    for pooling, rsum in (("gpo", 320.0), ("mean", 290.0)):
        for seed in (0, 1):
            curve = make_curve([rsum - 100, rsum])
            save(out, make_record(make_spec(pooling, seed=seed), rsum=rsum + seed), curve)
    return out


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_no_encoding_ends_in_a_traceback(folder: Path, tmp_path: Path, name: str) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "import sys\n"
        "from vsebench.cli.app import main\n"
        "here, absent = sys.argv[1:]\n"
        "for arguments in (['report', here], ['runs', here], ['report', absent]):\n"
        "    try:\n"
        "        main(arguments)\n"
        "    except SystemExit as ended:\n"
        "        print(ended.code)\n",
        encoding="utf-8",
    )
    done = subprocess.run(
        [sys.executable, script, str(folder), "föhn—".encode()],
        env={**os.environ, **ENVIRONMENTS[name]},
        capture_output=True,
        check=False,
    )
    out, err = (stream.decode("latin-1") for stream in (done.stdout, done.stderr))
    assert done.returncode == 0, err
    assert [line for line in out.splitlines() if line in ("0", "2")] == ["0", "0", "2"]
    assert "Traceback" not in err
    assert err.startswith("vsebench: error: there is no folder f")
    assert "R@1" in out
    if name == "latin-1":
        assert "320.5 ±" in out
        assert "gpo × triplet" in out


def test_what_an_encoding_lacks_comes_out_as_what_is_nearest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    buffer = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(buffer, encoding="latin-1"))
    never_fail()
    print("± × · – … † ‡ ↑ → 猫 \udc80", end="", flush=True)
    assert buffer.getvalue().decode("latin-1") == "± × · - ... + ++ ^ -> ? ?"
