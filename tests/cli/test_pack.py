"""`vsebench pack` and `vsebench unpack`, and the other commands on what they leave."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from tests.cli.tiny_runs import make_runs
from tests.data.files import write_precomp
from tests.factories import make_annotation_spec, make_curve, make_record, make_spec, save
from tests.results.studies import make_study, tree, whole_tree
from vsebench.plugin.metrics import RECALLS
from vsebench.report.results import load_results
from vsebench.results.folder.store import Store
from vsebench.results.packs.format import ARRAYS, RUNS
from vsebench.results.protocol import Protocol

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.fixtures import Call


@pytest.fixture
def retrieval(tmp_path: Path) -> Path:
    """Two published poolings, three seeds."""
    out = tmp_path / "runs"
    for pooling, rsum in (("mean", 480.0), ("gpo", 498.0)):
        for seed in range(3):
            spec = make_spec(pooling, seed=seed, dataset="flickr30k", protocol=Protocol())
            test = dict.fromkeys(RECALLS, rsum / 6) | {"rsum": rsum + seed}
            save(out, make_record(spec, test=test), make_curve([rsum - 9, rsum + seed]))
    return out


@pytest.fixture
def annotation(tmp_path: Path) -> Path:
    """Two samplers, six seeds."""
    out = tmp_path / "runs"
    for sampler, reached in (("uniform", 0.1), ("warp", 0.12)):
        for seed in range(6):
            spec = make_annotation_spec(sampler, seed=seed)
            curve = [
                e.model_copy(update={"metrics": {"map": value}})
                for e, value in zip(make_curve([1, 1]), (0.05, reached + seed / 999), strict=True)
            ]
            save(out, make_record(spec, test={"map": reached + seed / 999}), curve)
    return out


COMMANDS = [
    ("retrieval", ["report", "OUT"]),
    ("retrieval", ["report", "OUT", "--format", "json"]),
    ("retrieval", ["compare", "OUT", "--to", "gpo,triplet"]),
    ("retrieval", ["verify", "gpo", "OUT"]),
    ("annotation", ["report", "OUT", "--format", "csv"]),
    ("annotation", ["speedup", "OUT", "--baseline", "uniform,hinge"]),
]


@pytest.mark.parametrize(("kind", "command"), COMMANDS, ids=lambda value: value[0])
def test_a_pack_is_read_as_its_folder(
    kind: str, command: list[str], request: pytest.FixtureRequest, call: Call
) -> None:
    out = request.getfixturevalue(kind)
    words = [str(out) if word == "OUT" else word for word in command]
    code = 4 if command[0] == "verify" else 0  # these made-up rows still rise: no evidence
    before = call(*words, code=code)
    assert len(before.splitlines()) >= 3
    call("pack", out, "--remove")
    for path in out.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
    assert call(*words, code=code) == before


def test_the_page_of_a_pack_is_that_of_its_folder(retrieval: Path, call: Call) -> None:
    before = load_results(retrieval).page()
    call("pack", retrieval, "--remove")
    assert load_results(retrieval).page() == before


def test_what_is_packed_and_what_is_not_is_said_with_sizes(tmp_path: Path, call: Call) -> None:
    study = make_study(tmp_path / "study")
    expected = tree(study)
    first, *rest = call("pack", study, "--remove").splitlines()
    assert first.startswith(f"5 runs in {study / RUNS} (")
    assert f" and {study / ARRAYS} (" in first
    assert rest[0] == "Failed or blocked: 1 of them."
    assert rest[1].startswith("Not packed: ")
    assert "best.safetensors of 4 runs (" in rest[1]
    assert "lease" not in rest[1]
    assert rest[2] == "Deleted: 22 files that the pack holds."
    back = tmp_path / "back"
    assert call("unpack", study, "--out", back) == f"5 runs in {back}\n"
    assert whole_tree(back) == expected


def test_runs_left_out_and_held_elsewhere_are_said(
    tmp_path: Path, call: Call, refusal: Call
) -> None:
    study, other = make_study(tmp_path / "study"), make_study(tmp_path / "other")
    started = make_spec("max")
    Store(other).directory_for(started).write_spec(started)
    call("pack", study)
    assert "has not ended" in refusal("pack", other)
    said = call("pack", other, "--leave-unfinished", "--held-in", study)
    assert "Held by another pack: 5 of them." in said
    assert f"Not ended, and left out: scenes-max-triplet-seed0-{started.run_id[:10]}." in said


def test_a_pack_has_no_model(tmp_path: Path, call: Call, refusal: Call) -> None:
    out = tmp_path / "runs"
    make_runs(out, write_precomp(tmp_path / "data", (8, 3, 6)), pooling="mean,max")
    figures = call("evaluate", "*mean*", "--results", out, "--json")
    call("pack", out, "--remove")
    assert call("evaluate", "*mean*", "--results", out, "--json") == figures
    weights = [*out.rglob("best.safetensors")]
    assert len(weights) == 2
    for path in weights:
        path.unlink()
    for command in (["evaluate", "*mean*"], ["ensemble", "*"]):
        assert "best.safetensors is missing: packs, shared records and" in refusal(
            *command, "--results", out
        )


def test_a_damaged_pack_is_one_line(retrieval: Path, call: Call, refusal: Call) -> None:
    call("pack", retrieval)
    (retrieval / RUNS).write_bytes((retrieval / RUNS).read_bytes()[:-9])
    for command in ("report", "pack", "unpack"):
        assert f"{retrieval / RUNS} is damaged" in refusal(command, retrieval)
