"""A claims file: what is claimed, of which rows, and what would decide it."""

from __future__ import annotations

import hashlib
import json
import os
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, NamedTuple, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from vsebench.grid.planners import resolve_datasets
from vsebench.grid.suite import load_suite, read_toml
from vsebench.grid.suite_fields import Seeds, one_line
from vsebench.plugin.errors import MissingError, SpecError, did_you_mean
from vsebench.plugin.specs import split_list
from vsebench.results.components import resolve_pooling, resolve_ref
from vsebench.results.protocol import Sparse

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from vsebench.grid.suite import Suite
    from vsebench.plugin.registry import Registry

SCHEMA = 1

Kind = Literal["superiority", "non-inferiority", "equivalence", "speed"]
Doubt = Literal["collapsed", "selected_in_warmup", "not_converged", "tuned_at_edge"]


class Row(NamedTuple):
    """A row of a suite.

    Attributes:
        suite: text that names the suite.
        components: components as tables write them: the one compared, and the loss with its
            sampler.
    """

    suite: str
    components: tuple[str, str]


_Valid = TypeVar("_Valid", bound=BaseModel)
_MACHINE = {
    "out",
    "workers",
    "device",
    "data_root",
    "executor",
    "plugin",
    "keep",
    "strict_data",
    "max_runs",
    "run_timeout",
    "stall_timeout",
}
"""What of a suite says where it runs, not what is run."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class Family(_Part):
    """Claims that are judged together: Holm's correction holds the error of all of them."""

    alpha: Annotated[float, Field(gt=0, lt=1)] = 0.05
    """Largest probability that any claim of the family is decided wrongly."""


class BestOf(_Part):
    """The row of several that is best on dev: the choice that a practitioner would make."""

    best_of: Annotated[tuple[str, ...], Field(min_length=1)]
    """Rows."""
    on: Literal["dev"] = "dev"
    """The split that chooses."""


class Contrast(_Part, Sparse):
    """Two rows."""

    sparse: ClassVar[tuple[str, ...]] = ("reference_suite",)

    row: str
    """POOLING,LOSS or SAMPLER,LOSS as tables have them."""
    reference: str | BestOf
    """The row that it is compared with."""
    reference_suite: str = ""
    """The suite file that has the reference, where it is another one: rows that train for unequal
    lengths, as at equal cost.
    """

    @property
    def references(self) -> tuple[str, ...]:
        """The row that is compared with, or those of which the best is."""
        return (self.reference,) if isinstance(self.reference, str) else self.reference.best_of


class Power(_Part):
    """What the design was expected to see."""

    at: float
    """True difference, or ratio."""
    expected: Annotated[float, Field(gt=0, lt=1)]
    """Probability that the claim is confirmed there."""


class Claim(_Part):
    """One hypothesis. The claim is confirmed where what it says is established at the family's
    level, refuted where the opposite is, and undecided between the two.
    """

    id: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$")]
    """Short name."""
    statement: str
    """What is claimed, in a sentence."""
    paper: str = ""
    """Paper and section that claim it."""
    family: str
    """The family that it is judged in."""
    suite: str
    """The suite file, relative to this file, whose runs decide."""
    dataset: str = ""
    """The data set, where the suite has several."""
    metric: str = ""
    """The test metric; by default the headline."""
    contrast: Contrast
    """The rows that are compared."""
    kind: Kind
    """superiority: better by more than the margin; non-inferiority: not worse by the margin or
    more; equivalence: within the margin on both sides; speed: at the target `ratio` times sooner.
    """
    margin: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0
    """In units of the metric."""
    target: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    """Dev headline that a claim on speed times; fixed beforehand."""
    unit: Literal["steps", "cpu seconds", "seconds"] = "steps"
    """What a claim on speed counts."""
    ratio: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 1.0
    """How many times sooner."""
    seeds: Seeds
    """The seeds that count; best ones that nobody has looked at."""
    minimum_seeds: Annotated[int, Field(ge=2)] = 2
    """Fewer finished ones leave the claim inadmissible."""
    power: Power | None = None
    """What the design was expected to see."""
    invalid_if: tuple[Doubt, ...] = ("collapsed", "selected_in_warmup")
    """What in either row leaves the claim inadmissible."""

    @property
    def suites(self) -> tuple[str, ...]:
        """The suites whose runs decide: the row's, and the reference's."""
        return self.suite, self.contrast.reference_suite or self.suite

    @model_validator(mode="after")
    def _whole(self) -> Claim:
        if (self.kind == "speed") != (self.target is not None):
            raise ValueError(
                "a claim on speed needs a target"
                if self.target is None
                else f"a target is for claims on speed, not on {self.kind}"
            )
        of_others = {"margin"} if self.kind == "speed" else {"unit", "ratio"}
        if given := sorted(of_others & self.model_fields_set):
            raise ValueError(f"a claim on {self.kind} has no {given[0]}")
        if self.kind in ("non-inferiority", "equivalence") and self.margin == 0:
            raise ValueError(f"{self.kind} needs a margin above 0")
        if self.minimum_seeds > len(self.seeds):
            raise ValueError(f"{self.minimum_seeds} seeds are needed and {len(self.seeds)} given")
        return self


