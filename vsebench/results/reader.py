"""What a run left, read alike whether its files lie in a folder or in a pack."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import ValidationError
from pydantic_core import from_json

from vsebench.plugin.errors import MissingError, VsebenchError
from vsebench.results.checks.contents import npz_arrays
from vsebench.results.checks.soundness import (
    check_curve,
    check_positions,
    check_queries,
    check_record,
    check_retrieved,
)
from vsebench.results.folder.seal import Sums, digest, file_digest, unsealed
from vsebench.results.record import SCHEMA, Evaluation, RunRecord
from vsebench.results.spec import read_spec
from vsebench.results.tasks import task_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from vsebench.results.run_base import RunBase

SPEC = "spec.json"
RECORD = "record.json"
MODEL = "model.json"
"""What an exported model says of itself, beside a copy of its run's record."""

CURVE = "curve.jsonl"
RANKS = "ranks.npz"
FOLD_RANKS = ("i2t_1k", "t2i_1k")
"""Arrays among the ranks, of runs that were ranked within folds, too."""

PER_IMAGE = "per_image.npz"
POSITIONS = "positions.npz"
"""Weights of the model's poolings over sorted positions (`vsebench.retrieval.shown`)."""
RETRIEVED = "retrieved.npz"
"""What the model retrieves for its hardest queries (`vsebench.retrieval.shown`)."""

BEST = "best.safetensors"
VOCABULARY = "vocabulary.txt"
DONE = "done"

_CHECKS: Mapping[str, Callable[[Mapping[str, NDArray[Any]]], None]] = {
    RANKS: check_queries,
    PER_IMAGE: check_queries,
    POSITIONS: check_positions,
    RETRIEVED: check_retrieved,
}

T = TypeVar("T")

_CHANGED = "it is not what the run left: its SHA-256 is another"


class DamagedError(VsebenchError):
    """A file of a run is not what was written.

    Attributes:
        name: its name.
        why: what is wrong with it, in words.
    """

    def __init__(self, message: str, name: str, why: str) -> None:
        super().__init__(message)
        self.name, self.why = name, why


