"""Makes a finished run's best model a folder that stands alone."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from vsebench import files
from vsebench.data.described import dataset_component
from vsebench.data.vocabulary import Vocabulary
from vsebench.plugin import DatasetCard, EncoderCard, SpecError
from vsebench.results.checks.contents import weights_bytes
from vsebench.retrieval.encoders.pretrained import MODEL_FILES, is_weights, model_folder
from vsebench.retrieval.exported.about import (
    ABOUT,
    CARD,
    PLUGINS,
    RECORD,
    VOCABULARY,
    WEIGHTS,
    About,
    DataCard,
    Kept,
    digest,
)
from vsebench.retrieval.exported.card import card
from vsebench.retrieval.stored import open_trained, run_registry

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vsebench.plugin.registry import Registry
    from vsebench.results.spec import RunSpec
    from vsebench.retrieval.stored import StoredRun
    from vsebench.retrieval.trained import TrainedModel

_ENCODERS = {"image_encoder": "image-encoder", "text_encoder": "text-encoder"}


def export(run: StoredRun, target: Path, data_roots: Sequence[Path] = ()) -> About:
    """Writes the model, all or nothing.

    Args:
        run: the run.
        target: folder that the model becomes; it does not exist, or is empty.
        data_roots: folders in which the data set of a run of an earlier release is looked for.

    Raises:
        VsebenchError: the model cannot be opened, or the folder cannot be written.
    """
    registry = run_registry(run.spec)
    model = open_trained(run, data_roots, torch.device("cpu"))
    with files.appearing(target) as folder:
        pretrained = _copy_encoders(run.spec, registry, folder)
        plugins = _copy_plugins(run.spec, folder)
        if isinstance(model.tokeniser, Vocabulary):
            files.write_text(folder / VOCABULARY, model.tokeniser.text)
        record = run.record.model_copy(update={"spec": run.record.spec.published()})
        files.write_text(folder / RECORD, record.model_dump_json(indent=1) + "\n")
        data = _data_card(run.spec, registry, data_roots)
        about = _about(run, data, model, pretrained, plugins)
        files.write_bytes(
            folder / WEIGHTS,
            weights_bytes(_whole(model), {"run_id": about.run_id, "step": about.step}),
        )
        written = sorted(path for path in folder.rglob("*") if path.is_file())
        about = about.model_copy(
            update={
                "files": {path.relative_to(folder).as_posix(): digest(path) for path in written}
            }
        )
        files.write_text(folder / CARD, card(about, record, target.name))
        files.write_text(folder / ABOUT, about.model_dump_json(indent=1) + "\n")
    return about


def _whole(model: TrainedModel) -> dict[str, torch.Tensor]:
    """Every weight; a head, which trained, is a part of the frozen encoder that it belongs to."""
    for side, taken in model.frozen.items():
        getattr(model.model, side).encoder = taken.encoder
    return {name: tensor.contiguous() for name, tensor in model.model.state_dict().items()}


def _about(
    run: StoredRun,
    data: DatasetCard | None,
    model: TrainedModel,
    pretrained: dict[str, Kept],
    plugins: tuple[str, ...],
) -> About:
    spec = run.spec
    parts = [ref for slot, ref in spec.components() if slot.in_model]
    return About(
        run_id=spec.run_id,
        step=run.record.best_step or 0,
        dim=model.dim,
        similarity=spec.similarity.spec,
        in_dim=model.in_dim,
        raw_images=model.raw_images,
        pixels=_pixels(model),
        vocabulary=len(model.tokeniser),
        data=DataCard(
            name=spec.dataset.spec,
            fingerprint=spec.data_fingerprint,
            licence=data.licence if data else "",
            citation=data.citation if data else "",
        ),
        packages={
            ref.distribution: ref.distribution_version
            for ref in parts
            if ref.distribution not in plugins
        },
        plugins=plugins,
        pretrained=pretrained,
        files={},
    )


def _data_card(spec: RunSpec, registry: Registry, data_roots: Sequence[Path]) -> DatasetCard | None:
    """The card of the data set; None for one that is described by a file beside its data, if these
    are not on this machine: an export does not need them.
    """
    known = Path(spec.environment.data_path)
    roots = [*data_roots, *([known] if spec.environment.data_path and known.is_dir() else [])]
    try:
        card = dataset_component(registry, spec.dataset.name, roots).card
    except SpecError:
        return None
    return card if isinstance(card, DatasetCard) else None


def _pixels(model: TrainedModel) -> dict[str, Any]:
    if not model.raw_images:
        return {}
    frozen, own = model.frozen.get("image"), model.model.image
    encoder: Any = own.encoder if frozen is None else frozen.encoder
    return {"size": encoder.image_size, **getattr(encoder, "normalisation", {})}


def _copy_plugins(spec: RunSpec, folder: Path) -> tuple[str, ...]:
    """The plugin files that the model's components come from."""
    needed = {ref.distribution for slot, ref in spec.components() if slot.in_model}
    copied = [Path(file) for file in spec.environment.plugin_files if Path(file).name in needed]
    for file in copied:
        (folder / PLUGINS).mkdir(exist_ok=True)
        shutil.copyfile(file, folder / PLUGINS / file.name)
    return tuple(file.name for file in copied)


def _copy_encoders(spec: RunSpec, registry: Registry, folder: Path) -> dict[str, Kept]:
    """The files that pretrained encoders are created from, copied. Weights of transformers' models
    are left out: those of the trained model take their place.
    """
    kept = {}
    for field, name in _ENCODERS.items():
        ref = getattr(spec, field)
        component = registry.get(name, ref.name)
        if not isinstance(component.card, EncoderCard) or not component.card.files:
            continue
        found: list[Path] = component.call(component.card.files, ref.params)
        if not found:
            continue
        params = _naming(ref.params, found)
        if not params:
            raise SpecError(
                f"{component.owner} reads {found[0]}, which none of its parameters names: it "
                "cannot be exported"
            )
        (folder / name).mkdir()
        for path in found:
            if component.card.files != MODEL_FILES or not is_weights(path.name):
                shutil.copyfile(path, folder / name / path.name)
        kept[field] = Kept(folder=name, params=params)
    return kept


def _naming(params: dict[str, Any], found: Sequence[Path]) -> dict[str, str]:
    """The parameters that name a folder or a file of those found, and which."""
    names = {}
    for name, value in params.items():
        if not isinstance(value, str) or not value:
            continue
        files_of = {path.resolve(): path.name for path in found}
        place = Path(value).expanduser().resolve()
        if place in files_of:
            names[name] = files_of[place]
        elif place == found[0].parent.resolve() or (
            name == "model" and model_folder(value).resolve() == found[0].parent.resolve()
        ):
            names[name] = ""
    return names
