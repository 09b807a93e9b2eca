"""What a plugin does to its process reaches no row but its own."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.isolation.tiny import TINY

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

    from tests.isolation.wheels import Environment

OTHERS = "acme-global,acme-mid-run,acme-good"
POOLINGS = "mean,acme_good,acme_global,acme_narrow,acme_half,acme_exits,acme_doubles"


def run(
    environment: Environment, folder: Path, poolings: str, plugins: str
) -> tuple[subprocess.CompletedProcess[str], dict[str, Any]]:
    """The command, and the records by pooling."""
    done = environment.vsebench(
        "run",
        "--pooling",
        poolings,
        "--loss",
        "sum-hinge",
        "--quiet",
        "--out",
        "out",
        *TINY,
        cwd=folder,
        VSEBENCH_PLUGINS=plugins,
    )
    records = [json.loads(file.read_text()) for file in folder.glob("out/*/record.json")]
    return done, {record["spec"]["image_pooling"]["name"]: record for record in records}


@pytest.mark.timeout(600)
@pytest.mark.slow
def test_a_row_is_what_it_is_without_the_others(environment: Environment, tmp_path: Path) -> None:
    for name in ("alone", "beside"):
        (tmp_path / name).mkdir()
    alone, by_itself = run(environment, tmp_path / "alone", "mean", "")
    done, records = run(environment, tmp_path / "beside", POOLINGS, OTHERS)
    assert alone.returncode == 0, alone.stderr
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr

    mean = records["mean"]
    assert mean["test"] == by_itself["mean"]["test"]
    assert "plugins" not in mean["provenance"]
    assert mean["plugin_failures"] == []
    assert records["acme_good"]["test"] == mean["test"]
    assert records["acme_good"]["provenance"]["plugins"] == {"acme-good": "1.0"}
    assert records["acme_global"]["test"] == mean["test"]
    assert records["acme_global"]["provenance"]["plugins"] == {"acme-global": "1.0"}
    (said,) = records["acme_global"]["plugin_failures"]
    for name in (
        "'acme_global' (acme-global) changed ",
        "torch's default dtype (from float32 to float64)",
        "whether torch computes gradients (from True to False)",
        "the function torch.optim.adamw.AdamW.step",
        " when it was imported: put back",
    ):
        assert name in said

    errors = {
        name: record["error"].strip().splitlines()[-1]
        for name, record in records.items()
        if record["status"] != "done"
    }
    assert errors.keys() == {"acme_narrow", "acme_half", "acme_exits", "acme_doubles"}
    said = {
        "acme_narrow": "PluginError: step 4: expected [32, 8], got [32, 7] from ",
        "acme_half": " returned a Tensor of float16, and a Tensor of float32 before: ",
        "acme_exits": "its process ended with code 0 and left no record",
        "acme_doubles": "plugin 'acme_mid_run' (acme-mid-run) changed torch's default dtype",
    }
    for name, error in said.items():
        assert error in errors[name]
