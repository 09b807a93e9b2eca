"""The text encoder of pretrained models: captions to word pieces, a transformer and one linear
layer.
"""

from __future__ import annotations

import math
from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn

from vsebench.kernels import valid_mask
from vsebench.plugin import ParameterGroup, SpecError, TokenTable
from vsebench.retrieval.encoders.pretrained import (
    load,
    load_tokenizer,
    model_folder,
    one_line,
    own_head,
    without_weights,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import Tensor

    from vsebench.plugin import Scalar

    Mask = Callable[[Tensor], Tensor]


_TOGETHER = 32
"""Captions in one pass on a CPU."""

_ANY_LENGTH = 1 << 16
"""Stands for a model without a limit: fast tokenizers take 32-bit lengths."""

_ANY_ID = 1 << 31
"""Stands for a model that does not say how many token embeddings it has."""


class PieceTokeniser:
    """The fast tokenizer of a pretrained model, special tokens added. Captions longer than the
    model takes are cut.

    Args:
        model: a folder, or a name on the Hugging Face hub.

    Raises:
        SpecError: there is no such model, or it has no fast tokenizer.
    """

    def __init__(self, model: str) -> None:
        self._model = model
        self._tokenizer: Any = load_tokenizer(model)
        settings = _text_settings(model)
        self._longest = _longest(model, self._tokenizer, settings)
        self._rows = int(getattr(settings, "vocab_size", _ANY_ID))

    def __len__(self) -> int:
        return len(self._tokenizer)

    @property
    def mask(self) -> int | None:
        mask: int | None = self._tokenizer.mask_token_id
        return mask

    @property
    def unk(self) -> int | None:
        """The id of what the tokenizer has no pieces for."""
        unknown: int | None = self._tokenizer.unk_token_id
        return unknown

    @cached_property
    def replacements(self) -> np.ndarray:
        """Every id but the special ones; the released code of VSE-infinity draws these too, and may
        put padding into a caption.
        """
        known = np.arange(min(len(self), self._rows))
        return np.setdiff1d(known, self._tokenizer.all_special_ids)

    def encode(self, captions: Sequence[str]) -> TokenTable:
        """Pieces with the number of the word that each belongs to, as the tokenizer splits words;
        -1 for special tokens.

        Raises:
            SpecError: the model has no embedding for a piece.
        """
        if not captions:
            return TokenTable(np.zeros(0, np.int32), np.zeros(1, np.int64), np.zeros(0, np.int32))
        encodings = self._tokenizer(
            list(captions), truncation=True, max_length=self._longest
        ).encodings
        offsets = np.concatenate([[0], np.cumsum([len(encoding.ids) for encoding in encodings])])
        tokens = np.fromiter(
            chain.from_iterable(encoding.ids for encoding in encodings), np.int32, offsets[-1]
        )
        if (highest := int(tokens.max(initial=0))) >= self._rows:
            raise SpecError(
                f"model '{self._model}' has {self._rows} token embeddings, and its tokenizer gives "
                f"a caption the id {highest}: it is another model's tokenizer, or tokens were "
                "added to it and not to the model"
            )
        words = (
            -1 if word is None else word for encoding in encodings for word in encoding.word_ids
        )
        cut = sum(bool(encoding.overflowing) for encoding in encodings)
        return TokenTable(tokens, offsets, np.fromiter(words, np.int32, offsets[-1]), cut)


def _text_settings(model: str) -> Any:
    folder = model_folder(model)
    from transformers import AutoConfig

    with one_line(model):
        return AutoConfig.from_pretrained(folder, local_files_only=True).get_text_config()


def _longest(model: str, tokenizer: Any, settings: Any) -> int:
    """Tokens that the model takes: the smaller limit of its tokenizer and of its positions."""
    with one_line(model):
        rows = getattr(settings, "max_position_embeddings", _ANY_LENGTH)
        return int(min(tokenizer.model_max_length, rows - _rows_before(model, rows)))


def _rows_before(model: str, rows: int) -> int:
    """Rows of the table of positions that no token has: RoBERTa and its kind number them from the
    one after padding's.
    """
    with without_weights(), torch.device("meta"):
        modules = load("AutoModel", model).named_modules()
        paddings = [
            module.padding_idx
            for name, module in modules
            if isinstance(module, nn.Embedding)
            and name.endswith("position_embeddings")
            and module.num_embeddings == rows
        ]
    return max((padding + 1 for padding in paddings if padding is not None), default=0)


class BertEncoder(nn.Module):
    """`fc(states)` of a pretrained model's last hidden states, special tokens among them
    (VSE-infinity, section 5.1 and released code).

    Args:
        dim: size D of the shared space.
        model: a folder, or a name on the Hugging Face hub; of a model with an image and a text
            half, such as CLIP, the text half.
        frozen: the pretrained model never trains; it then works in evaluation mode, and no graph is
            kept of what it computes.
        lr_factor: factor of the learning rate, for the pretrained model.
        head: `new` begins with a random linear layer; `own`, of a model such as CLIP, with its
            projection, at the rate of the pretrained model.

    Raises:
        SpecError: the model cannot be loaded.
    """

    def __init__(
        self,
        dim: int,
        model: str = "bert-base-uncased",
        frozen: bool = False,
        lr_factor: float = 0.1,
        head: str = "new",
    ) -> None:
        super().__init__()
        loaded = load("AutoModel", model)
        self.backbone = getattr(loaded, "text_model", loaded)
        if getattr(self.backbone, "pooler", None) is not None:
            # One vector per caption is the pooling's task
            self.backbone.pooler = None
        self._mask = find_mask(self.backbone) if torch.cuda.is_available() else token_mask
        self.fc = (
            own_head(model, "text_projection", dim)
            if head == "own"
            else nn.Linear(loaded.config.get_text_config().hidden_size, dim)
        )
        self._lr_factor, self._frozen_epochs, self._own_head = (
            lr_factor,
            math.inf if frozen else 0,
            head == "own",
        )

    def forward(self, tokens: Tensor, lengths: Tensor) -> Tensor:
        """`tokens` int64 [B, N] with `lengths` [B] to [B, N, D]."""
        return self.fc(self.features(tokens, lengths))  # type: ignore[no-any-return]

    @property
    def head(self) -> nn.Linear:
        return self.fc

    @property
    def width(self) -> int:
        return self.fc.in_features

    @property
    def settings(self) -> dict[str, Scalar]:
        return {}

    def features(self, tokens: Tensor, lengths: Tensor) -> Tensor:
        """The last hidden states [B, N, width] of `tokens` int64 [B, N] with `lengths` [B]."""
        if tokens.is_cuda or torch.compiler.is_compiling():
            return last_states(self.backbone, tokens, lengths, self._mask)
        return self._by_length(tokens, lengths)

    def _by_length(self, tokens: Tensor, lengths: Tensor) -> Tensor:
        """The states, computed for captions of similar length together: on a CPU, padding costs as
        much as words. Padding rows are zero.
        """
        order = torch.split(lengths.argsort(stable=True), _TOGETHER)
        parts = [
            last_states(
                self.backbone,
                tokens[items, : int(lengths[items].max())],
                lengths[items],
                token_mask,
            )
            for items in order
        ]
        padded = torch.cat(
            [nn.functional.pad(part, (0, 0, 0, tokens.shape[1] - part.shape[1])) for part in parts]
        )
        return padded[torch.cat(order).argsort()]

    def parameter_groups(self) -> list[ParameterGroup]:
        return [
            ParameterGroup(list(self.backbone.parameters()), self._lr_factor, self._frozen_epochs),
            *(
                [ParameterGroup(list(self.fc.parameters()), self._lr_factor)]
                if self._own_head
                else []
            ),
        ]


def token_mask(valid: Tensor) -> Tensor:
    """The attention mask that every model takes, int64 [B, N], from `valid` bool [B, N]."""
    return valid.long()


def pair_mask(valid: Tensor) -> Tensor:
    """The tokens that each token attends to, bool [B, 1, N, N]: all valid ones."""
    batch, n = valid.shape
    return valid[:, None, None].expand(batch, 1, n, n)


def causal_mask(valid: Tensor) -> Tensor:
    """The tokens that each token attends to, bool [B, 1, N, N]: the valid ones up to itself."""
    n = valid.shape[1]
    return pair_mask(valid) & torch.ones(n, n, dtype=torch.bool, device=valid.device).tril()


def last_states(model: Any, tokens: Tensor, lengths: Tensor, mask: Mask) -> Tensor:
    """The last hidden states [B, N, width] of `tokens` int64 [B, N] with `lengths` [B]."""
    hidden = mask(valid_mask(lengths, tokens.shape[1]))
    states: Tensor = model(input_ids=tokens, attention_mask=hidden).last_hidden_state
    return states


@torch.inference_mode()
def find_mask(model: Any) -> Mask:
    """The mask to give a model on CUDA: one of pairs of tokens, where it gives the same states as
    one of tokens on three tiny captions.

    transformers reads a mask of tokens to see whether any is hidden at all, for which the host
    waits in every step on CUDA. It passes a mask of pairs on unread; which pairs it must mark
    depends on the model, which is therefore tried once.

    Args:
        model: text model on the CPU, in evaluation mode.
    """
    tokens = torch.tensor([[2, 3, 4, 5], [3, 2, 5, 4], [4, 3, 2, 2]])
    lengths = torch.tensor([4, 3, 1])
    valid = valid_mask(lengths, tokens.shape[1])
    wanted = last_states(model, tokens, lengths, token_mask)[valid]
    for mask in (pair_mask, causal_mask):
        try:
            found = last_states(model, tokens, lengths, mask)[valid]
        except Exception:  # models raise all kinds of errors for masks that they do not take
            continue
        if torch.allclose(found, wanted, rtol=1e-4, atol=1e-5):
            return mask
    return token_mask
