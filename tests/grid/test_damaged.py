"""Finished runs of which something was damaged since: made again, and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch

from tests.factories import component, make_curve
from tests.grid.conftest import doing
from vsebench.grid.plan import Plan
from vsebench.grid.run import pending, run_plan
from vsebench.plugin.errors import WriteError
from vsebench.results.folder.lease import Lease
from vsebench.results.folder.store import Store
from vsebench.results.packs.packing import pack, remove_packed

if TYPE_CHECKING:
    from pathlib import Path

    from vsebench.results.spec import RunSpec


def planned(out: Path, *runs: RunSpec) -> Plan:
    return Plan(runs, component("local"), 1, out)


def finish(out: Path, spec: RunSpec) -> Path:
    """Leaves the run with a curve, ranks and weights; its folder."""
    directory = Store(out).directory_for(spec)
    record = directory.read_record()
    assert record is not None
    directory.append_evaluation(make_curve([100])[0])
    directory.write_ranks([1, 2], [3, 4], [0, 1])
    directory.write_best({"weight": torch.rand(3)})
    directory.write_record(record)
    return directory.path


def damage(path: Path) -> bytes:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    return bytes(content)


@pytest.mark.parametrize("name", ["record.json", "curve.jsonl", "ranks.npz"])
def test_a_damaged_run_is_made_again_and_no_other(out: Path, name: str) -> None:
    runs = [doing("nothing", seed) for seed in (0, 1)]
    run_plan(planned(out, *runs))
    path, other = (finish(out, run) for run in runs)
    before = {file.name: file.read_bytes() for file in other.iterdir()}
    damaged = damage(path / name)
    assert pending(planned(out, *runs), Store(out)) == [runs[0]]
    events: list[tuple[str, dict[str, Any]]] = []
    outcome = run_plan(planned(out, *runs), reporter=lambda *event: events.append(event))
    assert (outcome.failed, outcome.skipped) == ((), (runs[1].run_id,))
    assert (path / f"{name}.damaged").read_bytes() == damaged
    assert Store(out).directory_for(runs[0]).is_done
    assert {file.name: file.read_bytes() for file in other.iterdir()} == before
    (reason,) = (
        event["reason"]
        for run_id, event in events
        if event["event"] == "damaged" and run_id == runs[0].run_id
    )
    assert reason.startswith(f"{path / name} is damaged (")
    assert reason.endswith(f"): set aside as {name}.damaged, and the run is made again")
    assert pending(planned(out, *runs), Store(out)) == []


@pytest.mark.parametrize("packed", [False, True], ids=["in a folder", "packed"])
def test_a_damaged_model_has_its_run_made_again_only_for_a_run_that_needs_it(
    out: Path, packed: bool
) -> None:
    first = doing("nothing", 0)
    needy = doing("nothing", 1, needs=first)
    run_plan(planned(out, first))
    path = finish(out, first)
    if packed:
        pack(out)
        remove_packed(out, out)
    damage(path / "best.safetensors")
    assert pending(planned(out, first), Store(out)) == []
    assert pending(planned(out, first, needy), Store(out)) == [first, needy]
    outcome = run_plan(planned(out, first, needy))
    assert (outcome.failed, outcome.blocked, outcome.skipped) == ((), (), ())
    assert (path / "best.safetensors.damaged").exists()
    assert (out / "order.txt").read_text().splitlines() == ["triplet 0"] * 2 + ["triplet 1"]


def test_what_another_process_makes_again_is_left_to_it(
    out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from vsebench.grid import run as grid_run

    monkeypatch.setattr(grid_run, "POLL_SECONDS", 0.05)
    spec = doing("nothing", 0)
    run_plan(planned(out, spec))
    path = finish(out, spec)
    damaged = damage(path / "record.json")
    lease = Lease.claim(path)
    assert lease is not None
    held: list[bytes] = []

    def report(_: str, event: dict[str, object]) -> None:
        if event["event"] == "busy":
            held.append((path / "record.json").read_bytes())
            lease.release()

    run_plan(planned(out, spec), reporter=report)
    assert held == [damaged]


def test_a_damaged_marker_has_the_run_made_again(out: Path) -> None:
    spec = doing("nothing", 0)
    run_plan(planned(out, spec))
    path = finish(out, spec)
    (path / "done").write_text("no sum\n")
    assert run_plan(planned(out, spec)).failed == ()
    assert pending(planned(out, spec), Store(out)) == []
    assert (out / "order.txt").read_text().splitlines() == ["triplet 0"] * 2


def test_where_nothing_is_left_to_do_nothing_need_be_written(
    out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec, other = doing("nothing", 0), doing("nothing", 1)
    run_plan(planned(out, spec))

    def refuse(*_: object) -> None:
        raise WriteError("cannot write")

    monkeypatch.setattr("vsebench.files.write_bytes", refuse)
    monkeypatch.setattr("vsebench.files.write_text", refuse)
    assert run_plan(planned(out, spec)).skipped == (spec.run_id,)
    with pytest.raises(WriteError):
        run_plan(planned(out, spec, other))
