"""The projection that a model of images and texts, such as CLIP, ends with."""

from __future__ import annotations

from torch import nn

from vsebench.plugin import SpecError
from vsebench.retrieval.encoders.pretrained import load


def own_head(model: str, name: str, dim: int) -> nn.Linear:
    """The pretrained projection of one half of a model, so that training begins where its
    pretraining ended.

    Args:
        model: a folder, or a name on the Hugging Face hub.
        name: `text_projection` or `visual_projection`.
        dim: size D of the shared space.

    Raises:
        SpecError: the model has none, or one of another size.
    """
    head = getattr(load("AutoModel", model), name, None)
    if not isinstance(head, nn.Linear):
        raise SpecError(
            f"model '{model}' has no {name}: head=own is for models with an image and a text "
            "half, such as CLIP"
        )
    if head.out_features != dim:
        raise SpecError(
            f"model '{model}' projects to {head.out_features} dimensions, the protocol to {dim}: "
            f"write --set embed_dim={head.out_features}"
        )
    return head
