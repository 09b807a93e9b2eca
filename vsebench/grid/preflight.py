"""What is checked of a plan before anything runs: that its components can be made, which only they
know, and that data, encoders and protocol fit each other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vsebench.data.vocabulary import some_word_is_known
from vsebench.plugin import DataError, EncoderCard, ImageEncoderCard, ImageSource
from vsebench.plugin.cards import claimed
from vsebench.plugin.errors import SpecError, VsebenchError
from vsebench.plugin.host.timebox import PluginTimeout, limit, within
from vsebench.plugin.kinds import KINDS
from vsebench.plugin.metrics import FOLD
from vsebench.results.record import Evaluation
from vsebench.results.run_base import make
from vsebench.results.tasks import task_of
from vsebench.retrieval.inputs.held_out import splits_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from vsebench.plugin import RetrievalData
    from vsebench.plugin.registry import Registry
    from vsebench.results.components import ComponentRef, ComponentSlot
    from vsebench.results.protocol import Protocol
    from vsebench.results.spec import AnySpec


def check_components(runs: Iterable[AnySpec], registry: Registry) -> list[str]:
    """Makes each component once, as the runs will, and lets it go.

    What is told of the data is left out: the encoders, which may load a pretrained model.

    Returns:
        A warning for each component that fails for another reason: a fault of its own, which loses
        its runs and not those beside them.

    Raises:
        SpecError: a component refuses its parameters, or what the run asks of it.
        PluginTimeout: a component is not there in the time that plugins have to load.
    """
    import torch

    distinct = {
        (run.task, *run.setting, slot.kind, ref.spec, *_told(run, slot)): (run, slot, ref)
        for run in runs
        for slot, ref in run.components()
        if KINDS[slot.kind].context <= run.context.keys()
    }
    warnings = []
    with torch.random.fork_rng(devices=[]):
        for run, slot, ref in distinct.values():
            try:
                _ask(_made(run, slot, ref, registry), slot.kind, run)
            except (SpecError, PluginTimeout):
                raise
            except VsebenchError as error:
                warnings.append(f"{error}: its runs will fail")
            except (Exception, SystemExit) as error:  # whatever a plugin may raise
                warnings.append(
                    f"{slot.kind} '{ref.spec}' cannot be made ({type(error).__name__}: "
                    f"{' '.join(str(error).split())}): its runs will fail"
                )
    return warnings


def _told(run: AnySpec, slot: ComponentSlot) -> tuple[int, ...]:
    return tuple(run.context[name] for name in sorted(KINDS[slot.kind].context))


def _made(run: AnySpec, slot: ComponentSlot, ref: ComponentRef, registry: Registry) -> Any:
    name = f"{registry.get(slot.kind, ref.name).owner} of {ref.distribution}"
    try:
        return within(
            limit(),
            lambda: make(run, slot.field, registry),
            plugin=f"with {name}",
            hint="leave the component out",
        )
    except PluginTimeout as error:
        raise PluginTimeout(f"{name} cannot be made: {error}") from error


def _ask(made: Any, kind: str, run: AnySpec) -> None:
    """What the run will ask of a component before its first step, and of a stopping rule after it.

    Raises:
        SpecError: the component refuses it.
    """
    if kind == "stopping-rule":
        made.should_stop(
            [
                Evaluation(
                    step=1,
                    epoch=1.0,
                    seconds=1.0,
                    loss=1.0,
                    lr=1.0,
                    metrics={metric.key: 0.0 for metric in task_of(run).metrics},
                    epoch_end=True,
                )
            ]
        )
    elif (ask := task_of(run).load_asker()) is not None:
        ask(made, kind, run)


def check_images(
    dataset: ComponentRef, data: RetrievalData, encoder: ComponentRef, registry: Registry
) -> None:
    """Checks it before anything is run.

    Raises:
        SpecError: the encoder takes raw images and the data set has features, or the reverse.
    """
    card = registry.get("image-encoder", encoder.name).card
    wanted = isinstance(card, ImageEncoderCard) and card.raw_images
    given = any(isinstance(split.features, ImageSource) for split in data.splits.values())
    if given and not wanted:
        raise SpecError(
            f"data set '{dataset.spec}' has raw images, image encoder '{encoder.spec}' takes "
            "features: write --set image_encoder=backbone:model=MODEL, or make features of them "
            "with 'vsebench data extract'"
        )
    if wanted and not given:
        raise SpecError(
            f"image encoder '{encoder.spec}' takes raw images, data set '{dataset.spec}' has "
            f"features: name its images with {dataset.name}:images=PATH, or write --set "
            "image_encoder=grid"
        )


def check_frozen(
    protocol: Protocol, encoders: Mapping[str, ComponentRef], registry: Registry
) -> None:
    """Checks that what the protocol wants kept can be.

    Args:
        protocol: may ask for frozen features that are kept.
        encoders: encoders by kind.
        registry: registry that has their cards.

    Raises:
        SpecError: no encoder is frozen, or images are cropped or mirrored at random.
    """
    if protocol.frozen_features != "kept":
        return
    cards = {
        kind: card
        for kind, encoder in encoders.items()
        if isinstance(card := registry.get(kind, encoder.name).card, EncoderCard)
        and claimed(card.frozen, encoder.params)
    }
    if not cards:
        named = " nor ".join(f"'{encoder.spec}'" for encoder in encoders.values())
        raise SpecError(
            f"protocol key 'frozen_features': neither {named} is a frozen encoder whose features "
            "could be kept: freeze one, such as --set text_encoder=bert:frozen=true, or leave the "
            "key out"
        )
    if "image-encoder" in cards and (protocol.image_crop < 1 or protocol.image_flip > 0):
        raise SpecError(
            "protocol key 'frozen_features': features of images are kept of whole images: write "
            "--set image_crop=1 --set image_flip=0 too"
        )


def check_held_out(dataset: ComponentRef, data: RetrievalData, protocol: Protocol) -> None:
    """Checks that images can be held out of training, that dev is counted only where they are, and
    that test has whole folds where they are asked for.

    Raises:
        SpecError: dev is to be counted, and would choose the model, or to be cut into folds.
        DataError: no image would be left to train on, or a fold would be smaller than others.
    """
    if protocol.evaluate_on == "dev+test" and not protocol.tune_images:
        raise SpecError(
            "protocol key 'evaluate_on': dev is counted only where it decides nothing: hold "
            "training images out to stand in for it, with --set tune_images=1000 too"
        )
    if protocol.evaluate != "full" and protocol.evaluate_on != "test":
        raise SpecError(
            "protocol key 'evaluate': folds are of the test split alone: leave out "
            f"evaluate_on={protocol.evaluate_on}, or evaluate={protocol.evaluate}"
        )
    if protocol.evaluate != "full" and (images := len(data.splits["test"].lengths)) % FOLD:
        raise DataError(
            f"{dataset.spec} has {images:,} test images, no multiple of {FOLD:,}, so that there "
            f"are no folds: leave out --set evaluate={protocol.evaluate}"
        )
    if (found := len(data.splits["train"].lengths)) <= protocol.tune_images:
        raise DataError(
            f"{dataset.spec} has {found} training images, of which {protocol.tune_images} cannot "
            "be held out: lower the number with --set tune_images=N"
        )


def check_words(
    dataset: ComponentRef,
    data: RetrievalData,
    protocol: Protocol,
    encoder: ComponentRef,
    registry: Registry,
) -> None:
    """Checks that the text encoder is told words apart, where it reads those of the training
    captions.

    Raises:
        DataError: it would read `<unk>` in place of every word.
    """
    from vsebench.retrieval.inputs.run_inputs import reads_words

    if reads_words(encoder, registry) and not some_word_is_known(
        splits_of(data, protocol)["train"].captions, protocol.min_word_count
    ):
        raise DataError(
            f"{dataset.spec} has no word that its training captions use "
            f"{protocol.min_word_count} times, so that every word would be read as <unk>: lower "
            "that with --set min_word_count=1"
        )


def check_devices(dataset: ComponentRef, data: RetrievalData, protocol: Protocol) -> None:
    """Checks that a run can be split over as many devices as its protocol says.

    Raises:
        SpecError: a batch has fewer pairs than there are devices, or the protocol has what only a
            run on one device has.
    """
    if protocol.devices == 1:
        return
    captions = len(splits_of(data, protocol)["train"].captions)
    left = captions % protocol.batch_size if protocol.last_batch == "keep" else 0
    smallest = min(protocol.batch_size, left or protocol.batch_size)
    if smallest < protocol.devices:
        which = "the last batch of an epoch" if smallest == left else "a batch"
        raise SpecError(
            f"protocol key 'devices': {which} has {smallest} of {dataset.spec}'s pairs, fewer than "
            f"the {protocol.devices} devices: change batch_size, or write --set last_batch=drop"
        )
    if protocol.compile != "none":
        raise SpecError(
            "protocol key 'devices': what is compiled is for one device: write --set compile=none "
            "too, or --set devices=1"
        )


def check_batch(dataset: ComponentRef, data: RetrievalData, protocol: Protocol) -> None:
    """Checks that every epoch has a step: that the training split fills a batch, where a partial
    one is dropped.

    Raises:
        DataError: it does not.
    """
    found, size = len(splits_of(data, protocol)["train"].captions), protocol.batch_size
    if protocol.epochs and protocol.last_batch == "drop" and found < size:
        raise DataError(
            f"{dataset.spec} has {found} training captions, fewer than one batch of {size}: lower "
            "it with --set batch_size=N"
        )
