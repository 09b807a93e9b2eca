from __future__ import annotations

import json
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest
from safetensors.torch import load_file

from tests.cli.tiny_runs import make_runs
from tests.data.files import write_precomp
from vsebench.plugin.metrics import keys
from vsebench.results.folder.store import RunDirectory
from vsebench.results.spec import read_spec

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.fixtures import Call, Prints

    Capture = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two poolings on one data set, and a run on another."""
    folder = tmp_path_factory.mktemp("ensemble")
    make_runs(folder / "runs", write_precomp(folder / "a", (8, 3, 6)), pooling="mean,max")
    write_precomp(folder / "b", (8, 3, 6))
    features = np.load(folder / "b" / "test_ims.npy")
    np.save(folder / "b" / "test_ims.npy", features[:, :2])
    make_runs(folder / "runs", folder / "b", pooling="gpo")
    return folder / "runs"


def names(out: Path) -> dict[str, str]:
    return {path.name.split("-")[1]: path.name for path in out.iterdir() if path.is_dir()}


def test_members_are_as_their_records_have_them_and_the_ensemble_is_one_more_row(
    out: Path, call: Call
) -> None:
    of = names(out)
    found = json.loads(
        call("ensemble", of["mean"], of["max"], "--results", str(out), "--format", "json")
    )
    records = [RunDirectory(out / of[name]).read_record() for name in ("mean", "max")]
    assert [{key: row[key] for key in keys("retrieval")} for row in found["members"]] == [
        record.test for record in records
    ]
    assert [row["run_id"] for row in found["members"]] == [record.run_id for record in records]
    assert [row["pooling"] for row in found["members"]] == ["mean", "max"]
    assert (found["images"], found["captions"], found["evaluation"]) == (6, 30, "full")
    assert set(found["ensemble"]) == set(keys("retrieval"))
    alone = json.loads(
        call("ensemble", of["mean"], of["max"], "--results", str(out), "--format", "json")
    )
    assert alone == found


def test_runs_are_named_by_directory_id_or_pattern(out: Path, call: Call) -> None:
    of = names(out)
    by_directory = call("ensemble", str(out / of["mean"]), str(out / of["max"]))
    ids = [of[name].rpartition("-")[2][:8] for name in ("mean", "max")]
    assert call("ensemble", *ids, "--results", str(out)) == by_directory
    assert call("ensemble", "*mean*", "precomp-m*", "--results", str(out)) == by_directory
    lines = by_directory.splitlines()
    assert [line.split()[0] for line in lines[3:5]] == ["mean", "max"]
    for line, name in zip(lines[3:5], ("mean", "max"), strict=True):
        assert f" · seed 0 ({of[name].rpartition('-')[2]})" in line
    assert lines[5].startswith("ensemble of 2 ")
    assert "6 images, 30 captions, evaluation full." in lines


def test_other_features_of_the_same_captions_are_taken_only_when_asked_for(
    out: Path, call: Call, refusal: Call
) -> None:
    of = names(out)
    message = refusal("ensemble", of["mean"], of["gpo"], "--results", str(out))
    assert message.startswith(
        f"{of['mean']} and {of['gpo']} were made on different data (fingerprints "
    )
    assert "--allow-mixed" in message
    assert "ensemble of 3" in call("ensemble", "*", "--results", str(out), "--allow-mixed")
    captions = out.parent / "b" / "test_caps.txt"
    text = captions.read_text()
    captions.write_text(text.replace("thing", "things"))
    assert "was made on" in refusal("ensemble", "*", "--results", str(out), "--allow-mixed")
    captions.write_text(text)


def test_what_cannot_be_joined_is_said(out: Path, refusal: Call, tmp_path: Path) -> None:
    of = names(out)
    assert (
        refusal("ensemble", of["mean"], "--results", str(out))
        == f"an ensemble has at least 2 runs, '{of['mean']}' names 1"
    )
    assert refusal("ensemble", of["mean"], of["mean"], "--results", str(out)).endswith("names 1")
    assert f"no run 'nothing' in {tmp_path}: it holds no run" in refusal(
        "ensemble", "nothing", "--results", str(tmp_path)
    )
    assert "did you mean" in refusal("ensemble", of["mean"][:-2] + "zz", "--results", str(out))
    assert "unknown format 'jsn'" in refusal(
        "ensemble", "*", "--results", str(out), "--format", "jsn"
    )
    assert "1k-5fold needs a multiple of 1,000 images, found 6" in refusal(
        "ensemble", "*m*", "--results", str(out), "--evaluation", "1k-5fold", "--allow-mixed"
    )
    copy = tmp_path / of["max"]
    copy.mkdir()
    for name in ("spec.json", "record.json", "done"):
        (copy / name).write_bytes((out / of["max"] / name).read_bytes())
    assert refusal("ensemble", str(out / of["mean"]), str(copy)).startswith(
        f"{copy}/best.safetensors is missing: packs, shared records and"
    )
    (copy / "spec.json").unlink()
    assert "'--keep none' leave models out, so make the run again" in refusal(
        "ensemble", str(out / of["mean"]), str(copy)
    )
    (copy / "record.json").unlink()
    (copy / "spec.json").write_bytes((out / of["max"] / "spec.json").read_bytes())
    assert "has not finished: only finished runs have a model" in refusal(
        "ensemble", str(out / of["mean"]), str(copy)
    )
    record = (out / of["max"] / "record.json").read_text()
    (copy / "done").write_bytes(b"")
    (copy / "record.json").write_text(record.replace('"status": "done"', '"status": "failed"'))
    assert "is failed: only finished runs have a model" in refusal(
        "ensemble", str(out / of["mean"]), str(copy)
    )
    old = json.loads(record.replace('"version": "1"', '"version": "0"'))
    old["run_id"] = read_spec(json.dumps(old["spec"])).run_id
    (copy / "record.json").write_text(json.dumps(old))
    (copy / "best.safetensors").write_bytes((out / of["max"] / "best.safetensors").read_bytes())
    (copy / "spec.json").write_text(
        (out / of["max"] / "spec.json").read_text().replace('"version": "1"', '"version": "0"')
    )
    assert "is version 1 now, the run" in refusal(
        "ensemble", str(out / of["mean"]), str(copy), "--allow-mixed"
    )


def test_a_model_that_is_not_the_records_is_said_or_refused(
    out: Path, prints: Prints, refusal: Call, tmp_path: Path
) -> None:
    """Weights of another seed fit the model and give other figures than the record's."""
    copy = shutil.copytree(out / names(out)["mean"], tmp_path / "run")
    (copy / "done").write_bytes(b"")
    commands = (["ensemble", str(copy), str(out / names(out)["max"])], ["evaluate", str(copy)])
    for command in commands:
        assert prints(*command).err == ""
    weights = load_file(copy / "best.safetensors")
    RunDirectory(copy).write_best(
        {name: tensor.flip(0) if tensor.dim() else tensor for name, tensor in weights.items()}
    )
    for command in commands:
        (line,) = prints(*command).err.splitlines()
        assert line.startswith("vsebench: warning: the record of run has a test RSUM of ")
        assert f"{copy}/best.safetensors is of another run" in line
    (copy / "best.safetensors").write_bytes(b"")
    for command in commands:
        assert "best.safetensors is missing or damaged" in refusal(*command)


def test_a_device_that_there_is_not_is_refused(out: Path, refusal: Call) -> None:
    for command in (["ensemble", "*m*", "--allow-mixed"], ["evaluate", names(out)["mean"]]):
        assert refusal(*command, "--results", out, "--device", "cpuu") == (
            "unknown device 'cpuu': did you mean 'cpu'? write auto, cpu, cuda, or devices by "
            "number, such as cuda:0,cuda:1"
        )


def test_the_command_imports_no_torch() -> None:
    code = "import sys, vsebench.cli.ensemble; assert not {'torch', 'numpy'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
