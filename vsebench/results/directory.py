"""One run's directory: what is written where, in which order, and how it is read back."""

from __future__ import annotations

import json
import zipfile
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import ValidationError

from vsebench import files
from vsebench.plugin.errors import VsebenchError
from vsebench.results.contents import write_arrays, write_checkpoint
from vsebench.results.record import HEADLINE, SCHEMA, Evaluation, RunRecord
from vsebench.results.spec import read_spec

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

    from vsebench.results.spec import AnnotationSpec, RunSpec

T = TypeVar("T")


class RunDirectory:
    """The files of one run. One process writes them, the holder of the run's lease; anyone may read
    them.

    Attributes:
        path: the directory.
    """

    def __init__(self, path: Path, ensure_held: Callable[[], None] | None = None) -> None:
        """Opens a directory.

        Args:
            path: the directory, which need not exist.
            ensure_held: called before every write; raises when the writer has lost the run's lease.
        """
        self.path = path
        self._ensure_held = ensure_held or _nothing

    @property
    def checkpoint_path(self) -> Path:
        """Training state to resume from."""
        return self.path / "checkpoint.pt"

    @property
    def best_path(self) -> Path:
        """Weights of the model that dev selected."""
        return self.path / "best.safetensors"

    @property
    def offline_path(self) -> Path:
        """Offline negatives mined for the run."""
        return self.path / "offline.npz"

    @property
    def log_path(self) -> Path:
        """What the run's process printed."""
        return self.path / "run.log"

    @property
    def is_done(self) -> bool:
        """Whether the run ended well and everything it left is on disk."""
        return self._done.exists() and self._record.exists()

    @property
    def holds_run(self) -> bool:
        """Whether a run was started here."""
        return self._spec.exists() or self._record.exists() or self._done.exists()

    def write_spec(self, spec: RunSpec | AnnotationSpec) -> None:
        """Makes the directory and says what it is for.

        Raises:
            VsebenchError: it cannot be written.
        """
        self._ensure_held()
        with files.guarded(self.path):
            self.path.mkdir(parents=True, exist_ok=True)
        files.write_text(self._spec, spec.model_dump_json(indent=1) + "\n")

    def read_spec(self) -> RunSpec | AnnotationSpec:
        """The run that the directory is for.

        Raises:
            VsebenchError: missing or damaged.
        """
        return self._read(self._spec, read_spec)

    def write_record(self, record: RunRecord) -> None:
        """Writes how the run ended, without paths of this machine; a run that ended well is then
        marked done.

        Raises:
            VsebenchError: it cannot be written.
        """
        self._ensure_held()
        if record.status != "done":
            self._done.unlink(missing_ok=True)
        record = record.model_copy(update={"spec": record.spec.published()})
        files.write_text(self._record, record.model_dump_json(indent=1) + "\n")
        if record.status == "done":
            files.write_bytes(self._done, b"")

    def read_record(self) -> RunRecord | None:
        """How the run ended; None when it has not.

        Raises:
            VsebenchError: the record is damaged, or was written by a newer version.
        """
        return (
            self._read(self._record, RunRecord.model_validate_json)
            if self._record.exists()
            else None
        )

    def check_unfinished(self) -> None:
        """Checks that a run without a record has not ended.

        Raises:
            VsebenchError: it is marked done, so that its record was lost.
        """
        if self._done.exists() and not self._record.exists():
            raise self._damaged(self._record, FileNotFoundError())

    def read_whole_curve(self, record: RunRecord) -> list[Evaluation]:
        """The curve of a run that ended, for readers who need it and the record whole.

        Raises:
            VsebenchError: it is damaged, or one of the two lacks what every finished run has.
        """
        headline, curve = HEADLINE[record.spec.task], self.read_curve()
        if record.status == "done" and headline not in record.test:
            raise self._damaged(
                self._record, ValueError(f"a finished run without its test metric '{headline}'")
            )
        if record.status == "done" and self._curve.exists() and not curve:
            raise self._damaged(self._curve, ValueError("a finished run without an evaluation"))
        return curve

    def append_evaluation(self, evaluation: Evaluation) -> None:
        """Adds a line to the training curve; it is on disk when this returns.

        Raises:
            VsebenchError: it cannot be written.
        """
        self._ensure_held()
        files.append_text(self._curve, evaluation.model_dump_json() + "\n")

    def truncate_curve(self, step: int) -> None:
        """Drops evaluations after `step`, those that a resumed run will make again, and an
        unfinished last line; -1 drops all.

        Raises:
            VsebenchError: the curve is damaged before its last line, or cannot be written.
        """
        self._ensure_held()
        if self._curve.exists():
            kept = [e.model_dump_json() + "\n" for e in self.read_curve() if e.step <= step]
            files.write_text(self._curve, "".join(kept))

    def read_curve(self) -> list[Evaluation]:
        """The training curve so far; a last line without its end is one that a killed process did
        not finish, and is left out.

        Raises:
            VsebenchError: a line is damaged.
        """
        if not self._curve.exists():
            return []
        *lines, _ = self._curve.read_bytes().split(b"\n")
        try:
            return [Evaluation.model_validate_json(line) for line in lines]
        except ValidationError as error:
            raise self._damaged(self._curve, error) from error

    def write_ranks(self, i2t: NDArray[np.int32], t2i: NDArray[np.int32]) -> None:
        """Stores the test rank, 0 for the top, of the best positive of each image [n_images] and
        each caption [n_captions].

        Raises:
            VsebenchError: it cannot be written.
        """
        import numpy as np

        self._ensure_held()
        write_arrays(
            self._ranks,
            {"i2t": np.asarray(i2t, dtype=np.int32), "t2i": np.asarray(t2i, dtype=np.int32)},
        )

    def write_per_image(self, values: Mapping[str, NDArray[Any]]) -> None:
        """Stores test metrics by image, one array for each.

        Raises:
            VsebenchError: it cannot be written.
        """
        self._ensure_held()
        write_arrays(self.path / "per_image.npz", values)

    def write_checkpoint(self, content: Mapping[str, Any]) -> None:
        """Replaces the training state to resume from, in one move: tensors and plain values.

        Raises:
            VsebenchError: it cannot be written.
        """
        self._ensure_held()
        write_checkpoint(self.checkpoint_path, content)

    def write_best(self, model: dict[str, Tensor]) -> None:
        """Stores the weights of the model that dev selected.

        Raises:
            VsebenchError: it cannot be written.
        """
        from safetensors.torch import save

        self._ensure_held()
        files.write_bytes(self.best_path, save(model))

    def read_ranks(self) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """Ranks as `write_ranks` took them.

        Raises:
            VsebenchError: missing or damaged.
        """
        import numpy as np

        try:
            with self._ranks.open("rb") as file, np.load(file, allow_pickle=False) as ranks:
                return ranks["i2t"], ranks["t2i"]
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
            raise self._damaged(self._ranks, error) from error

    def _read(self, path: Path, parse: Callable[[str], T]) -> T:
        try:
            text = path.read_text(encoding="utf-8")
            _refuse_newer(path, text)
            return parse(text)
        except (OSError, ValueError) as error:
            raise self._damaged(path, error) from error

    def _damaged(self, path: Path, error: Exception) -> VsebenchError:
        if isinstance(error, FileNotFoundError):
            return VsebenchError(
                f"{path} is missing: delete the folder {self.path} and run the same command again"
            )
        why = (
            error.errors(include_url=False)[0]["msg"]
            if isinstance(error, ValidationError)
            else str(error)
        )
        return VsebenchError(
            f"{path} is damaged ({' '.join(why.split())}): delete the folder {self.path} and run "
            "the same command again"
        )

    @property
    def _spec(self) -> Path:
        return self.path / "spec.json"

    @property
    def _record(self) -> Path:
        return self.path / "record.json"

    @property
    def _curve(self) -> Path:
        return self.path / "curve.jsonl"

    @property
    def _ranks(self) -> Path:
        return self.path / "ranks.npz"

    @property
    def _done(self) -> Path:
        return self.path / "done"


def _nothing() -> None:
    """Stands for the check of a lease where nobody competes."""


def _refuse_newer(path: Path, text: str) -> None:
    """A record of a later schema is not damaged, and deleting it would be a pity."""
    content = json.loads(text)
    version = content.get("schema_version", SCHEMA) if isinstance(content, dict) else SCHEMA
    if isinstance(version, int) and version > SCHEMA:
        raise VsebenchError(
            f"{path} was written by a newer vsebench (record schema {version}, this one reads up "
            f"to {SCHEMA}): upgrade vsebench"
        )
