from __future__ import annotations

import tomllib
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[1]


def test_what_is_cited_is_what_is_packaged() -> None:
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert (cited["cff-version"], cited["type"]) == ("1.2.0", "software")
    assert (cited["version"], cited["license"], cited["authors"]) == (
        project["version"],
        project["license"],
        project["authors"],
    )
    assert (
        cited["title"]
        == f"{project['name']}: {project['description'][0].lower()}{project['description'][1:]}"
    )
    assert set(cited["keywords"]) <= set(project["keywords"])
