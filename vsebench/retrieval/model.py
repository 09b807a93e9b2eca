"""Towers and the model: encoder, pooling, normalisation on each side, and a similarity between
them.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn

from vsebench.plugin import Key, LocalFeatures, PoolingOutput, VsebenchError
from vsebench.results.run_base import make
from vsebench.retrieval.embeddings import chunks, normalise
from vsebench.retrieval.inputs.padded import Padded, join
from vsebench.retrieval.outputs import Outputs, check_embedding, check_features

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from torch import Tensor

    from vsebench.plugin import Pooling
    from vsebench.plugin.registry import Registry
    from vsebench.plugin.retrieval import Embedding
    from vsebench.results.spec import RunSpec
    from vsebench.retrieval.inputs.padded import Kept


class Encoded(NamedTuple):
    """Output of a tower: the normalised embedding, the embedding before normalisation, and the
    pooling's own losses and diagnostics by name.
    """

    embedding: Embedding
    raw: Embedding
    losses: Mapping[str, Tensor] = MappingProxyType({})
    diagnostics: Mapping[str, Tensor] = MappingProxyType({})

    def parts(self, count: int) -> list[Encoded]:
        """`count` equal parts, split by items. Losses and diagnostics, which are of all items, go
        with the first.
        """
        if count == 1:
            return [self]
        first, *others = map(Encoded, chunks(self.embedding, count), chunks(self.raw, count))
        return [first._replace(losses=self.losses, diagnostics=self.diagnostics), *others]


def pool(pooling: Pooling, features: Tensor, lengths: Tensor, name: str = "") -> PoolingOutput:
    """The output of a pooling, which may return a bare embedding.

    Args:
        pooling: the pooling.
        features: local features [B, N, D].
        lengths: valid rows of each item [B].
        name: its name in errors; its class's name by default.

    Raises:
        PluginError: its embedding is none, or has another shape than one of B items of size D.
    """
    pooled = pooling(features, lengths)
    output = pooled if isinstance(pooled, PoolingOutput) else PoolingOutput(pooled)
    if not torch.compiler.is_compiling():  # the first step is checked before anything compiles
        check_embedding(output.embedding, features, pooling, name)
    return output


class Tower(nn.Module):
    """encoder → pooling → L2 normalisation.

    Attributes:
        encoder: gives local features.
        pooling: makes one embedding of them.
        name: the pooling's name in errors.
        dim: size D of the encoder's features; None where any will do.
    """

    def __init__(
        self, encoder: nn.Module, pooling: Any, name: str = "", dim: int | None = None
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.pooling = pooling
        self.name = name
        self.dim = dim
        self.outputs = Outputs(name or type(pooling).__name__)

    def forward(
        self, values: Tensor, lengths: Tensor, kept: Kept | None = None, *others: Padded
    ) -> Encoded:
        """Embeds padded batches, whose items follow each other in what it returns. The encoder
        takes each by itself, as statistics of a batch are its own; all are pooled in one pass.

        Args:
            values: the first batch [B, N, ...].
            lengths: its valid rows, int64 [B].
            kept: the encoder's features that stay; all without it.
            others: further batches.
        """
        local = [
            self.encode(self.read(batch.values), batch.lengths, batch.kept)
            for batch in (Padded(values, lengths, kept), *others)
        ]
        encoded = self.embed(*join(local)[:2])
        self.outputs.check(encoded.raw)
        return encoded

    def read(self, values: Tensor) -> Tensor:
        """The encoder's input: features in fp16 as fp32, unless its first operation is a product,
        whose inputs autocast rounds anyway.
        """
        if values.dtype != torch.float16:
            return values
        rounds = torch.is_autocast_enabled(values.device.type)
        return values if rounds and getattr(self.encoder, "reads_half", False) else values.float()

    def encode(self, values: Tensor, lengths: Tensor, kept: Kept | None) -> Padded:
        """The features of a batch that are pooled."""
        features = self.encoder(values, lengths)
        if not torch.compiler.is_compiling():  # the first step is checked before anything compiles
            check_features(features, len(values), self.dim, self.encoder)
        if isinstance(features, LocalFeatures):
            features, lengths = features
        if kept is None:
            return Padded(features, lengths)
        positions = kept.positions[..., None].expand(-1, -1, features.shape[2])
        return Padded(features.gather(1, positions), kept.lengths)

    def embed(self, features: Tensor, lengths: Tensor) -> Encoded:
        """Pooling and normalisation of encoded features."""
        output = pool(self.pooling, features, lengths, self.name)
        return Encoded(
            normalise(output.embedding),
            output.embedding,
            dict(output.losses),
            dict(output.diagnostics),
        )


class Model(nn.Module):
    """An image tower, a text tower and the similarity of their embeddings."""

    def __init__(self, image: Tower, text: Tower, similarity: Any) -> None:
        super().__init__()
        self.image = image
        self.text = text
        self.similarity = similarity

    @property
    def parameter_count(self) -> int:
        return sum(p.numel() for p in self.parameters() if p.requires_grad)


def build(spec: RunSpec, registry: Registry, *, in_dim: int, vocabulary_size: int) -> Model:
    """The untrained model of a run on the CPU.

    Each part draws its initial values from a stream of its own, so that runs with one seed share
    the initial encoders whatever they pool with.
    """
    key, dim = Key(spec.seed) / "init", spec.protocol.embed_dim

    def create(field: str) -> Any:
        return seeded(
            key / field.replace("_", " "),
            lambda: make(spec, field, registry, in_dim=in_dim, vocabulary_size=vocabulary_size),
        )

    return Model(
        Tower(create("image_encoder"), create("image_pooling"), spec.image_pooling.spec, dim),
        Tower(create("text_encoder"), create("text_pooling"), spec.text_pooling.spec, dim),
        create("similarity"),
    )


def load_weights(model: Model, path: Path, remedy: str) -> None:
    """Puts the weights in a file into a model of the same shape.

    Args:
        model: the model.
        path: a safetensors file.
        remedy: end of the errors about a file that cannot be used: what to do about it.

    Raises:
        VsebenchError: the file is missing or damaged, or holds another model.
    """
    try:
        model.load_state_dict(load_file(path))
    except (SafetensorError, OSError) as error:
        raise VsebenchError(f"{path} is missing or damaged ({error}): {remedy}") from error
    except RuntimeError as error:  # of names or shapes that differ, all listed
        raise VsebenchError(
            f"{path} is of another model than the run's, by the names or shapes of its "
            f"parameters: {remedy}"
        ) from error


def seeded(key: Key, make: Callable[[], Any]) -> Any:
    """The result of `make`, its initial values drawn from the stream of `key`."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(key.seed())
        return make()
