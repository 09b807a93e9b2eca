"""The spread over seeds that comes with the package, made from the runs it was measured on:
`python -m tests.report.seed_spreads` writes it again.
"""

from __future__ import annotations

import json
from pathlib import Path

import vsebench.report.statistics.seed_spread as module
from vsebench.report.rows.runs import read_runs
from vsebench.report.statistics.seed_spread import SeedSpread, measure

STUDY = Path(__file__).parents[2] / "results/flickr8k/headline"
SOURCE = "results/flickr8k/headline: six rows of six seeds"


def measured() -> SeedSpread:
    rows: dict[tuple[str, str], list[dict[str, float]]] = {}
    for run in read_runs(STUDY).ended:
        rows.setdefault(run.combination, []).append(run.record.test)
    return measure(list(rows.values()), 1000, SOURCE)


if __name__ == "__main__":
    target = Path(module.__file__).with_suffix(".json")
    target.write_text(json.dumps(measured().as_dict(), indent=1) + "\n", encoding="utf-8")