class Claims(_Part):
    """What a claims file holds."""

    family: Annotated[dict[str, Family], Field(min_length=1)]
    """Families by name."""
    claim: Annotated[tuple[Claim, ...], Field(min_length=1)]
    """The claims."""


class ClaimsFile:
    """A claims file with the suites that it names.

    Attributes:
        path: the file.
        claims: what it holds.
        suites: the suites by the text that names them.
    """

    def __init__(self, path: Path, claims: Claims) -> None:
        self.path = path
        self.claims = claims
        self.suites: Mapping[str, Suite] = {
            text: load_suite(path.parent / text) for claim in claims.claim for text in claim.suites
        }

    @cached_property
    def _content(self) -> str:
        return _canonical(self.claims.model_dump(mode="json"))

    def digest(self, suite: str) -> str:
        """What records of a suite's runs hold: SHA-256 of the claims and of what the suite runs, so
        that neither can change once the first run is made. Comments and layout may.

        Args:
            suite: the text that names the suite.
        """
        return _hash(self._content, _canonical(self.suites[suite].model_dump(exclude=_MACHINE)))

    def digest_for(self, path: Path | str, suite: Suite) -> str:
        """The digest of a suite that is about to run.

        Args:
            path: path of its file.
            suite: the suite with the options of the command.

        Raises:
            SpecError: no claim names the file, or an option changes what is run.
        """
        for text, declared in self.suites.items():
            if os.path.realpath(self.path.parent / text) == os.path.realpath(path):
                if suite.model_dump(exclude=_MACHINE) != declared.model_dump(exclude=_MACHINE):
                    raise SpecError(
                        f"--claims runs {path} as it stands: drop the options that change what is "
                        "run"
                    )
                return self.digest(text)
        raise SpecError(
            f"{self.path}: no claim names the suite {path}: it names {', '.join(self.suites)}"
        )

    def check_rows(self, digest: str, registry: Registry) -> None:
        """Refuses claims of a suite that name rows which it lacks.

        Args:
            digest: digest of the suite.
            registry: names the components of rows.

        Raises:
            SpecError: there is such a claim, or one compares a row with itself.
        """
        for claim in self.claims.claim:
            if digest in map(self.digest, claim.suites):
                self.rows(claim, registry)

    def rows(self, claim: Claim, registry: Registry) -> tuple[Row, dict[str, Row]]:
        """The row that a claim is about, and those that it may be compared with, by the text that
        names them.

        Raises:
            SpecError: a component is not known, a suite has no such row, or the claim compares a
                row with itself.
        """
        suite, other = claim.suites
        row = self._row(claim, suite, claim.contrast.row, registry)
        others = {
            text: self._row(claim, other, text, registry) for text in claim.contrast.references
        }
        if row in others.values():
            raise SpecError(
                f"{self.path}: claim '{claim.id}' compares {','.join(row.components)} with itself"
            )
        return row, others

    def _row(self, claim: Claim, name: str, text: str, registry: Registry) -> Row:
        suite = self.suites[name]
        task, _ = resolve_datasets(suite, registry)
        kinds = dict.fromkeys((task.compared, "loss", "sampler"))
        parts = split_list(text)
        if not 2 <= len(parts) <= len(kinds):
            form = f"{task.compared.upper()},LOSS"
            raise SpecError(f"{self.path}: claim '{claim.id}': '{text}' is no row: write {form}")
        found = []
        for kind, part in zip(kinds, parts, strict=False):
            spec = _canonical_spec(kind, part, registry)
            known = {_canonical_spec(kind, each, registry) for each in getattr(suite, kind) or ()}
            if spec not in known:
                raise SpecError(
                    f"{self.path}: claim '{claim.id}': suite {name} has no {kind} '{part}': "
                    f"{did_you_mean(spec, known)}"
                )
            found.append(spec)
        return Row(name, (found[0], ",".join(found[1:])))


