"""Opens an exported model, or the best model of a finished run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from vsebench.data.vocabulary import Vocabulary
from vsebench.files import MOST_JSON, read_bytes
from vsebench.kernels.devices import cpu_threads
from vsebench.kernels.named_devices import one_device
from vsebench.plugin import MissingError, SpecError
from vsebench.plugin.host.loader import load_plugins
from vsebench.results.folder.store import Store
from vsebench.results.record import RunRecord
from vsebench.retrieval.encoders.pretrained import without_weights
from vsebench.retrieval.exported.about import (
    ABOUT,
    PLUGINS,
    RECORD,
    VOCABULARY,
    WEIGHTS,
    check_files,
    read_about,
)
from vsebench.retrieval.frozen import take_frozen
from vsebench.retrieval.inputs.run_inputs import reads_words, tokeniser_of
from vsebench.retrieval.model import build, load_weights
from vsebench.retrieval.stored import check_versions, open_stored, open_trained
from vsebench.retrieval.trained import TrainedModel

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

    import torch

    from vsebench.plugin.registry import Registry
    from vsebench.results.spec import RunSpec
    from vsebench.retrieval.exported.about import About

_AGAIN = "export the model again, or copy it whole"


def load_model(
    path: str | os.PathLike[str],
    *,
    device: str = "auto",
    threads: int | None = None,
    plugins: Sequence[str | os.PathLike[str]] = (),
    data_roots: Sequence[str | os.PathLike[str]] = (),
) -> TrainedModel:
    """Opens a trained model: `load_model("model").encode_texts(["a dog"])`.

    Args:
        path: folder of an exported model, or of a finished run.
        device: device to compute on: `auto`, `cpu`, `cuda`, or one by number, such as `cuda:1`.
        threads: number of CPU threads; by default those that the model was trained with, which
            give its figures to the digit.
        plugins: plugin files that an exported model needs; their code runs, so read it first.
        data_roots: folders in which the data set of a run is looked for whose vocabulary was not
            kept, as earlier releases did.

    Raises:
        VsebenchError: there is no such model, it is damaged, or a component that it needs is not
            installed or is of another version.
    """
    folder = Path(path)
    where = one_device(device)
    if is_exported(folder):
        return _open(folder, where, threads, tuple(map(str, plugins)))
    run = Store(folder.parent).named(folder.name)
    if run is None:
        raise MissingError(
            f"{folder} is no model: expected a folder that 'vsebench export' wrote, or one of a "
            "finished run"
        )
    return open_trained(open_stored(run), list(map(Path, data_roots)), where, threads=threads)


def is_exported(folder: Path) -> bool:
    """Whether a folder holds an exported model."""
    return (folder / ABOUT).is_file()


def _open(
    folder: Path, device: torch.device, threads: int | None, plugins: tuple[str, ...]
) -> TrainedModel:
    about = read_about(folder)
    check_files(folder, about)
    record = RunRecord.model_validate_json(read_bytes(folder / RECORD, most=MOST_JSON))
    spec = _with_own_files(record.retrieval, about, folder)
    registry = _registry(spec, about, folder, plugins)
    tokeniser = (
        Vocabulary.read(folder / VOCABULARY, ends_are_words=spec.protocol.augment_ends)
        if reads_words(spec.text_encoder, registry)
        else tokeniser_of(spec, registry, ())
    )
    with cpu_threads(spec.protocol.threads), without_weights():
        model = build(spec, registry, in_dim=about.in_dim, vocabulary_size=len(tokeniser))
    load_weights(model, folder / WEIGHTS, _AGAIN)
    return TrainedModel(
        spec,
        record,
        model,
        take_frozen(model, spec, registry),
        tokeniser,
        about.in_dim,
        weights=folder / WEIGHTS,
        raw_images=about.raw_images,
        device=device,
        threads=threads or spec.protocol.threads,
    )


def _with_own_files(spec: RunSpec, about: About, folder: Path) -> RunSpec:
    """The run whose encoders find their files in the model's folder."""
    changed = {}
    for field, kept in about.pretrained.items():
        ref = getattr(spec, field)
        own = {name: str(folder / kept.folder / file) for name, file in kept.params.items()}
        changed[field] = ref.model_copy(update={"params": {**ref.params, **own}})
    return spec.model_copy(update=changed)


def _registry(spec: RunSpec, about: About, folder: Path, plugins: tuple[str, ...]) -> Registry:
    missing = set(about.plugins) - {Path(plugin).name for plugin in plugins}
    if missing:
        files = [str(folder / PLUGINS / name) for name in sorted(missing)]
        raise SpecError(
            f"the model has components of a plugin file, whose code would run: read "
            f"{' and '.join(files)}, then name it with --plugin {' --plugin '.join(files)} "
            "(plugins=[…] in Python)"
        )
    registry = load_plugins(plugins).registry
    for slot, ref in spec.components():
        if not slot.in_model:
            continue
        try:
            registry.get(slot.kind, ref.name)
        except SpecError as error:
            raise SpecError(
                f"the model needs {slot.kind} '{ref.name}' of {ref.distribution} "
                f"{ref.distribution_version}, which is not installed: pip install "
                f"{ref.distribution}"
            ) from error
    check_versions(
        spec, registry, f"install vsebench {about.packages.get('vsebench', '')}, or export again"
    )
    return registry
