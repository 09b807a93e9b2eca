"""Runs that do what they are told, in this process and in those that it starts."""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.factories import make_spec
from tests.grid import fake_training
from vsebench.data.open import OpenedDataset
from vsebench.grid import forking
from vsebench.grid import plan as grid_plan
from vsebench.grid.job import job_of
from vsebench.results.folder.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable

    from vsebench.plugin import Job
    from vsebench.plugin.registry import Component
    from vsebench.results.spec import RunSpec

    MakeJob = Callable[[RunSpec], Job]


@pytest.fixture(autouse=True)
def fake(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path_factory.mktemp("site")
    shutil.copy(fake_training.__file__, folder / "sitecustomize.py")
    monkeypatch.syspath_prepend(folder)
    monkeypatch.setitem(sys.modules, "vsebench.retrieval.training.train", fake_training)


@pytest.fixture(
    params=[
        pytest.param(
            "forked", marks=pytest.mark.skipif(not forking.AVAILABLE, reason="needs Linux")
        ),
        "new",
    ]
)
def started(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """How the processes of runs are started: each test that asks for it sees both ways."""
    if request.param == "new":
        monkeypatch.setattr(forking, "AVAILABLE", False)
    return str(request.param)


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Data sets that open without files; keeps what each was opened with."""
    calls: list[dict[str, Any]] = []

    def open_dataset(
        component: Component, params: dict[str, object], **options: Any
    ) -> OpenedDataset:
        calls.append({"name": component.name, **options})
        warnings = ("1 image is missing",) if component.name == "flickr8k" else ()
        return OpenedDataset(
            None, Path("/data") / component.name, f"{component.name}{params}", warnings
        )  # type: ignore[arg-type]

    monkeypatch.setattr(grid_plan, "open_dataset", open_dataset)
    return calls


@pytest.fixture
def out(tmp_path: Path) -> Path:
    Store(tmp_path / "out").prepare()
    return tmp_path / "out"


@pytest.fixture
def job(out: Path) -> MakeJob:
    """A run spec as an executor gets it."""

    def make(spec: RunSpec) -> Job:
        return job_of(spec, Store(out).directory_for(spec).path)

    return make


def doing(what: str, seed: int = 0, *, needs: RunSpec | None = None) -> RunSpec:
    """A run that does what `fake_training` knows by that name."""
    return make_spec(
        loss=f"triplet:do={what}", seed=seed, depends_on=(needs.run_id,) if needs else ()
    )


def printed_in(log: Path) -> str:
    """What the process of a run printed to its log, without what the run itself noted there."""
    return re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ .*\n", "", log.read_text())
