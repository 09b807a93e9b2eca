"""`vsebench runs` and `vsebench clean`: what lies in a folder, and what of it can go."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import pytest

from tests.factories import make_curve, make_provenance, make_record, make_spec, save
from vsebench.report.results import load_results
from vsebench.results.folder.store import Store

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.fixtures import Call


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three runs of unequal results and ages, one of which failed, and one that was begun."""
    out = tmp_path / "out"
    for i, (pooling, rsum) in enumerate((("gpo", 320.0), ("mean", 290.0))):
        started = make_provenance(started=f"2026-11-2{3 - i}T10:00:00+00:00")
        cost = {"train_seconds": 40.0 + i}
        record = make_record(make_spec(pooling), rsum=rsum, provenance=started, cost=cost)
        save(out, record, make_curve([rsum]))
    save(out, make_record(make_spec("max"), status="failed", test={}, cost=None, error="boom"))
    Store(out).directory_for(make_spec("kmax")).write_spec(make_spec("kmax"))
    return out


def rows(call: Call, *arguments: object) -> list[dict]:
    return json.loads(call("runs", *arguments, "--format", "json"))["runs"]


def test_versions_of_an_edited_plugin_are_told_apart(tmp_path, call, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    for version, rsum in (("1+aaaa1111bbbb2222", 300.0), ("1+cccc3333dddd4444", 310.0)):
        spec = make_spec("mine", version=version)
        save(tmp_path, make_record(spec, rsum=rsum), make_curve([rsum]))
    save(tmp_path, make_record(make_spec("mean"), rsum=290.0), make_curve([290.0]))
    text = call("runs", str(tmp_path))
    for version in ("1+aaaa1111", "1+cccc3333"):
        assert f"mine × triplet (mine {version})" in text
    assert "mean × triplet (" not in text
    assert "mine is of 2 versions: 1+" in text
    found = {
        run["result"]: run["versions"]["mine"]
        for run in rows(call, str(tmp_path))
        if "mine" in run["versions"]
    }
    assert found == {300.0: "1+aaaa1111bbbb2222", 310.0: "1+cccc3333dddd4444"}


def test_a_run_is_a_line_with_its_state_result_time_and_size(folder, call):
    found = {run["row"]: run for run in rows(call, str(folder))}
    run = found["gpo × triplet"]
    size = sum(path.stat().st_size for path in (folder / run["directory"]).iterdir())
    assert (run["state"], run["result"], run["time"], run["size"]) == ("done", 320.0, 40.0, size)
    assert [found[f"{name} × triplet"]["state"] for name in ("max", "kmax")] == [
        "failed",
        "pending",
    ]
    text = " ".join(call("runs", str(folder)).split())
    assert f"4 runs in {folder}: " in text
    assert all(part in text for part in ("2 done", "1 failed", "1 pending"))
    assert "started 2026-11-21 to 2026-11-23 (UTC)" in text


@pytest.mark.parametrize(
    ("order", "first"),
    [
        (("--sort", "result"), "gpo"),
        (("--sort", "result", "--reverse"), "mean"),
        (("--sort", "started"), "max"),
        (("--sort", "started", "--reverse"), "gpo"),
        (("--sort", "time"), "mean"),
        (("--sort", "row"), "gpo"),
        (("--sort", "row", "--reverse"), "mean"),
    ],
)
def test_runs_are_sorted_and_what_is_not_known_comes_last(folder, call, order, first):
    found = rows(call, str(folder), *order)
    assert found[0]["row"] == f"{first} × triplet"
    key = order[1]
    known = [run[key] is not None for run in found]
    assert known == sorted(known, reverse=True)


@pytest.mark.parametrize("width", [80, 120])
def test_the_list_fits_the_terminal(folder, call, monkeypatch, width):
    monkeypatch.setenv("COLUMNS", str(width))
    assert max(map(len, call("runs", str(folder)).splitlines())) <= width


@pytest.mark.parametrize("suffix", [" copy", "-copy", ".bak"])
def test_a_copied_run_folder_is_named_as_a_copy_and_counts_once(folder, call, suffix):
    (original,) = folder.glob("*gpo*")
    shutil.copytree(original, copy := original.with_name(original.name + suffix))
    found = {run["directory"]: run for run in rows(call, str(folder))}
    assert (found[copy.name]["state"], found[copy.name]["copy_of"]) == ("copy", original.name)
    assert (found[original.name]["state"], found[original.name]["copy_of"]) == ("done", None)
    results = load_results(folder)
    assert results.copies == ((copy.name, original.name),)
    assert [row["seeds"] for row in results.rows if row["pooling"] == "gpo"] == [1]
    text = results.table(width=10_000)
    assert f"Copies of runs, counted once: {copy.name} (of {original.name})." in text


def test_a_damaged_run_is_a_line_too(folder, call, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    (path,) = folder.glob("*gpo*/record.json")
    path.write_text("{")
    states = {run["directory"]: run["state"] for run in rows(call, str(folder))}
    assert states[path.parent.name] == "damaged"
    assert " 1 damaged, " in call("runs", str(folder))


def test_clean_says_what_it_would_delete_and_deletes_when_told(folder, call):
    (run,) = folder.glob("*gpo*")
    for name, size in (("checkpoint.pt", 2000), ("best.safetensors", 5_000_000)):
        (run / name).write_bytes(b"x" * size)
    assert call("clean", str(folder)).splitlines() == [
        "checkpoint.pt of 1 run: 2.0 kB",
        "2.0 kB in all; nothing was deleted: add --yes to do so",
    ]
    assert (run / "checkpoint.pt").exists()
    both = call("clean", str(folder), "--keep", "none", "--yes").splitlines()
    assert both == [
        "best.safetensors of 1 run: 5.0 MB",
        "checkpoint.pt of 1 run: 2.0 kB",
        "deleted 5.0 MB",
    ]
    assert not (run / "best.safetensors").exists()
    assert (run / "record.json").exists()
    assert call("clean", str(folder), "--keep", "none") == (f"{folder} holds nothing to delete\n")


@pytest.mark.parametrize("command", ["runs", "clean"])
def test_without_a_folder_it_is_runs(call, tmp_path, monkeypatch, command):
    monkeypatch.chdir(tmp_path)
    error = call(command, code=2)
    assert error.startswith("vsebench: error: there is no folder runs: give the folder that")
