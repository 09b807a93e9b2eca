from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from tests.factories import make_record, make_spec, save
from vsebench.plugin.metrics import RECALLS
from vsebench.results.protocol import Protocol

PUBLISHED = dict(zip((*RECALLS, "rsum"), (76.5, 94.2, 97.7, 56.4, 83.4, 89.9, 498.1), strict=True))


def leave(out, pooling="gpo", gap=0.0, seeds=3):
    for seed in range(seeds):
        spec = make_spec(pooling, seed=seed, dataset="flickr30k", protocol=Protocol())
        save(out, make_record(spec, test={**PUBLISHED, "rsum": PUBLISHED["rsum"] + gap}))


@pytest.fixture
def verify(prints, refusal, monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")

    def call(*arguments, code=0):
        if code == 2:
            return refusal("verify", *arguments)
        printed = prints("verify", *arguments, code=code)
        assert printed.err == ""
        return printed.out

    return call


def test_a_reproduced_row_exits_with_0_and_another_with_3(tmp_path, verify):
    leave(tmp_path, gap=-5.0)
    assert "\nREPRODUCED." in verify("gpo", tmp_path)
    leave(tmp_path, gap=-6.0)
    printed = verify("gpo", tmp_path, code=3)
    assert "NOT REPRODUCED. Outside: RSUM." in printed
    assert max(map(len, printed.splitlines())) <= 100


def test_limits_hold_together_with_the_level_that_is_asked(tmp_path, verify):
    leave(tmp_path, gap=-6.0)
    assert "hold together with 99.9 %" in verify("gpo", tmp_path, "--level", "0.999")


def test_one_seed_does_not_pass_a_gate_and_is_no_failure_either(tmp_path, verify):
    leave(tmp_path, seeds=1)
    assert "TOO FEW SEEDS" in verify("gpo", tmp_path, code=4)


def test_json_is_written_whatever_the_verdict(tmp_path, verify):
    leave(tmp_path, gap=-6.0)
    assert (
        json.loads(verify("gpo", tmp_path, "--format", "json", code=3))["verdict"]
        == "not reproduced"
    )


def test_a_gate_that_compares_nothing_does_not_pass(tmp_path, verify):
    leave(tmp_path, "gpo/max")
    assert "nothing compared" in verify("gpo", tmp_path, code=4)


def test_wrong_requests_are_one_line(tmp_path, verify, monkeypatch):
    leave(tmp_path / "runs", "max")
    runs = tmp_path / "runs"
    assert "did you mean 'gpo'?" in verify("gpoo", runs, code=2)
    assert "no published figures name 'adaptive'" in verify("adaptive", runs, code=2)
    assert "no finished run" in verify("gpo", runs, code=2)
    assert "there is no folder" in verify("gpo", tmp_path / "absent", code=2)
    (tmp_path / "empty").mkdir()
    assert "holds no runs" in verify("gpo", tmp_path / "empty", code=2)
    assert "did you mean 'json'?" in verify("gpo", runs, "--format", "jsn", code=2)
    monkeypatch.chdir(tmp_path)
    assert "no finished run in runs uses" in verify("gpo", code=2)


def test_it_needs_no_torch(tmp_path):
    leave(tmp_path)
    script = (
        "import sys\nimport typer\nfrom pathlib import Path\nfrom vsebench.cli.verify import "
        "verify_command\n"
        "try:\n    verify_command('gpo', Path(sys.argv[1]))\nexcept typer.Exit:\n    pass\n"
        "sys.exit(str([name for name in sys.modules if name.split('.')[0] in ('torch', "
        "'transformers', 'numba')][:3]).strip('[]') or 0)"
    )
    ran = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)],
        capture_output=True,
        text=True,
        env={**os.environ, "COLUMNS": "100"},
    )
    assert (ran.returncode, ran.stderr) == (0, "")
