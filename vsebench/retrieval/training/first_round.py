"""The first round of a loss that needs offline negatives: with its best model the training set is
mined, once.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from vsebench.files import read_bytes, replacing
from vsebench.kernels.clock import on_cpu
from vsebench.plugin import Key, OfflineLists, VsebenchError
from vsebench.results.checks.contents import npz_arrays
from vsebench.results.folder.store import RunDirectory, Store
from vsebench.retrieval.embeddings import representative
from vsebench.retrieval.encode import embed_split
from vsebench.retrieval.model import load_weights
from vsebench.retrieval.training.offline_negatives import Embedded, clip, mine

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from vsebench.kernels.clock import Clock
    from vsebench.plugin import OfflineSpec
    from vsebench.results.reader import RunReader
    from vsebench.results.record import RunRecord
    from vsebench.results.spec import RunSpec
    from vsebench.retrieval.inputs.run_inputs import Inputs
    from vsebench.retrieval.model import Model
    from vsebench.retrieval.training.state import Start

_log = logging.getLogger("vsebench")


@dataclass(frozen=True)
class StoredLists:
    """Mined lists as a run keeps them.

    Attributes:
        lists: the negatives.
        seconds: seconds of mining, encoding included; a run that finds them on disk is charged the
            same.
        cpu_seconds: the same in CPU seconds; None where it is not known.
    """

    lists: OfflineLists
    seconds: float
    cpu_seconds: float | None = None

    def save(self, path: Path) -> None:
        """Writes them in one move.

        Raises:
            VsebenchError: it cannot be written.
        """
        arrays: dict[str, Any] = {
            "image_to_text": self.lists.texts,
            "text_to_image": self.lists.images,
            "seconds": np.float64(self.seconds),
        }
        if self.cpu_seconds is not None:
            arrays["cpu_seconds"] = np.float64(self.cpu_seconds)
        with replacing(path) as stream:
            np.savez(stream, **arrays)

    @classmethod
    def load(cls, path: Path) -> StoredLists:
        """Reads what `save` wrote.

        Raises:
            ValueError, KeyError: it is damaged.
        """
        arrays = npz_arrays(read_bytes(path))
        lists = OfflineLists(arrays["image_to_text"], arrays["text_to_image"])
        cpu = float(arrays["cpu_seconds"]) if "cpu_seconds" in arrays else None
        return cls(lists, float(arrays["seconds"]), cpu)


def first_round(spec: RunSpec, directory: RunDirectory) -> tuple[RunReader, RunRecord]:
    """The finished first round that a run depends on.

    Raises:
        VsebenchError: it is not there, or did not finish.
    """
    if not spec.depends_on:
        raise VsebenchError(
            f"loss '{spec.loss.spec}' needs offline negatives, but the run names no first round "
            "to mine them from"
        )
    found = Store(directory.path.parent).find_model(spec.depends_on[0])
    record = found.read_record() if found is not None else None
    if found is None or record is None or record.status != "done":
        raise VsebenchError(
            f"the first round {spec.depends_on[0]} of '{spec.label}' has not finished in "
            f"{directory.path.parent}: run the same command again"
        )
    return found, record


def load_best(model: Model, directory: RunReader) -> None:
    """Puts the best parameters of a finished run into a model of the same shape.

    Raises:
        VsebenchError: the file is missing, damaged or not what the run left, or holds another
            model.
    """
    directory.check_best()
    load_weights(
        model,
        directory.best_path,
        f"delete the folder {directory.path} and make the run again with 'vsebench run'",
    )


def offline_lists(
    start: Start, teacher: Callable[[], Model], offline: OfflineSpec, inputs: Inputs, clock: Clock
) -> OfflineLists:
    """The mined lists of a run, their cost on the clock: read where an earlier attempt stored them
    whole, otherwise mined with the `teacher`, which is made for that alone, and stored. Of several
    ranks, the one that leads mines and stores.
    """
    directory, world = start.directory, start.world
    stored = _stored(directory) if world.leads else None
    if world.agree(lambda: stored is not None) and not world.leads:
        stored = _stored(directory)
    if stored is not None:
        clock.seconds["mining"] += stored.seconds
        if stored.cpu_seconds is not None and on_cpu("mining") in clock.seconds:
            clock.seconds[on_cpu("mining")] += stored.cpu_seconds
        return stored.lists
    train = inputs.train
    _warn_if_cut(offline, train.text_to_image, len(train.images))
    with clock.measure("mining"):
        image, text = embed_split(teacher(), train, clock.device, world)

    def mined() -> OfflineLists:
        with clock.measure("mining"):
            embedded = Embedded(representative(image), representative(text), train.text_to_image)
            lists = mine(embedded, offline, Key(start.spec.seed) / "mining")
        seconds = clock.read()
        StoredLists(lists, seconds["mining"], seconds.get(on_cpu("mining"))).save(
            directory.offline_path
        )
        return lists

    lists = mined() if world.leads else None
    world.agree(lambda: None)  # the others wait for the file
    return StoredLists.load(directory.offline_path).lists if lists is None else lists


def _stored(directory: RunDirectory) -> StoredLists | None:
    """The lists on disk; damaged ones are set aside."""
    path = directory.offline_path
    try:
        return StoredLists.load(path)
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError) as error:
        _log.warning(directory.set_aside(path.name, str(error)))
        return None


def _warn_if_cut(offline: OfflineSpec, text_to_image: np.ndarray, images: int) -> None:
    asked, lengths = (offline.text_h, offline.image_h), clip(offline, text_to_image, images)
    if lengths != asked:
        _log.warning(
            "offline lists are cut from %d captions and %d images to the %d and %d that the "
            "training set has",
            *asked,
            *lengths,
        )
