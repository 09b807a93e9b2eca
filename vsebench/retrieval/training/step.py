"""One training step: towers, loss, clipping, update."""

from __future__ import annotations

from collections import Counter
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import torch

from vsebench.plugin import LossInputs, LossOutput, PluginError, Progress, SampledInputs
from vsebench.retrieval.embeddings import apply, representative
from vsebench.retrieval.inputs.batches import positives
from vsebench.retrieval.inputs.padded import join, to_device
from vsebench.retrieval.parallel.world import ALONE
from vsebench.retrieval.training.global_negatives import SampledIndices
from vsebench.retrieval.training.offline_negatives import OfflineIndices

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import numpy as np
    from torch import Tensor

    from vsebench.plugin import Key, LossCard, OfflineSpec
    from vsebench.results.protocol import Protocol
    from vsebench.retrieval.inputs.batches import Augmenter
    from vsebench.retrieval.inputs.padded import Padded
    from vsebench.retrieval.model import Encoded, Model
    from vsebench.retrieval.parallel.world import World
    from vsebench.retrieval.training.optimisation import Optimisation

    Embeds = Callable[..., Encoded]


class Streams(NamedTuple):
    """Random choices of an epoch. Offline and global negatives have a stream of their own, so that
    every loss sees the same pairs augmented alike.
    """

    pairs: np.random.Generator
    offline: np.random.Generator


Negatives = OfflineIndices | SampledIndices | None
"""Items from outside the batch that a loss asks for, if any."""


class Objective(NamedTuple):
    """A loss, the card that says what it needs, and the offline negatives that it needs."""

    loss: Any
    card: LossCard
    offline: OfflineSpec | None = None


class Batch(NamedTuple):
    """Inputs of one training step.

    Attributes:
        captions: int64 [B], the training captions; each with its image is a pair.
        objective: the loss.
        progress: position in the training.
        lr: learning rate of the step.
        streams: random choices of the epoch.
        negatives: items from outside the batch, if the objective wants any.
    """

    captions: np.ndarray
    objective: Objective
    progress: Progress
    lr: float
    streams: Streams
    negatives: Negatives


@dataclass
class Totals:
    """Sums since the last evaluation, kept on the device: of the loss, and of each diagnostic over
    the steps that reported it.

    Attributes:
        sums: sums by name.
        counts: numbers of values by name.
        steps: loss and gradient norm of every step; None where no plugin watches them.
    """

    sums: dict[str, Tensor] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    steps: list[tuple[Tensor, Tensor]] | None = None

    def add(self, values: Mapping[str, Tensor]) -> None:
        """Adds what a step measured.

        Raises:
            PluginError: a value is not a scalar.
        """
        for name, value in values.items():
            if value.numel() != 1:
                raise PluginError(
                    f"the diagnostic '{name}' has shape {list(value.shape)}, and a curve holds "
                    "scalars: return its mean"
                )
            self.sums[name] = self.sums[name] + value if name in self.sums else value
            self.counts[name] += 1

    def means(self, world: World = ALONE) -> dict[str, float]:
        """The mean of each, over what all ranks have added up; waits for the device, once."""
        if not self.sums:
            return {}
        values = [value.double().flatten()[0] for value in self.sums.values()]
        stacked = torch.stack([value.to(values[0].device) for value in values])
        read = world.sum(stacked).tolist()
        return {
            name: value / self.counts[name] for name, value in zip(self.sums, read, strict=True)
        }

    def read_steps(self) -> list[tuple[float, float]]:
        """Loss and norm of each step; waits for the device, once."""
        if not self.steps:
            return []
        device = self.steps[0][0].device
        values = [value.double().to(device) for step in self.steps for value in step]
        read = iter(torch.stack(values).tolist())
        return list(zip(read, read, strict=True))


