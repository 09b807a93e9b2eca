"""A claims file, its suite, and runs made under it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.factories import make_curve, make_record, make_spec, metrics, save
from vsebench.claims.file import ClaimsFile, load_claims
from vsebench.results.folder.store import Store

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

SUITE = """
pooling = ["mean", "gpo", "maxavg"]
loss = ["triplet", "infonce"]
seeds = "0-9"
out = "runs"
"""
CLAIM: dict[str, str] = {
    "id": '"gpo-better"',
    "statement": '"GPO is better than the mean"',
    "family": '"poolings"',
    "suite": '"suite.toml"',
    "kind": '"superiority"',
    "contrast": '{ row = "gpo,triplet", reference = "mean,triplet" }',
    "seeds": '"0-5"',
}
FLAT = [90.0, 100.0, 100.0, 100.0, 100.0, 100.0, 100.0, 100.0]
"""A curve that has converged."""


def write(folder: Path, *claims: Mapping[str, str | None], family: str = "") -> Path:
    """A claims file with these claims, each `CLAIM` with changes; None leaves a key out."""
    (folder / "suite.toml").write_text(SUITE)
    lines = ["schema = 1", "[family.poolings]", family]
    for changes in claims or ({},):
        lines.append("[[claim]]")
        fields = {**CLAIM, **changes}
        lines += [f"{key} = {value}" for key, value in fields.items() if value is not None]
    path = folder / "claims.toml"
    path.write_text("\n".join(lines) + "\n")
    return path


def claims(folder: Path, *changes: Mapping[str, str | None], family: str = "") -> ClaimsFile:
    return load_claims(write(folder, *changes, family=family))


def leave(
    held: ClaimsFile | None,
    out: Path,
    row: str,
    values: Sequence[float],
    *,
    curve: Sequence[float] = FLAT,
    record: Mapping[str, Any] | None = None,
    cpu: float | None = None,
    first: int = 0,
    suite: str = "suite.toml",
    **changes: Any,
) -> None:
    """A run of each seed from `first` with these test RSUMs, made under the claims unless they are
    None.
    """
    pooling, loss = row.split(",")
    for seed, value in enumerate(values, first):
        spec = make_spec(pooling, loss, seed, claims=held.digest(suite) if held else "", **changes)
        Store(out).directory_for(spec).truncate_curve(0)  # of a run that is made again
        made = make_curve(curve)
        if cpu is not None:
            made = [e.model_copy(update={"cpu_seconds": cpu * e.seconds}) for e in made]
        save(out, make_record(spec, test=metrics(value), **(record or {})), made)