class RunReader(ABC):
    """A run as readers see it; subclasses say where the bytes of its files are.

    Attributes:
        path: folder of the run: where its files lie, or where they go when a pack is unpacked.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._marked: Sums | None = None  # what the marker says, for the length of one look

    @abstractmethod
    def holds(self, name: str) -> bool:
        """Whether the run left a file of that name."""

    @abstractmethod
    def read_bytes(self, name: str) -> bytes:
        """The content of a file.

        Raises:
            OSError: missing or unreadable.
            VsebenchError: not what was packed.
        """

    @abstractmethod
    def where(self, name: str) -> str:
        """Where a file is, as errors name it."""

    @abstractmethod
    def remedy(self, name: str) -> str:
        """What to do about a damaged file, as errors say it."""

    @property
    def checkpoint_path(self) -> Path:
        """Training state to resume from; never packed."""
        return self.path / "checkpoint.pt"

    @property
    def best_path(self) -> Path:
        """Weights of the model that dev selected; never packed."""
        return self.path / BEST

    @property
    def vocabulary_path(self) -> Path:
        """The words that the model knows, one a line, of a run whose encoder reads words; never
        packed, as the model is not.
        """
        return self.path / VOCABULARY

    @property
    def is_done(self) -> bool:
        """Whether the run ended well and everything it left is on disk."""
        return self.holds(DONE) and self.holds(RECORD)

    @property
    def holds_run(self) -> bool:
        """Whether a run was started here; an exported model holds the record of one as well."""
        if self.holds(SPEC) or self.holds(DONE):
            return True
        return self.holds(RECORD) and not self.holds(MODEL)

    @property
    def sums(self) -> Sums:
        """SHA-256 by name of what a run that ended well left; nothing of runs of older releases.

        Raises:
            VsebenchError: the marker is damaged.
        """
        if self._marked is not None:
            return self._marked
        if not self.holds(DONE):
            return {}
        try:
            return unsealed(self.read_bytes(DONE).decode("utf-8"))
        except (OSError, ValueError) as error:
            raise self.damaged(DONE, error) from error

    def read_spec(self) -> RunBase:
        """The run that this is; where only its record is left, as the record has it, without paths.

        Raises:
            VsebenchError: missing or damaged.
        """
        if not self.holds(SPEC) and (record := self.read_record()) is not None:
            return record.spec
        return self._parse(SPEC, read_spec)

    def read_record(self) -> RunRecord | None:
        """How the run ended; None when it has not.

        Raises:
            VsebenchError: the record is damaged, is a changed copy of another run's, or was written
                by a newer version.
        """
        if not self.holds(RECORD):
            return None
        return self._parse(RECORD, _sound)

    def damage(self, *, model: bool) -> dict[str, str]:
        """What of a run that ended well is damaged or missing: why, by file name.

        Args:
            model: whether its weights are needed.

        Raises:
            VsebenchError: a file may not be read, or was written by a newer version.
        """
        try:
            self._marked = self.sums
        except DamagedError as error:  # then nothing else can be told
            return {DONE: error.why}
        try:
            return self._damage(model=model)
        finally:
            self._marked = None

    def changed(self) -> dict[str, str]:
        """What of its text is not what was packed, asked file by file: why, by name. A line of a
        pack that is as it was written is believed otherwise. Nothing in a folder.
        """
        return {}

    def _damage(self, *, model: bool) -> dict[str, str]:
        checks: dict[str, Callable[[], object]] = {
            RECORD: self.read_record,
            CURVE: self._check_curve,
            RANKS: lambda: self.read_arrays(RANKS),
            PER_IMAGE: lambda: self.read_arrays(PER_IMAGE),
            **({BEST: self.check_best} if model else {}),
        }
        found = {}
        for name, check in checks.items():
            try:
                check()
            except DamagedError as error:
                found[error.name] = error.why
            except MissingError:
                found[name] = "missing"
        return found

    def _check_curve(self) -> None:
        """Checks the curve against the record, where that is whole."""
        try:
            record = self.read_record()
        except DamagedError:
            return
        if record is not None:
            self.read_whole_curve(record)

    def check_unfinished(self) -> None:
        """Checks that a run without a record has not ended.

        Raises:
            VsebenchError: it is marked done, so that its record was lost.
        """
        if self.holds(DONE) and not self.holds(RECORD):
            raise self.damaged(RECORD, FileNotFoundError())

    def check_best(self) -> None:
        """Checks that the weights and the words are those that the run left, as far as it says.

        Raises:
            VsebenchError: they are not.
        """
        sums = self.sums
        for name in (BEST, VOCABULARY):
            try:
                if name in sums and file_digest(self.path / name) not in sums[name]:
                    raise self.damaged(name, ValueError(_CHANGED))
            except OSError as error:
                raise self.damaged(name, error) from error

    def read_whole_curve(self, record: RunRecord) -> list[Evaluation]:
        """The curve of a run that ended, for readers who need it and the record whole.

        Raises:
            VsebenchError: it is damaged, or one of the two lacks what every finished run has.
        """
        headline, curve = task_of(record.spec).headline.key, self.read_curve()
        if record.status == "done" and headline not in record.test:
            raise self.damaged(
                RECORD, ValueError(f"a finished run without its test metric '{headline}'")
            )
        if record.status == "done" and self.holds(CURVE) and not curve:
            raise self.damaged(CURVE, ValueError("a finished run without an evaluation"))
        if record.status == "done":
            try:
                check_curve(record, curve)
            except ValueError as error:
                raise self.damaged(CURVE, error) from error
        return curve

    def read_curve(self) -> list[Evaluation]:
        """The training curve so far; a last line without its end is one that a killed process did
        not finish, and is left out.

        Raises:
            VsebenchError: a line is damaged.
        """
        if not self.holds(CURVE) and CURVE not in self.sums:
            return []
        try:
            return self._evaluations()
        except (OSError, ValueError) as error:
            raise self.damaged(CURVE, error) from error

    def _evaluations(self) -> list[Evaluation]:
        *lines, _ = self.read_checked(CURVE).split(b"\n")
        return [Evaluation.model_validate_json(line) for line in lines]

    def read_ranks(self) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """Test ranks, 0 for the top, of the best positive of each image [n_images] and each caption
        [n_captions].

        Raises:
            VsebenchError: missing or damaged.
        """
        try:
            ranks = self._read_sound(RANKS)
            return ranks["i2t"], ranks["t2i"]
        except (OSError, ValueError, KeyError) as error:
            raise self.damaged(RANKS, error) from error

    def read_arrays(self, name: str) -> dict[str, NDArray[Any]]:
        """The arrays of one of the run's `.npz` files; empty where the run left no such file.

        Raises:
            VsebenchError: damaged.
        """
        if not self.holds(name):
            return {}
        try:
            return self._read_sound(name)
        except (OSError, ValueError) as error:
            raise self.damaged(name, error) from error

    def _read_sound(self, name: str) -> dict[str, NDArray[Any]]:
        arrays = self.read_npz(name)
        _CHECKS[name](arrays)
        return arrays

    def read_npz(self, name: str) -> dict[str, NDArray[Any]]:
        """The arrays of a file.

        Raises:
            OSError, ValueError: missing, unreadable or damaged.
            VsebenchError: not what was packed.
        """
        return npz_arrays(self.read_bytes(name))

    def read_checked(self, name: str) -> bytes:
        """As `read_bytes`, of what the run left, as far as it says.

        Raises:
            OSError: missing or unreadable.
            VsebenchError: it has changed.
        """
        content = self.read_bytes(name)
        if name in self.sums:
            self.check_sum(name, self.digest(name, content))
        return content

    def read_json(self, name: str) -> bytes:
        """As `read_checked`, of a file of JSON, which may be laid out in another way."""
        return self.read_checked(name)

    def digest(self, name: str, content: bytes) -> str:  # noqa: ARG002  # some know it by name
        """SHA-256 of what was read of a file."""
        return digest(content)

    def check_sum(self, name: str, found: str) -> None:
        """Checks that a file has the SHA-256 that the run left, as far as it says.

        Raises:
            DamagedError: it has another.
        """
        wanted = self.sums.get(name)
        if wanted is not None and found not in wanted:
            raise self.damaged(name, ValueError(_CHANGED))

    def _parse(self, name: str, parse: Callable[[bytes], T]) -> T:
        try:
            content = self.read_json(name)
            try:
                return parse(content)
            except ValueError:
                self._refuse_newer(name, content)
                raise
        except (OSError, ValueError) as error:
            raise self.damaged(name, error) from error

    def _refuse_newer(self, name: str, text: bytes) -> None:
        """A record of a later schema is not damaged, and deleting it would be a pity."""
        content = from_json(text)
        version = content.get("schema_version", SCHEMA) if isinstance(content, dict) else SCHEMA
        if isinstance(version, int) and version > SCHEMA:
            raise VsebenchError(
                f"{self.where(name)} was written by a newer vsebench (record schema {version}, "
                f"this one reads up to {SCHEMA}): upgrade vsebench"
            )

    def damaged(self, name: str, error: Exception) -> VsebenchError:
        """The one line about a file that is missing or not what was written."""
        if isinstance(error, FileNotFoundError):
            return MissingError(f"{self.where(name)} is missing: {self.remedy(name)}")
        if isinstance(error, PermissionError):
            return VsebenchError(f"{self.where(name)} may not be read: fix its permissions")
        why = (
            error.errors(include_url=False)[0]["msg"]
            if isinstance(error, ValidationError)
            else str(error)
        )
        why = " ".join(why.split())
        return DamagedError(
            f"{self.where(name)} is damaged ({why}): {self.remedy(name)}", name, why
        )


def _sound(content: bytes) -> RunRecord:
    record = RunRecord.model_validate_json(content)
    if record.schema_version > SCHEMA:
        raise ValueError(f"a record of schema {record.schema_version}")
    check_record(record)
    return record
