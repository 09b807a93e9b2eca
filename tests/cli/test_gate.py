from __future__ import annotations

import json
import os

import pytest

PLUGIN = """
import os
import torch
from vsebench.plugin import Card, hookimpl


class Own(torch.nn.Module):
    calls = 0

    def forward(self, features, lengths):
        valid = torch.arange(features.shape[1]) < lengths[:, None]
        mean = torch.where(valid[..., None], features, 0).sum(1) / lengths[:, None]
        mode = os.environ.get("OWN", "")
        if mode == "broken":
            raise ValueError("no")
        if mode == "noise":
            mean = 0.01 * mean + torch.randn_like(mean)
        return mean * 1.001 if mode == "scaled" else mean


@hookimpl
def vsebench_register_poolings(register):
    register("own", f"{__name__}:Own", card=Card("the mean, as the environment says"))
"""
SUITE = """
dataset = "scenes:images=100:difficulty=0"
pooling = ["own", "mean"]
loss = "triplet"
protocol = "quick"
workers = 2
plugin = "PLUGIN"
[set]
epochs = 4
lr = 0.01
embed_dim = 32
word_dim = 32
batch_size = 16
evals_per_epoch = 1
"""


@pytest.fixture
def suite(tmp_path):
    plugin = tmp_path / "own.py"
    plugin.write_text(PLUGIN)
    path = tmp_path / "gate.toml"
    path.write_text(SUITE.replace("PLUGIN", str(plugin)))
    return path


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "a gate needs --against FILE, or --write FILE"),
        (("--against", "absent.json"), "there is no baseline absent.json"),
        (("--write", "x.json", "--margin", "inf"), "--margin takes a positive finite number"),
        (("--write", "x.json", "--out", "FULL"), "is not empty: runs of other code there"),
        (("--write", "x.json", "--reference", "3"), "--reference 3 is too few"),
    ],
)
def test_wrong_requests_are_one_line(suite, answer, arguments, said):
    given = [suite.parent if each == "FULL" else each for each in arguments]
    code, _, error = answer("gate", suite, *given, "--quiet")
    assert (code, error.count("\n")) == (2, 1)
    assert said in error


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_change_is_found_named_and_judged(suite, answer, monkeypatch, tmp_path):
    baseline = tmp_path / "gate.json"
    assert "OWN" not in os.environ
    code, out, _ = answer("gate", suite, "--write", baseline, "--reference", "8", "--quiet")
    assert (code, out) == (0, f"{baseline}: 2 rows, 8 reference runs of each\n")
    asked = ("gate", suite, "--against", baseline, "--quiet")

    code, out, err = answer(*asked)
    assert (code, err) == (0, "")
    assert out.startswith("All 2 rows give the same losses and ranks")

    monkeypatch.setenv("OWN", "scaled")
    code, out, _ = answer(*asked, "--format", "json", "--margin", "60")
    found = json.loads(out)
    assert code == 0
    assert list(found["changed"]) == ["own,triplet"]
    assert found["in_common"] == ["pooling own"]
    assert [each["row"] for each in found["judged"]] == ["own,triplet"]

    monkeypatch.setenv("OWN", "noise")
    code, out, err = answer(*asked, "--margin", "20")
    assert code == 3, out
    assert "vsebench: gate failed: own,triplet is worse by " in err
    assert "mean,triplet" not in err

    monkeypatch.setenv("OWN", "broken")
    code, _, err = answer(*asked)
    assert code == 3
    assert "own,triplet fails: ValueError: no" in err

    monkeypatch.delenv("OWN")
    monkeypatch.setenv("VSEBENCH_KERNELS", "torch")
    code, out, err = answer(*asked, "--write", baseline, "--margin", "60")
    assert code == 0, err
    assert "has no fingerprint of this machine" in out
    assert len(json.loads(baseline.read_text())["fingerprints"]) == 2