def load_claims(path: Path) -> ClaimsFile:
    """Reads a claims file and the suites that it names.

    Raises:
        MissingError: there is no such file, or a suite that it names is missing.
        SpecError: it cannot be read, a key is unknown, or a value is not allowed.
    """
    try:
        values = read_toml(path, f"claims file {path}")
    except FileNotFoundError:
        raise MissingError(f"there is no claims file {path}: check the path") from None
    claims = _parse(values, path)
    seen: set[str] = set()
    for claim in claims.claim:
        where = f"{path}: claim '{claim.id}'"
        if claim.id in seen:
            raise SpecError(f"{where} is written twice")
        seen.add(claim.id)
        if claim.family not in claims.family:
            raise SpecError(
                f"{where}: unknown family '{claim.family}': "
                f"{did_you_mean(claim.family, claims.family)}"
            )
    held = ClaimsFile(path, claims)
    for claim in claims.claim:
        _check_suite(held, claim)
    return held


def _parse(values: dict[str, Any], path: Path) -> Claims:
    """Part by part, so that an error names the part."""
    if values.pop("schema", None) != SCHEMA:
        raise SpecError(f"{path}: write schema = {SCHEMA} in its first line")
    entries = values.get("claim")
    if isinstance(entries, list):
        for i, entry in enumerate(entries):
            if isinstance(entry, dict):
                name = entry.get("id", f"number {i + 1}")
                contrast = entry.get("contrast")
                if isinstance(contrast, dict):
                    reference = contrast.get("reference")
                    if isinstance(reference, dict):
                        _valid(BestOf, reference, f"{path}: claim '{name}': reference")
                    _valid(Contrast, contrast, f"{path}: claim '{name}': contrast")
                _valid(Claim, entry, f"{path}: claim '{name}'")
    if isinstance(families := values.get("family"), dict):
        for name, family in families.items():
            if isinstance(family, dict):
                _valid(Family, family, f"{path}: family '{name}'")
    return _valid(Claims, values, str(path))


def _valid(model: type[_Valid], values: dict[str, Any], where: str) -> _Valid:
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise one_line(error, where, model.model_fields) from None


def _check_suite(held: ClaimsFile, claim: Claim) -> None:
    where = f"{held.path}: claim '{claim.id}'"
    for name in dict.fromkeys(claim.suites):
        suite = held.suites[name]
        missing = [seed for seed in claim.seeds if seed not in suite.seeds]
        if missing:
            raise SpecError(f"{where}: suite {name} has no seed {missing[0]}")
        if claim.dataset and claim.dataset not in suite.dataset:
            raise SpecError(
                f"{where}: suite {name} has no data set '{claim.dataset}': "
                f"{did_you_mean(claim.dataset, suite.dataset)}"
            )
        if not claim.dataset and len(suite.dataset) > 1:
            raise SpecError(f"{where}: say which dataset: {', '.join(suite.dataset)}")


def _canonical_spec(kind: str, text: str, registry: Registry) -> str:
    if kind != "pooling":
        return resolve_ref(kind, text, registry).spec
    image, caption = resolve_pooling(text, registry)
    return image.spec if image == caption else f"{image.spec}/{caption.spec}"


def _canonical(values: Any) -> str:
    return json.dumps(values, sort_keys=True, separators=(",", ":"), default=str)


def _hash(*texts: str) -> str:
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()
