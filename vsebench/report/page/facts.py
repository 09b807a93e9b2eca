"""Under which conditions a block was made, by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vsebench.report.made_with import (
    changes_note,
    machine_note,
    short_commit,
    tuned_note,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vsebench.report.rows import Block
    from vsebench.report.runs import Run
    from vsebench.results.record import Provenance


def facts(block: Block) -> list[tuple[str, str]]:
    """Names and what is to be said under each; what is not known is left out."""
    runs = block.section.runs
    done = [run for run in runs if run.done]
    made = [run.record.provenance for run in runs if run.record.provenance is not None]
    named = [
        *_conditions(runs[0]),
        ("Seeds", _seeds(done)),
        ("Device", machine_note(done).removeprefix("Device: ")),
        *_software(made),
    ]
    return [(what, said) for what, said in named if said]


def _conditions(run: Run) -> Iterator[tuple[str, str]]:
    """What is equal for all runs of a block."""
    spec = run.record.spec
    yield "Data", f"{spec.dataset.spec}, test split, fingerprint {spec.data_fingerprint}"
    yield "Protocol", spec.protocol.name
    yield (
        "Unlike its preset",
        "; ".join(said for said in (changes_note(run), tuned_note(run)) if said) or "nothing",
    )
    yield from spec.conditions.items()
    yield "Metrics", f"version {run.record.metric_version}"


def _seeds(done: list[Run]) -> str:
    return ", ".join(str(seed) for seed in sorted({run.record.spec.seed for run in done}))


def _software(made: list[Provenance]) -> Iterator[tuple[str, str]]:
    """Releases, commits and dates; several of each where runs differ."""
    releases: dict[str, dict[str, None]] = {}
    for each in made:
        for library, release in each.libraries.items():
            releases.setdefault(library, {})[release] = None
    yield (
        "Software",
        ", ".join(f"{library} {' or '.join(found)}" for library, found in releases.items()),
    )
    yield (
        "Commit",
        ", ".join(dict.fromkeys(short_commit(each.git_commit) for each in made if each.git_commit)),
    )
    days = sorted({each.started[:10] for each in made})
    yield "Made", " to ".join(dict.fromkeys((*days[:1], *days[-1:])))
