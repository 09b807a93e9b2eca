from __future__ import annotations

import pytest

from tests.report.test_submission import made
from vsebench.cli.app import main
from vsebench.report.runs import read_runs


@pytest.fixture
def call(capsys):
    def run(*arguments):
        with pytest.raises(SystemExit) as ended:
            main([str(argument) for argument in arguments])
        printed = capsys.readouterr()
        return ended.value.code, printed.out, printed.err

    return run


def test_runs_are_packed_and_the_pack_is_checked_again(tmp_path, call):
    for seed in range(3):
        made(tmp_path / "runs", seed)
    code, out, err = call("submit", tmp_path / "runs", "--to", tmp_path / "mine")
    assert (code, err) == (0, "")
    assert "as results/mine/" in out
    assert len(read_runs(tmp_path / "mine").ended) == 3
    assert call("submit", tmp_path / "mine")[0] == 0
    code, _, err = call("submit", tmp_path / "runs", "--to", tmp_path / "mine")
    assert (code, err.count("\n")) == (2, 1)
    assert "exists already" in err


def test_what_cannot_stand_is_refused_and_not_packed(tmp_path, call):
    made(tmp_path / "runs", 0, changes=lambda test: {"provenance": None})
    code, out, err = call("submit", tmp_path / "runs", "--to", tmp_path / "mine")
    assert code == 3
    assert "no provenance" in out
    assert "refused: 2 of what" in err
    assert not (tmp_path / "mine").exists()
