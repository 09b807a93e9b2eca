"""What finished runs make of claims."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import fmean
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from vsebench.plugin.errors import VsebenchError
from vsebench.report.rows.evidence import COLLAPSED, RISING, WARM_UP, no_evidence
from vsebench.report.rows.sections import conditions, on_same_data, split
from vsebench.report.rows.variants import told_apart
from vsebench.report.speed.learning_curve import arrivals, knows, learning_curve
from vsebench.report.statistics.estimates import by_seed, estimated, of_differences, tested
from vsebench.report.statistics.means import above, detectable, holm
from vsebench.report.wording import name

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from vsebench.claims.file import Claim, ClaimsFile, Doubt, Row
    from vsebench.plugin.metrics import Metric
    from vsebench.plugin.registry import Registry
    from vsebench.report.rows.evidence import Reason
    from vsebench.report.rows.runs import Run
    from vsebench.report.statistics.estimates import Estimates
    from vsebench.report.statistics.means import Estimate, Interval

Verdict = Literal["confirmed", "refuted", "undecided", "inadmissible"]

_SAME = ("data fingerprint", "metric version", "device", "evaluate_on")
"""Conditions that a claim of two suites cannot do without: what the metric is counted on."""

_REASONS: dict[Reason, Doubt] = {
    COLLAPSED: "collapsed",
    WARM_UP: "selected_in_warmup",
    RISING: "not_converged",
}


class Evidence(NamedTuple):
    """The numbers behind a verdict.

    Attributes:
        row: row that the claim is about.
        reference: row that it was compared with.
        seeds: seeds that both have finished.
        apart: settings of the reference that the row does not share, where it is another suite's.
        difference: difference of the metric, or ratio of the waiting times.
        low: lower end of its interval at the family's level, uncorrected.
        high: upper end.
        images: whether the interval counts other test images, too.
        p_confirm: p-value of the opposite of the claim, by Holm over the family.
        p_refute: p-value of the claim, by Holm over the family.
        detectable: difference (ratio) from the bound that 80 % of such designs would see.
    """

    row: tuple[str, str]
    reference: tuple[str, str]
    seeds: tuple[int, ...]
    apart: tuple[str, ...]
    difference: float
    low: float
    high: float
    images: bool
    p_confirm: float
    p_refute: float
    detectable: float


@dataclass(frozen=True)
class Judged:
    """A claim with its verdict.

    Attributes:
        claim: the claim.
        metric: what was compared.
        verdict: what the runs make of it.
        evidence: the numbers; None where there are none.
        reasons: why it is inadmissible.
    """

    claim: Claim
    metric: Metric
    verdict: Verdict
    evidence: Evidence | None
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Pair:
    """A claim's two rows, before the family is judged.

    Attributes:
        unlike: conditions in which the reference's runs differ.
        estimates: difference in terms of the better, or logarithm of the ratio; None of fewer than
            two common seeds, or where there are reasons against it.
    """

    claim: Claim
    metric: Metric
    row: Row
    reference: Row
    seeds: tuple[int, ...]
    unlike: Mapping[str, Any]
    estimates: Estimates | None
    reasons: tuple[str, ...]


def judge(held: ClaimsFile, runs: Sequence[Run], registry: Registry) -> list[Judged]:
    """The verdicts on a file's claims. Inadmissible ones take no part in their family's
    correction.

    Args:
        held: the claims.
        runs: runs that ended; those that were not made under the file are left out.
        registry: names the components of rows.

    Raises:
        SpecError: a claim names a row that its suite lacks, or an unknown metric.
        VsebenchError: no run was made under the claims of a suite that a claim names.
    """
    pairs = [_pair(held, claim, runs, registry) for claim in held.claims.claim]
    judged: dict[str, Judged] = {}
    for key, family in held.claims.family.items():
        members = [pair for pair in pairs if pair.claim.family == key]
        judged |= {each.claim.id: each for each in _family(members, family.alpha)}
    return [judged[claim.id] for claim in held.claims.claim]


def _pair(held: ClaimsFile, claim: Claim, runs: Sequence[Run], registry: Registry) -> _Pair:
    made = {suite: _made_under(held, claim, suite, runs) for suite in dict.fromkeys(claim.suites)}
    metric = _metric(claim, made[claim.suite][0])
    row, others = held.rows(claim, registry)
    done = {
        each: [
            run
            for run in made[each.suite]
            if run.done
            and run.record.spec.seed in claim.seeds
            and run.combination == each.components
        ]
        for each in (row, *others.values())
    }
    reference = _reference(others.values(), done)
    ours, theirs = (by_seed(done[each], metric.key) for each in (row, reference))
    seeds = tuple(sorted(ours.keys() & theirs.keys()))
    unlike = _unlike(done[row], done[reference])
    reasons = (
        *_inadmissible(claim, {row: done[row], reference: done[reference]}, seeds),
        *_unchosen(claim, others.values(), done),
        *(f"the suites' runs differ in {each}" for each in _SAME if each in unlike),
    )
    if reasons:
        estimates = None
    elif claim.kind == "speed":
        estimates = _log_ratio(claim, ours, theirs, seeds)
    else:
        estimates = _difference(metric, ours, theirs)
    return _Pair(claim, metric, row, reference, seeds, unlike, estimates, reasons)


def _made_under(held: ClaimsFile, claim: Claim, suite: str, runs: Sequence[Run]) -> list[Run]:
    digest = held.digest(suite)
    of_suite = [run for run in runs if run.record.spec.claims == digest]
    made = [run for run in of_suite if claim.dataset in ("", run.record.spec.dataset.spec)]
    if not made:
        others = f"; {len(runs)} runs there were made without them" if runs else ""
        raise VsebenchError(
            f"claim '{claim.id}': no run was made under these claims{others}: make them with "
            f"'vsebench run {held.path.parent / suite} --claims {held.path}'"
        )
    return made


def _unlike(ours: Sequence[Run], theirs: Sequence[Run]) -> dict[str, Any]:
    """The conditions in which a reference's runs differ from a row's, with their values."""
    if not ours or not theirs:
        return {}
    first, other = ({**conditions(runs[0]), "claims": None} for runs in (ours, theirs))
    return {key: value for key, value in other.items() if first.get(key, value) != value}


def _metric(claim: Claim, run: Run) -> Metric:
    (section,) = split([run])
    return section.metric(claim.metric) if claim.metric else section.task.headline


def _reference(rows: Collection[Row], done: Mapping[Row, Sequence[Run]]) -> Row:
    """The row that is compared with; of several the one with the best mean on dev."""

    def on_dev(row: Row) -> float:
        bests = [best for run in done[row] if (best := run.best_dev) is not None]
        return fmean(bests) if bests else -math.inf

    return max(rows, key=on_dev)


def _unchosen(
    claim: Claim, rows: Collection[Row], done: Mapping[Row, Sequence[Run]]
) -> Iterator[str]:
    """Rows of which too few seeds are finished to choose the best of them."""
    for row in rows if len(rows) > 1 else ():
        if len(done[row]) < claim.minimum_seeds:
            yield (
                f"{name(row.components)}: {len(done[row])} of at least {claim.minimum_seeds} seeds "
                "are finished, so that the best on dev is not known"
            )


def _inadmissible(
    claim: Claim, rows: Mapping[Row, Sequence[Run]], seeds: Sequence[int]
) -> Iterator[str]:
    if len(seeds) < claim.minimum_seeds:
        yield f"{len(seeds)} of at least {claim.minimum_seeds} seeds are finished in both rows"
    if claim.unit == "cpu seconds" and not all(
        knows(run, "cpu seconds") for runs in rows.values() for run in runs
    ):
        yield "a run's record has no CPU seconds"
    for row, runs in rows.items():
        if versions := _versions(runs):
            yield (
                f"{name(row.components)}: runs of several versions, {versions}: keep those of one, "
                "in a folder of their own"
            )
        if claim.kind == "speed" and not all(any(run.progress.steps) for run in runs):
            yield f"{name(row.components)}: trained for no step"
        if "tuned_at_edge" in claim.invalid_if and (keys := _at_edge(runs)):
            yield f"{name(row.components)}: tuned at the edge of the range of {', '.join(keys)}"
        for reason in no_evidence(runs):
            if _REASONS[reason] in claim.invalid_if:
                yield f"{name(row.components)}: {reason.name}"


def _versions(runs: Sequence[Run]) -> str:
    """What tells versions of a row apart that its name does not: what its components are, or a seed
    that was run twice; empty of one.
    """
    named = dict.fromkeys(" × ".join(run.combination) for run in told_apart(runs))
    if len(named) > 1:
        return " and ".join(named)
    by_seed: dict[int, Run] = {}
    for run in runs:
        first = by_seed.setdefault(run.record.spec.seed, run)
        if not on_same_data(first, run):
            return f"{first.record.run_id} and {run.record.run_id} of seed {run.record.spec.seed}"
    return ""


def _at_edge(runs: Sequence[Run]) -> list[str]:
    """The protocol keys of a row whose tuned values lie at an end of the range searched."""
    tunings = [run.record.spec.tuning for run in runs]
    return sorted({key for found in tunings if found is not None for key in found.tuned_at_edge})


def _difference(
    metric: Metric, ours: Mapping[int, Run], theirs: Mapping[int, Run]
) -> Estimates | None:
    lower = metric.better == "lower"
    estimates = of_differences(*((theirs, ours) if lower else (ours, theirs)), metric.key)
    return None if estimates is None or estimates.seeds is None else estimates


def _log_ratio(
    claim: Claim, ours: Mapping[int, Run], theirs: Mapping[int, Run], seeds: Sequence[int]
) -> Estimates | None:
    """Logarithm of how many times sooner the row arrives."""
    assert claim.target is not None
    goals = (claim.target, claim.target)
    ratios, studies = [], []
    for seed in seeds:
        pair = ours[seed], theirs[seed]
        curve, base = (learning_curve(run, claim.unit) for run in pair)
        one, other = arrivals(curve, base, goals)
        ratios.append(math.log(other.cost / one.cost))
        studies.append(tuple(run.study for run in pair))
    found = estimated(ratios, None, studies)
    return None if found.seeds is None else found


def _family(members: Sequence[_Pair], alpha: float) -> Iterator[Judged]:
    """Holm over the admissible claims: one family of confirmations, one of refutations."""
    family = [(pair, pair.estimates) for pair in members if pair.estimates is not None]
    tests = _tests(family)
    confirm = holm([_confirms(pair.claim, estimate) for pair, estimate in tests])
    refute = holm([_refutes(pair.claim, estimate) for pair, estimate in tests])
    adjusted = {
        pair.claim.id: (estimate, ps)
        for (pair, estimate), *ps in zip(tests, confirm, refute, strict=True)
    }
    for pair in members:
        if pair.claim.id not in adjusted or pair.estimates is None:
            reasons = pair.reasons or ("fewer than two common seeds",)
            yield Judged(pair.claim, pair.metric, "inadmissible", None, reasons)
            continue
        estimate, (confirmed, refuted) = adjusted[pair.claim.id]
        yield Judged(
            pair.claim,
            pair.metric,
            # one-sided tests, so that both directions together keep to alpha
            "confirmed"
            if confirmed <= alpha / 2
            else "refuted"
            if refuted <= alpha / 2
            else "undecided",
            _evidence(
                pair,
                pair.estimates.interval(1 - alpha),
                detectable(estimate, 1 - alpha / len(tests)),
                (confirmed, refuted),
            ),
        )


def _tests(family: Sequence[tuple[_Pair, Estimates]]) -> list[tuple[_Pair, Estimate]]:
    """What the tests of a family rest on."""
    found = tested([((pair.row, pair.reference), each) for pair, each in family])
    return [
        (pair, estimate)
        for (pair, _), estimate in zip(family, found, strict=True)
        if estimate is not None
    ]


def _confirms(claim: Claim, estimate: Estimate) -> float:
    """The p-value of the opposite of a claim."""
    if claim.kind == "equivalence":
        return max(above(estimate, -claim.margin), _below(estimate, claim.margin))
    return above(estimate, _bound(claim))


def _refutes(claim: Claim, estimate: Estimate) -> float:
    """The p-value of a claim."""
    if claim.kind == "equivalence":  # beyond either margin, each with half of the error
        beyond = min(above(estimate, claim.margin), _below(estimate, -claim.margin))
        return min(1.0, 2 * beyond)
    return _below(estimate, _bound(claim))


def _bound(claim: Claim) -> float:
    """What the difference must exceed for the claim to hold."""
    if claim.kind == "speed":
        return math.log(claim.ratio)
    return claim.margin if claim.kind == "superiority" else -claim.margin


def _below(estimate: Estimate, bound: float) -> float:
    return above(estimate._replace(mean=-estimate.mean), -bound)


def _evidence(pair: _Pair, ends: Interval, least: float, ps: tuple[float, float]) -> Evidence:
    mean, low, high = ends.mean, ends.low or 0.0, ends.high or 0.0
    if pair.claim.kind == "speed":
        mean, low, high, least = (math.exp(value) for value in (mean, low, high, least))
    elif pair.metric.better == "lower":
        mean, low, high = -mean, -high, -low
    images = pair.estimates is not None and pair.estimates.images
    rows = pair.row.components, pair.reference.components
    apart = tuple(f"{key}={value}" for key, value in pair.unlike.items())
    return Evidence(*rows, pair.seeds, apart, mean, low, high, images, *ps, least)
