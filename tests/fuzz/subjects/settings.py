"""What says what to do, and figures that others are compared with: suites, claims, baselines,
figures of a bench, trials, the catalogue, mirrors and Markdown documents.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from tests.catalogue.entries import index, toml
from tests.factories import component, make_spec
from tests.fuzz.reader import Reader, printed
from tests.gate.test_baseline import baseline
from vsebench.catalogue.index import read_index
from vsebench.claims.file import load_claims
from vsebench.data.described import read_descriptor
from vsebench.data.download import addresses, read_mirrors
from vsebench.gate.baseline import read_baseline, write_baseline
from vsebench.grid.plan import Plan
from vsebench.grid.suite import load_suite
from vsebench.grid.tuning.written import refuse_other_search
from vsebench.report.figures.tried import _curve, read_tried
from vsebench.site.write import write_site
from vsebench.testing.targets import _project_name

_ROOT = Path(__file__).parents[3]


def readers(folder: Path) -> dict[str, Reader]:
    """Their readers, with files written to a folder."""
    folder.mkdir()
    suite = folder / "suite.toml"
    suite.write_text('pooling = ["gpo", "kmax:k=5"]\nseeds = 3\n[set]\nepochs = 4\nlr = 5e-4\n')
    claims = folder / "claims" / "poolings.toml"
    shutil.copytree(_ROOT / "claims", claims.parent)
    shutil.copytree(_ROOT / "suites", folder / "suites")
    catalogue = index(folder, toml())
    mirrors = folder / "mirrors.toml"
    mirrors.write_text('"https://a.example/" = ["https://b.example/", "file:///mnt/"]\n')
    described = folder / "dataset.toml"
    described.write_text('name = "mine"\nlayout = "precomp"\nsummary = "a set"\n')
    trials = folder / "study" / "trials.csv"
    trials.parent.mkdir()
    trials.write_text(
        "dataset,pooling,loss,rung,lr,dev_rsum\n"
        "scenes,gpo,triplet,0,0.1,250.5\nscenes,gpo,triplet,0,0.2,\nscenes,mean,triplet,1,0.1,9\n"
    )
    site = folder / "site"
    write_site(site, {"index.html": "<!doctype html>", "runs/a.html": "<!doctype html>"})
    project = folder / "project" / "pyproject.toml"
    project.parent.mkdir()
    project.write_text('[project]\nname = "acme"\nversion = "0.1.0"\n')
    tuned = folder / "tuned.toml"
    tuned.write_text("# vsebench tune --space lr=1e-4..1e-2 --rungs 2\nseeds = 3\n")
    return {
        "project": Reader(project, lambda: _project_name(project.parent)),
        "tuned suite": Reader(tuned, lambda: refuse_other_search(tuned, {"rungs": "2"})),
        "suite": Reader(suite, lambda: load_suite(suite, {})),
        "claims": Reader(claims, lambda: load_claims(claims).claims),
        "catalogue": Reader(catalogue, lambda: read_index(catalogue)),
        "mirrors": Reader(
            mirrors, lambda: addresses("https://a.example/x.zip", read_mirrors(mirrors))
        ),
        "descriptor": Reader(described, lambda: read_descriptor(described)),
        "trials": Reader(
            trials,
            lambda: [
                _curve(each, 0.95).quality for each in read_tried(trials.parent, "rsum").values()
            ],
        ),
        "site": Reader(
            site / "site.json", lambda: write_site(site, {"index.html": "<!doctype html>"})
        ),
        "baseline": _baseline(folder / "gate.json"),
        **_figures(folder / "bench.json", folder / "README.md"),
    }


def _baseline(path: Path) -> Reader:
    write_baseline(path, baseline())
    planned = Plan((make_spec("gpo"),), component("local"), 1, Path("runs"))

    def read() -> object:
        found = read_baseline(path)
        found.check(planned, path)
        changes = [each.changes(baseline().fingerprints[0]) for each in found.fingerprints]
        held = [(each.mean, each.deviation) for each in found.reference.values()]
        return found.with_fingerprint(baseline().fingerprints[0]).rows, changes, held

    return Reader(path, read)


def _figures(path: Path, document: Path) -> dict[str, Reader]:
    row = {
        "figure": "pooling/gpo",
        "status": "done",
        "seconds": 0.01,
        "reference": "sorted",
        "ratio": 3.5,
        "floor": "",
        "share": None,
        "error": "",
    }
    failed = {**row, "figure": "step/small", "status": "failed", "error": "ValueError: no"}
    machine = {
        "measured": "2026-11-21",
        "device": "AMD EPYC 9965",
        "cpu": "AMD EPYC 9965",
        "cores": 2,
        "load": 0.5,
        "matmul": "default",
        "commit": None,
        "libraries": {"torch": "2.13.0"},
    }
    kept = {"schema": 1, "size": "full", "device": "cpu", "machine": machine}
    path.write_text(json.dumps({**kept, "rows": [row, failed]}, indent=1))
    sound = path.with_name("now.json")
    sound.write_text(json.dumps({**kept, "rows": [row]}))
    document.write_text(
        f"# Figures\n\n<!-- vsebench bench --from {sound} -->\nold\n<!-- /vsebench -->\n"
    )

    def refreshed() -> str:
        content = document.read_bytes()
        try:
            return printed("refresh", document)
        finally:
            document.write_bytes(content)

    return {
        "figures": Reader(path, lambda: printed("bench", "--from", path)),
        "figures before": Reader(
            path, lambda: printed("bench", "--from", sound, "--against", path)
        ),
        "document": Reader(document, refreshed),
    }
