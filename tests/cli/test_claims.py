from __future__ import annotations

import json

import pytest

from tests.claims.made import claims, leave, write
from tests.claims.test_judge import MEAN, ahead

SUITE = """
pooling = ["mean", "max"]
loss = ["triplet"]
seeds = "0-1"
workers = 1
dataset = "scenes:images=160"
out = "OUT"
epochs = 1
[set]
embed_dim = 8
word_dim = 8
batch_size = 16
warmup_epochs = 0
"""


def test_claims_are_judged_in_the_folders_that_are_given(tmp_path, call):
    held = claims(tmp_path)
    leave(held, tmp_path / "a", "mean,triplet", MEAN)
    leave(held, tmp_path / "b", "gpo,triplet", ahead(9))
    folders = ("--results", tmp_path / "a", "--results", tmp_path / "b")
    file = tmp_path / "claims.toml"
    assert "1 confirmed" in call("claims", file, *folders)
    found = json.loads(call("claims", file, *folders, "--format", "json"))
    assert [each["verdict"] for each in found["claims"]] == ["confirmed"]


def test_wrong_requests_are_one_line(tmp_path, call):
    path = write(tmp_path)
    for arguments, said in (
        (("claims", tmp_path / "absent.toml"), "there is no claims file"),
        (("claims", path, "--results", tmp_path / "absent"), "there is no folder"),
        (("run", "--claims", path), "--claims needs the suite file"),
        (("run", tmp_path / "suite.toml", "--claims", path, "--epochs", "1"), "drop the options"),
    ):
        error = call(*arguments, code=2)
        assert said in error
        assert error.count("\n") == 1


@pytest.mark.slow
def test_runs_are_made_under_claims_and_judged_by_them(tmp_path, call):
    contrast = '{ row = "max,triplet", reference = "mean,triplet" }'
    path = write(tmp_path, {"contrast": contrast, "seeds": '"0-1"', "invalid_if": "[]"})
    suite = tmp_path / "suite.toml"
    suite.write_text(SUITE.replace("OUT", str(tmp_path / "runs")))
    call("run", suite, "--quiet")
    assert "4 runs there were made without them" in call("claims", path, code=2)
    call("run", suite, "--claims", path, "--quiet")
    assert "Family poolings: 1 of 1 claims tested together" in call("claims", path)
    path.write_text(path.read_text() + "margin = 1.0\n")
    assert "no run was made under these claims" in call("claims", path, code=2)
