"""With what and under which conditions runs were made: in words under a table, and by name on the
page.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from vsebench.report.rows.variants import TUNED
from vsebench.report.wording import count, distinct, listed, word
from vsebench.results.run_base import METRIC_VERSION

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from vsebench.report.rows.combinations import Block
    from vsebench.report.rows.runs import Run
    from vsebench.report.rows.sections import Section
    from vsebench.results.record import Provenance

_COMMIT = 12


def protocol_note(block: Block) -> str:
    """The protocol and the data, which are equal for all rows."""
    run = block.section.runs[0]
    spec, version = run.record.spec, run.record.metric_version
    changes, tuned = changes_note(block.section), tuned_note(block.section)
    metric = "" if version == METRIC_VERSION else f", metric version {version}"
    by_row = f"; {tuned}" if tuned else ""
    caveat = f"; {spec.caveat}" if spec.caveat else ""
    return (
        f"Protocol {spec.protocol.name}{f' with {changes}' if changes else ''}{by_row}{caveat}. "
        f"Data {spec.data_fingerprint[:12]}{metric}."
    )


def changes_note(section: Section) -> str:
    """The keys of the protocol that differ from its preset for every row; empty without any."""
    return ", ".join(
        f"{key}={word(value)}"
        for key, value in section.runs[0].record.spec.protocol_changes.items()
        if key not in section.tuned
    )


def tuned_note(section: Section) -> str:
    """What differs from row to row; empty without any."""
    if not section.tuned:
        return ""
    others = untuned_note(section)
    which = f" that is marked{TUNED}" if others else ""
    return f"{', '.join(section.tuned)} tuned for each row{which}{others}"


def untuned_note(section: Section) -> str:
    """What untuned rows have beside tuned ones, to end a sentence; empty where all are alike."""
    untuned = next((run.record.spec for run in section.runs if not run.tuned), None)
    if untuned is None or not section.tuned:
        return ""
    held = (key for key in section.tuned if untuned.holds_equal(key))
    values = ", ".join(f"{key}={word(untuned.tuned_value(key))}" for key in held)
    return f", the others have {values}" if values else ", the others have what their names say"


def protocol_values(section: Section) -> list[tuple[str, str]]:
    """Every key of the protocol that is equal for all rows, with its value."""
    spec = section.runs[0].record.spec
    values = {"name": spec.protocol.name, **spec.held_protocol()}
    return [(key, word(value)) for key, value in values.items() if key not in section.tuned]


def machine_note(done: Sequence[Run]) -> str:
    """On what runs were made; empty without any."""
    if not done:
        return ""
    names = ", ".join(distinct(each.device_name for each in _provenances(done)))
    spec = done[0].record.spec
    threads = f", {count(spec.protocol.threads, 'thread')} a run" if spec.device == "cpu" else ""
    together = " or ".join(
        str(c)
        for c in sorted(
            {run.record.cost.concurrency for run in done if run.record.cost is not None}
        )
    )
    return f"Device: {spec.device}{f' ({names})' if names else ''}{threads}, {together} at a time."


def software_note(done: Sequence[Run]) -> str:
    """Says where rows were made by different states of vsebench; empty where they were not, as far
    as is known.
    """
    made = _provenances(done)
    releases = distinct(each.libraries["vsebench"] for each in made if "vsebench" in each.libraries)
    commits = distinct(short_commit(each.git_commit) for each in made if each.git_commit)
    differing = [
        f"{noun}s {' and '.join(found)}"
        for noun, found in (("release", releases), ("commit", commits))
        if len(found) > 1
    ]
    return f"Made with different states of vsebench: {', '.join(differing)}." if differing else ""


def short_commit(commit: str) -> str:
    """The beginning of a commit, with the '+' of a changed tree."""
    return commit[:_COMMIT] + ("+" if commit.endswith("+") else "")


def comparable_note(done: Sequence[Run]) -> str:
    """Warns where runs were not made on equal devices with equal company, without which seconds do
    not mean the same; else empty.
    """
    concurrency = {run.record.cost.concurrency for run in done if run.record.cost is not None}
    made = _provenances(done)
    devices = {each.device_name for each in made}
    generations = {each.cpu_generation for each in made if each.cpu_generation}
    causes = [
        cause
        for cause, found in (
            ("runs at a time", concurrency),
            ("device", devices),
            ("generation of the CPU", generations if len(devices) == 1 else ()),
        )
        if len(found) > 1
    ]
    return (
        "Warning: seconds are not comparable between these rows: runs differ in "
        f"{' and '.join(causes)}."
        if causes
        else ""
    )


def facts(block: Block) -> list[tuple[str, str]]:
    """Names and what is to be said under each; what is not known is left out."""
    runs = block.section.runs
    done = [run for run in runs if run.done]
    made = _provenances(runs)
    named = [
        *_conditions(block.section),
        ("Seeds", listed({run.record.spec.seed for run in done})),
        ("Device", machine_note(done).removeprefix("Device: ")),
        *_software(made),
    ]
    return [(what, said) for what, said in named if said]


def _conditions(section: Section) -> Iterator[tuple[str, str]]:
    """What is equal for all runs of a block."""
    run = section.runs[0]
    spec = run.record.spec
    splits = section.counted_on.split("+")
    counted = f"{' and '.join(splits)} split{'s' if len(splits) > 1 else ''}"
    yield "Data", f"{spec.dataset.spec}, {counted}, fingerprint {spec.data_fingerprint}"
    yield "Protocol", spec.protocol.name
    yield (
        "Unlike its preset",
        "; ".join(said for said in (changes_note(section), tuned_note(section)) if said)
        or "nothing",
    )
    yield from spec.conditions.items()
    yield "Metrics", f"version {run.record.metric_version}"


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


def _provenances(runs: Sequence[Run]) -> list[Provenance]:
    """Of the runs that say theirs."""
    return [run.record.provenance for run in runs if run.record.provenance is not None]
