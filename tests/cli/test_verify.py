from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from tests.factories import make_record, make_spec, save
from vsebench.cli.app import main
from vsebench.plugin.metrics import RECALLS
from vsebench.results.protocol import Protocol

PUBLISHED = dict(zip((*RECALLS, "rsum"), (76.5, 94.2, 97.7, 56.4, 83.4, 89.9, 498.1), strict=True))


def leave(out, pooling="gpo", gap=0.0):
    spec = make_spec(pooling, dataset="flickr30k", protocol=Protocol())
    save(out, make_record(spec, test={**PUBLISHED, "rsum": PUBLISHED["rsum"] + gap}))


@pytest.fixture
def verify(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")

    def call(*arguments, code=0):
        with pytest.raises(SystemExit) as caught:
            main(["verify", *map(str, arguments)])
        assert caught.value.code == code
        printed = capsys.readouterr()
        if code == 2:
            assert printed.out == ""
            assert printed.err.startswith("vsebench: error: ")
            assert printed.err.count("\n") == 1
        else:
            assert printed.err == ""
        return printed.err if code == 2 else printed.out

    return call


def test_a_reproduced_figure_exits_with_0_and_a_missed_one_with_3(tmp_path, verify):
    leave(tmp_path, gap=-5.0)
    assert "Within tolerance." in verify("gpo", "--results", tmp_path)
    leave(tmp_path, gap=-5.1)
    printed = verify("gpo", "--results", tmp_path, code=3)
    assert "OUTSIDE TOLERANCE: RSUM." in printed
    assert max(map(len, printed.splitlines())) <= 100


def test_the_tolerance_can_be_chosen(tmp_path, verify):
    leave(tmp_path, gap=-6.0)
    assert "Tolerance: 2 points of a recall and 6 of RSUM" in verify(
        "gpo", "--results", tmp_path, "--tolerance", "2,6"
    )
    verify("gpo", "--results", tmp_path, "--tolerance", "0,5.9", code=3)


def test_json_is_written_whatever_the_verdict(tmp_path, verify):
    leave(tmp_path, gap=-6.0)
    assert (
        json.loads(verify("gpo", "--results", tmp_path, "--format", "json", code=3))["verdict"]
        == "outside"
    )


def test_a_gate_that_compares_nothing_does_not_pass(tmp_path, verify):
    leave(tmp_path, "gpo/max")
    assert "nothing compared" in verify("gpo", "--results", tmp_path, code=4)


@pytest.mark.parametrize("tolerance", ["5", "1,2,3", "a,b", "-1,5", "1,-5", "nan,5", "1,inf", ""])
def test_a_tolerance_is_two_numbers(tmp_path, verify, tolerance):
    leave(tmp_path)
    assert f"such as 2,5; got '{tolerance}'" in verify(
        "gpo", "--results", tmp_path, f"--tolerance={tolerance}", code=2
    )


def test_wrong_requests_are_one_line(tmp_path, verify):
    leave(tmp_path / "runs", "max")
    runs = tmp_path / "runs"
    assert "did you mean 'gpo'?" in verify("gpoo", "--results", runs, code=2)
    assert "no published figures name 'adaptive'" in verify("adaptive", "--results", runs, code=2)
    assert "no finished run" in verify("gpo", "--results", runs, code=2)
    assert "there is no folder" in verify("gpo", "--results", tmp_path / "absent", code=2)
    (tmp_path / "empty").mkdir()
    assert "holds no runs" in verify("gpo", "--results", tmp_path / "empty", code=2)
    assert "did you mean 'json'?" in verify("gpo", "--results", runs, "--format", "jsn", code=2)
    assert "--results" in verify("gpo", code=2)


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