@dataclass
class Stepper:
    """Takes training steps on a model.

    Attributes:
        model: the model, on its device.
        optimisation: optimisation of the model's and the loss's parameters.
        inputs: builds augmented batches.
        text_to_image: the image of each training caption.
        protocol: the run's protocol.
        forwards: items passed through a tower so far, on all ranks.
        world: ranks that batches are split over.
        towers: the model's image and text tower, or their compiled forms.
    """

    model: Model
    optimisation: Optimisation
    inputs: Augmenter
    text_to_image: np.ndarray
    protocol: Protocol
    forwards: int = 0
    world: World = ALONE
    towers: tuple[Embeds, Embeds] = field(init=False)

    def __post_init__(self) -> None:
        towers = self.model.image, self.model.text
        if self.protocol.compile != "none":
            from vsebench.retrieval.training.compiled import CompiledTower

            image, text = (CompiledTower(tower, self.protocol.compile) for tower in towers)
            self.towers = image, text
        else:
            self.towers = towers

    def announce(self, captions: np.ndarray, key: Key) -> None:
        """Announces the order in which the coming epoch visits the training captions, so that their
        images can be made ready.
        """
        self.inputs.images.announce(self.text_to_image[captions], self.protocol.batch_size, key)

    def step(self, batch: Batch, totals: Totals) -> None:
        """One optimiser step on a batch; what it measures is added to the totals."""
        self.optimisation.enter(batch.progress.epoch)
        loss, measured = self.loss(batch)
        norm = self.optimisation.update(loss, batch.lr, batch.progress)
        totals.add(measured)
        if totals.steps is not None:
            totals.steps.append((loss.detach(), norm))

    def loss(self, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        """The training loss of a batch, whose gradient is the rank's own part of the batch's, and
        what was measured, of which the ranks' sum is the batch's.
        """
        captions, objective, progress, _, streams, negatives = batch
        image_ids, count = self.text_to_image[captions], len(captions)

        def whole(part: Tensor) -> Tensor:
            return self.world.gather(part, count)

        with self.autocast():
            texts, images = _outside(negatives)
            inputs = self.inputs
            image_batches = [inputs.images.pairs(image_ids, streams.pairs)]
            text_batches = [inputs.texts.batch(captions, streams.pairs)]
            text_batches += [inputs.texts.batch(each, streams.offline) for each in texts.values()]
            image_batches += [
                inputs.images.others(each, streams.offline) for each in images.values()
            ]
            image, *other_images = self._embed_images(image_batches, count)
            text, *other_texts = self._embed_texts(text_batches, count)
            outside = {
                **dict(zip(texts, other_texts, strict=True)),
                **dict(zip(images, other_images, strict=True)),
            }
            vectors = {
                name: whole(representative(each.embedding)) for name, each in outside.items()
            }
        ids = to_device(image_ids, self.inputs.device)
        raw = {"raw_image": image.raw, "raw_text": text.raw}
        embeddings = apply(image.embedding, whole), apply(text.embedding, whole)
        with self.world.same_numbers():
            given = LossInputs(
                image=representative(embeddings[0]),
                text=representative(embeddings[1]),
                positives=positives(ids, self.protocol.sibling_mask),
                similarity=self.model.similarity(*embeddings),
                image_ids=ids,
                text_ids=to_device(captions, self.inputs.device),
                offline=vectors if isinstance(negatives, OfflineIndices) else None,
                sampled=self._sampled(vectors, negatives),
                progress=progress,
                extras={
                    name: cast("Tensor", apply(raw[name], whole)) for name in objective.card.extras
                },
            )
            value = objective.loss(given)
        output = value if isinstance(value, LossOutput) else LossOutput(value)
        _check_loss(output.loss, objective.loss, given)
        return _total(output, image, text, self.world, count)

    def _sampled(self, vectors: Mapping[str, Tensor], negatives: Negatives) -> SampledInputs | None:
        if not isinstance(negatives, SampledIndices):
            return None
        found = (
            to_device(each, self.inputs.device)
            for each in (negatives.text_found, negatives.image_found)
        )
        return SampledInputs(vectors["text"], vectors["image"], *found)

    def _embed_images(self, batches: Sequence[Padded], count: int) -> list[Encoded]:
        """Embeds the rank's part of batches of `count` items; the encoder takes each by itself."""
        self.forwards += count * len(batches)
        return self.towers[0](*batches[0], *batches[1:]).parts(len(batches))

    def _embed_texts(self, batches: Sequence[Padded], count: int) -> list[Encoded]:
        """Embeds batches which the encoder takes as one: its recurrent steps cost about the same
        for one batch as for three.
        """
        self.forwards += count * len(batches)
        return self.towers[1](*join(batches)).parts(len(batches))

    def autocast(self) -> AbstractContextManager[object]:
        """bf16 autocast where the protocol asks for it: on CUDA by default."""
        device = self.inputs.device.type
        wanted = self.protocol.precision == "bf16" or (
            self.protocol.precision == "auto" and device == "cuda"
        )
        return torch.autocast(device, dtype=torch.bfloat16) if wanted else nullcontext()


def _outside(negatives: Negatives) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """The captions and the images [B] that negatives from outside the batch consist of, by name."""
    match negatives:
        case OfflineIndices(texts, images):
            return texts, images
        case SampledIndices(text=text, image=image):
            return {"text": text}, {"image": image}
        case None:
            return {}, {}


def _check_loss(value: object, loss: object, given: LossInputs) -> None:
    """Refuses what cannot be trained with, as the loss's own error and not torch's.

    Raises:
        PluginError: it is not one number, or is one that no embedding changes.
    """
    name = getattr(loss, "__name__", type(loss).__name__)
    if not isinstance(value, torch.Tensor) or value.numel() != 1 or not value.is_floating_point():
        found = (
            f"a tensor {list(value.shape)} of {value.dtype}"
            if isinstance(value, torch.Tensor)
            else type(value).__name__
        )
        raise PluginError(
            f"expected one floating-point number in a tensor, got {found} from the loss {name}"
        )
    if not value.requires_grad and (given.image.requires_grad or given.text.requires_grad):
        raise PluginError(
            f"no gradient reaches the embeddings from the loss {name}: it detaches them, or does "
            "not use them"
        )


def _total(
    output: LossOutput, image: Encoded, text: Encoded, world: World, count: int
) -> tuple[Tensor, dict[str, Tensor]]:
    """The training loss with the poolings' own losses, and every scalar by name: the loss, the
    diagnostics, and the objective without the poolings' losses where there are any.

    A pooling reports means over its items, so that each rank adds its share of the batch. The loss
    is the same on every rank: the leading one adds it.
    """
    diagnostics = dict(output.diagnostics)
    total, own = output.loss, set()
    for side, encoded in (("image", image), ("text", text)):
        for name, value in encoded.losses.items():
            added = value if world.size == 1 else world.share(count) * value
            total = total + added
            own.add(f"{side}_{name}")
            diagnostics[f"{side}_{name}"] = added.detach()
            diagnostics["objective"] = output.loss.detach()
        for name, value in encoded.diagnostics.items():
            if value.numel() == 1:
                own.add(f"{side}_{name}")
                diagnostics[f"{side}_{name}"] = (
                    value if world.size == 1 else world.share(count) * value
                )
    if world.leads:
        return total, {**diagnostics, "loss": total.detach()}
    others = {
        name: value if name in own else torch.zeros_like(value)
        for name, value in diagnostics.items()
    }
    return total, {**others, "loss": (total - output.loss).detach()}
