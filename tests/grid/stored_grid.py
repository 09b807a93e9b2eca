"""What suites come down to: ids and specs of their runs, without the data sets' files.

`python -m tests.grid.stored_grid` writes `stored_grid.json` anew. It says which runs people have:
write it only where the ids of runs change on purpose.
"""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from vsebench.data.open import OpenedDataset
from vsebench.grid.plan import plan
from vsebench.grid.suite import load_suite, make_suite

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vsebench.grid.plan import Plan
    from vsebench.grid.suite import Suite
    from vsebench.plugin.registry import Component
    from vsebench.results.spec import AnySpec

ROOT = Path(__file__).parents[2]
STORED = Path(__file__).with_suffix(".json")
FILES = tuple(
    path.relative_to(ROOT).as_posix()
    for path in sorted((ROOT / "suites").rglob("*.toml"))
    if not path.stem.startswith("minilm")  # whose encoder needs a pretrained model
)
CLAIMS = """
from vsebench.plugin import Card, LossCard, Param, hookimpl

@hookimpl
def vsebench_register_poolings(register):
    register("mean", f"{__name__}:Mean", params=[Param("k", 1)], card=Card("claims a name"))

@hookimpl
def vsebench_register_losses(register):
    register("sum-hinge", f"{__name__}:Hinge", card=LossCard("claims the name of a default"))

class Mean:
    def __init__(self, k): ...

class Hinge: ...
"""
"""A plugin file that claims names of the suite's own components."""

GRIDS: Mapping[str, Mapping[str, Any]] = {
    "retrieval": {
        "dataset": "scenes,flickr8k:dim=128",
        "pooling": "gpo/mean,kmax:k=3,softmax",
        "loss": "triplet:margin=0.1,sum-hinge",
        "protocol": "vse-infinity",
    },
    "offline": {"loss": "triplet,aoq:start=warm", "seeds": "0-1", "set": {"lr": 1e-3}},
    "sampled": {
        "pooling": "mean",
        "loss": "triplet,triplet-global",
        "sampler": "uniform,vse-ens:lam=0.1",
    },
    "protocol": {
        "pooling": "max",
        "loss": "infonce",
        "epochs": 3,
        "set": {
            "image_encoder": "grid",
            "text_encoder": "gru-last",
            "batch_plan": "random",
            "warmup_loss": "triplet:margin=0.3",
            "stop": "patience:epochs=4",
            "embed_dim": 32,
        },
    },
    "annotation": {
        "dataset": "mirflickr,tags",
        "sampler": "uniform,warp:trials=10,vse-ens",
        "loss": "hinge,logistic",
        "set": {"engine": "minibatch", "stop": "patience"},
    },
    "tuned": {
        "dataset": "tags",
        "sampler": "uniform,dns",
        "tuned": [
            {"dataset": "tags", "sampler": "uniform", "loss": "hinge", "set": {"lr": 0.1}},
            {"dataset": "tags", "sampler": "dns", "loss": "hinge", "set": {"lr": 0.05}},
        ],
    },
    "patterns": {
        "dataset": "patterns,patterns:pattern=max-10:dim=8",
        "pooling": "gpo,mean",
        "set": {"lr": 0.02, "stop": "patience"},
    },
    "claimed": {
        "pooling": "vsebench::mean,claims.py::mean:k=2,gpo/vsebench::mean",
        "loss": "triplet",
    },
}


def suite_of(name: str, folder: Path) -> Suite:
    """The suite of a grid of `GRIDS`, or of one of `FILES` with one seed."""
    options = {"device": "cpu", "workers": 1}
    if name in FILES:
        return load_suite(ROOT / name, {**options, "seeds": [0]})
    if name == "claimed":
        file = folder / "claims.py"
        file.write_text(CLAIMS)
        options["plugin"] = [str(file)]
    return make_suite({**options, **GRIDS[name]})


def planned(name: str, folder: Path) -> Plan:
    """The plan of a grid, with data sets that open without files."""

    def open_dataset(component: Component, params: Mapping[str, Any], **_: Any) -> OpenedDataset:
        text = ",".join(f"{key}={value}" for key, value in params.items())
        path = Path("/data") / component.name
        return OpenedDataset(None, path, f"{component.name}({text})", ())  # type: ignore[arg-type]

    with patch("vsebench.grid.plan.open_dataset", open_dataset):
        return plan(suite_of(name, folder))


def as_stored(run: AnySpec) -> dict[str, Any]:
    """A run's spec as JSON has it, without folders and releases."""
    text = json.dumps(run.published().model_dump(mode="json"))
    return json.loads(text, object_hook=_without_release)


def _without_release(values: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if key != "distribution_version"}


def stored() -> dict[str, Any]:
    """By grid: `ids` of all runs in order, those that only serve others (`support`), and the
    `specs` of the first and the last run.
    """
    grids: dict[str, Any] = json.loads(STORED.read_text(encoding="utf-8"))
    return grids


def main() -> None:
    grids = {}
    with TemporaryDirectory() as folder:
        for name in (*GRIDS, *FILES):
            found = planned(name, Path(folder))
            ends = (found.runs[0], found.runs[-1]) if name in GRIDS else ()
            grids[name] = {
                "ids": [run.run_id for run in found.runs],
                "support": sorted(found.support),
                "specs": [as_stored(run) for run in ends],
            }
    STORED.write_text(json.dumps(grids, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
