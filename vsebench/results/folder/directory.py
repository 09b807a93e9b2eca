"""One run's directory: what is written where, and in which order."""

from __future__ import annotations

import logging
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from vsebench import files
from vsebench.results.checks.contents import (
    read_checkpoint,
    weights_bytes,
    write_arrays,
    write_checkpoint,
)
from vsebench.results.folder.seal import digest, file_digest, sealed
from vsebench.results.reader import (
    BEST,
    CURVE,
    DONE,
    FOLD_RANKS,
    PER_IMAGE,
    RANKS,
    RECORD,
    SPEC,
    VOCABULARY,
    RunReader,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

    from vsebench.results.record import Evaluation, RunRecord
    from vsebench.results.run_base import RunBase

DAMAGED = ".damaged"
"""Ends the name of a file that was set aside."""

_SEALED = (CURVE, BEST, VOCABULARY)
_KEPT_CURVE = "curve"
_CHECKPOINT_SHARE = 20
_log = logging.getLogger("vsebench")


class RunDirectory(RunReader):
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
        super().__init__(path)
        self._ensure_held = ensure_held or _nothing
        self._curve: str | None = None  # what the writer knows, whatever becomes of the file
        self._sums: dict[str, str] = {}
        self._names: frozenset[str] | None = None  # what it holds, for the length of one look
        self._checkpoint_due = 0.0

    @property
    def offline_path(self) -> Path:
        """Offline negatives mined for the run."""
        return self.path / "offline.npz"

    @property
    def log_path(self) -> Path:
        """What the run's process printed."""
        return self.path / "run.log"

    def holds(self, name: str) -> bool:
        if self._names is not None:
            return name in self._names
        return (self.path / name).exists()

    def damage(self, *, model: bool) -> dict[str, str]:
        with suppress(OSError):  # else each file is asked for
            self._names = frozenset(path.name for path in self.path.iterdir())
        try:
            return super().damage(model=model)
        finally:
            self._names = None

    def read_bytes(self, name: str) -> bytes:
        if name == CURVE and self._curve is not None:
            return self._curve.encode()
        return files.read_bytes(self.path / name)

    def where(self, name: str) -> str:
        return str(self.path / name)

    def remedy(self, name: str) -> str:
        if name in (SPEC, BEST, VOCABULARY):
            return f"delete the folder {self.path} and run the same command again"
        return (
            "run the same 'vsebench run' command again, which sets it aside and makes the run again"
        )

    def write_spec(self, spec: RunBase) -> None:
        """Makes the directory and says what it is for; a run that was done is so no longer.

        Raises:
            VsebenchError: it cannot be written.
        """
        self._ensure_held()
        with files.guarded(self.path):
            self.path.mkdir(parents=True, exist_ok=True)
        self._unseal()
        files.write_text(self.path / SPEC, spec.model_dump_json(indent=1) + "\n")

    def write_record(self, record: RunRecord) -> None:
        """Writes how the run ended, without paths of this machine; a run that ended well is then
        marked done.

        Raises:
            VsebenchError: it cannot be written.
        """
        self._ensure_held()
        record = record.model_copy(update={"spec": record.spec.published()})
        text = record.model_dump_json(indent=1) + "\n"
        if record.status != "done":
            self._unseal()
            files.write_text(self.path / RECORD, text)
            return
        own = digest(text.encode())
        self._restore_curve()
        rest = {name: {self._sum(name)} for name in _SEALED if self.holds(name)}
        if self.holds(DONE):  # killed in between, the run has a record that its marker knows
            both = {own, *self.sums.get(RECORD, ())}
            files.write_text(self.path / DONE, sealed({RECORD: both, **rest}))
        files.write_text(self.path / RECORD, text)
        files.write_text(self.path / DONE, sealed({RECORD: {own}, **rest}))

    def append_evaluation(self, evaluation: Evaluation) -> None:
        """Adds a line to the training curve; it is on disk when this returns.

        Raises:
            VsebenchError: it cannot be written.
        """
        self._ensure_held()
        line = evaluation.model_dump_json() + "\n"
        files.append_text(self.path / CURVE, line)
        if self._curve is not None:
            self._curve += line

    def begin_curve(self, kept: str = "") -> None:
        """Begins the training curve: with nothing, or with what was kept of it.

        Raises:
            VsebenchError: it cannot be written.
        """
        self._ensure_held()
        if kept or self.holds(CURVE):
            files.write_text(self.path / CURVE, kept)
        self._curve = kept

    def truncate_curve(self, step: int) -> None:
        """Drops evaluations after `step`, those that a resumed run will make again, and an
        unfinished last line; -1 drops all.

        Raises:
            VsebenchError: the curve is damaged before its last line, or cannot be written.
        """
        self._ensure_held()
        if self.holds(CURVE):
            points = [point for point in self.read_curve() if point.step <= step]
            kept = "".join(point.model_dump_json() + "\n" for point in points)
            files.write_text(self.path / CURVE, kept)
            self._curve = kept

    def _restore_curve(self) -> None:
        """Writes the curve again where its file has changed: it is about to be vouched for."""
        path = self.path / CURVE
        found = files.read_bytes(path) if path.exists() else b""
        if self._curve is not None and found != self._curve.encode():
            _log.warning(f"{path} had changed while the run wrote it: written again")
            files.write_text(path, self._curve)

    def _sum(self, name: str) -> str:
        """SHA-256 of what the run left under a name: as it was written, where this process did."""
        if name == CURVE:
            return digest(self.read_bytes(CURVE))
        return self._sums.get(name) or file_digest(self.path / name)

    def write_ranks(
        self,
        i2t: NDArray[np.int32],
        t2i: NDArray[np.int32],
        text_to_image: NDArray[np.int64],
        folds: tuple[NDArray[np.int32], NDArray[np.int32]] | None = None,
    ) -> None:
        """Stores the test ranks.

        Args:
            i2t: rank of the best positive of each image [n_images], 0 for the top.
            t2i: rank of each caption's image [n_captions].
            text_to_image: image of each caption [n_captions].
            folds: the same ranks within folds of images, where they were taken.

        Raises:
            VsebenchError: it cannot be written.
        """
        import numpy as np

        self._ensure_held()
        write_arrays(
            self.path / RANKS,
            {
                "i2t": np.asarray(i2t, dtype=np.int32),
                "t2i": np.asarray(t2i, dtype=np.int32),
                "text_to_image": np.asarray(text_to_image, dtype=np.int32),
                **{
                    key: np.asarray(ranks, dtype=np.int32)
                    for key, ranks in zip(FOLD_RANKS, folds or (), strict=False)
                },
            },
        )

    def write_per_image(self, values: Mapping[str, NDArray[Any]]) -> None:
        """Stores test metrics by image, one array for each.

        Raises:
            VsebenchError: it cannot be written.
        """
        self._ensure_held()
        write_arrays(self.path / PER_IMAGE, values)

    def write_shown(self, name: str, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Stores what pages show of the model, `POSITIONS` or `RETRIEVED`; what there is none of
        has no file.

        Raises:
            VsebenchError: it cannot be written.
        """
        self._ensure_held()
        if arrays:
            write_arrays(self.path / name, arrays)

    def checkpoint_is_due(self) -> bool:
        """Whether writing a checkpoint now keeps their cost below a twentieth of the run's time;
        always where this process has written none. A run that is killed loses at most twenty times
        what a checkpoint takes, and what it did until its next evaluation.
        """
        return time.monotonic() >= self._checkpoint_due

    def write_checkpoint(self, content: Mapping[str, Any]) -> None:
        """Replaces the training state to resume from, in one move: tensors and plain values, and
        the curve so far.

        Raises:
            VsebenchError: it cannot be written.
        """
        self._ensure_held()
        begun = time.monotonic()
        curve = self.read_bytes(CURVE).decode() if self.holds(CURVE) else ""
        write_checkpoint(self.checkpoint_path, {**content, _KEPT_CURVE: curve})
        now = time.monotonic()
        self._checkpoint_due = now + _CHECKPOINT_SHARE * (now - begun)

    def read_checkpoint(self, needed: Collection[str]) -> dict[str, Any] | None:
        """What `write_checkpoint` wrote, tensors on the CPU, the curve being put back as it was
        then; None where the run begins, with no curve. A damaged checkpoint is set aside, so that
        the run starts over.

        Args:
            needed: the names that it must hold.

        Raises:
            VsebenchError: the folder cannot be written.
        """
        try:
            content = read_checkpoint(self.checkpoint_path, needed)
        except FileNotFoundError:
            content = None
        except ValueError as error:
            _log.warning(self.set_aside(self.checkpoint_path.name, str(error)))
            content = None
        if content is None:
            self.begin_curve()
        elif _KEPT_CURVE in content:  # checkpoints of older releases have none
            self.begin_curve(content.pop(_KEPT_CURVE))
        return content

    def set_aside(self, name: str, why: str) -> str:
        """Renames a damaged file, so that nothing uses it again. A run that was done is so no
        longer.

        Returns:
            What was done, in words.

        Raises:
            VsebenchError: the folder cannot be written.
        """
        self._ensure_held()
        path = self.path / name
        with files.guarded(path):
            self._unseal()
            if path.exists():
                files.move(path, path.with_name(name + DAMAGED))
        return f"{path} is damaged ({why}): set aside as {name}{DAMAGED}"

    def _unseal(self) -> None:
        with files.guarded(self.path):
            (self.path / DONE).unlink(missing_ok=True)

    def write_best(self, model: dict[str, Tensor], about: Mapping[str, Any] | None = None) -> None:
        """Stores the weights of the model that dev selected.

        Args:
            model: the weights by name.
            about: what the file says of itself, as JSON can hold it.

        Raises:
            VsebenchError: it cannot be written.
        """
        self._write_sealed(BEST, weights_bytes(model, about or {}))

    def write_vocabulary(self, text: str) -> None:
        """Stores the words that the model knows, one a line.

        Raises:
            VsebenchError: it cannot be written.
        """
        self._write_sealed(VOCABULARY, text.encode())

    def _write_sealed(self, name: str, content: bytes) -> None:
        self._ensure_held()
        files.write_bytes(self.path / name, content)
        self._sums[name] = digest(content)


def _nothing() -> None:
    """Stands for the check of a lease where nobody competes."""
