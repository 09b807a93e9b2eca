"""One run's directory: what is written where, and in which order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vsebench import files
from vsebench.results.contents import weights_bytes, write_arrays, write_checkpoint
from vsebench.results.reader import CURVE, DONE, PER_IMAGE, RANKS, RECORD, SPEC, RunReader

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

    from vsebench.results.record import Evaluation, RunRecord
    from vsebench.results.run_base import RunBase


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

    @property
    def offline_path(self) -> Path:
        """Offline negatives mined for the run."""
        return self.path / "offline.npz"

    @property
    def log_path(self) -> Path:
        """What the run's process printed."""
        return self.path / "run.log"

    def holds(self, name: str) -> bool:
        return (self.path / name).exists()

    def read_bytes(self, name: str) -> bytes:
        return (self.path / name).read_bytes()

    def where(self, name: str) -> str:
        return str(self.path / name)

    @property
    def remedy(self) -> str:
        return f"delete the folder {self.path} and run the same command again"

    def write_spec(self, spec: RunBase) -> None:
        """Makes the directory and says what it is for.

        Raises:
            VsebenchError: it cannot be written.
        """
        self._ensure_held()
        with files.guarded(self.path):
            self.path.mkdir(parents=True, exist_ok=True)
        files.write_text(self.path / SPEC, spec.model_dump_json(indent=1) + "\n")

    def write_record(self, record: RunRecord) -> None:
        """Writes how the run ended, without paths of this machine; a run that ended well is then
        marked done.

        Raises:
            VsebenchError: it cannot be written.
        """
        self._ensure_held()
        if record.status != "done":
            (self.path / DONE).unlink(missing_ok=True)
        record = record.model_copy(update={"spec": record.spec.published()})
        files.write_text(self.path / RECORD, record.model_dump_json(indent=1) + "\n")
        if record.status == "done":
            files.write_bytes(self.path / DONE, b"")

    def append_evaluation(self, evaluation: Evaluation) -> None:
        """Adds a line to the training curve; it is on disk when this returns.

        Raises:
            VsebenchError: it cannot be written.
        """
        self._ensure_held()
        files.append_text(self.path / CURVE, evaluation.model_dump_json() + "\n")

    def truncate_curve(self, step: int) -> None:
        """Drops evaluations after `step`, those that a resumed run will make again, and an
        unfinished last line; -1 drops all.

        Raises:
            VsebenchError: the curve is damaged before its last line, or cannot be written.
        """
        self._ensure_held()
        if self.holds(CURVE):
            kept = [e.model_dump_json() + "\n" for e in self.read_curve() if e.step <= step]
            files.write_text(self.path / CURVE, "".join(kept))

    def write_ranks(
        self, i2t: NDArray[np.int32], t2i: NDArray[np.int32], text_to_image: NDArray[np.int64]
    ) -> None:
        """Stores the test ranks.

        Args:
            i2t: rank of the best positive of each image [n_images], 0 for the top.
            t2i: rank of each caption's image [n_captions].
            text_to_image: image of each caption [n_captions].

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
            },
        )

    def write_per_image(self, values: Mapping[str, NDArray[Any]]) -> None:
        """Stores test metrics by image, one array for each.

        Raises:
            VsebenchError: it cannot be written.
        """
        self._ensure_held()
        write_arrays(self.path / PER_IMAGE, values)

    def write_checkpoint(self, content: Mapping[str, Any]) -> None:
        """Replaces the training state to resume from, in one move: tensors and plain values.

        Raises:
            VsebenchError: it cannot be written.
        """
        self._ensure_held()
        write_checkpoint(self.checkpoint_path, content)

    def write_best(self, model: dict[str, Tensor], about: Mapping[str, Any] | None = None) -> None:
        """Stores the weights of the model that dev selected.

        Args:
            model: the weights by name.
            about: what the file says of itself, as JSON can hold it.

        Raises:
            VsebenchError: it cannot be written.
        """
        self._ensure_held()
        files.write_bytes(self.best_path, weights_bytes(model, about or {}))

    def write_vocabulary(self, text: str) -> None:
        """Stores the words that the model knows, one a line.

        Raises:
            VsebenchError: it cannot be written.
        """
        self._ensure_held()
        files.write_text(self.vocabulary_path, text)


def _nothing() -> None:
    """Stands for the check of a lease where nobody competes."""
