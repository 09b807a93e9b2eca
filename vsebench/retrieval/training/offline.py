"""The first round of a loss that needs offline negatives: its best model is loaded and the training
set mined, once.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from safetensors import SafetensorError
from safetensors.torch import load_file

from vsebench.plugin import Key, VsebenchError
from vsebench.results.store import RunDirectory, Store
from vsebench.retrieval.embeddings import representative
from vsebench.retrieval.encode import encode_images, encode_texts
from vsebench.retrieval.training.mining import OfflineLists, mine

if TYPE_CHECKING:
    from collections.abc import Callable

    from vsebench.plugin import OfflineSpec
    from vsebench.results.reader import RunReader
    from vsebench.results.record import RunRecord
    from vsebench.results.spec import RunSpec
    from vsebench.retrieval.inputs.run_inputs import Inputs
    from vsebench.retrieval.model import Model
    from vsebench.retrieval.training.clock import Clock


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
        VsebenchError: the file is missing or damaged, or holds another model.
    """
    path, cure = (
        directory.best_path,
        f"delete the folder {directory.path} and make the run again with 'vsebench run'",
    )
    try:
        model.load_state_dict(load_file(path))
    except (SafetensorError, OSError) as error:
        raise VsebenchError(f"{path} is missing or damaged ({error}): {cure}") from error
    except RuntimeError as error:  # of names or shapes that differ, all listed
        raise VsebenchError(
            f"{path} is of another model than the run's, by the names or shapes of its "
            f"parameters: {cure}"
        ) from error


def offline_lists(
    teacher: Callable[[], Model],
    offline: OfflineSpec,
    inputs: Inputs,
    spec: RunSpec,
    directory: RunDirectory,
    clock: Clock,
) -> OfflineLists:
    """The mined lists of a run, their cost on the clock: read where an earlier attempt stored them,
    otherwise mined with the `teacher` and stored.
    """
    if directory.offline_path.exists():
        lists = OfflineLists.load(directory.offline_path)
        clock.seconds["mining"] += lists.seconds
        return lists
    with clock.measure("mining"):
        model, train = teacher(), inputs.train
        image, text = (
            encode_images(model, train.images),
            encode_texts(model, train.texts, clock.device),
        )
        lists = mine(
            representative(image),
            representative(text),
            train.text_to_image,
            offline,
            Key(spec.seed) / "mining",
        )
    lists = replace(lists, seconds=clock.seconds["mining"])
    lists.save(directory.offline_path)
    return lists
