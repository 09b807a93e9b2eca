"""Captions to the word pieces of a pretrained model."""

from __future__ import annotations

from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np

from vsebench.plugin import TokenTable
from vsebench.retrieval.encoders.pretrained import load_tokenizer, model_folder

if TYPE_CHECKING:
    from collections.abc import Sequence


_ANY_LENGTH = 1 << 16
"""Stands for a model without a limit: fast tokenizers take 32-bit lengths."""


class PieceTokeniser:
    """The fast tokenizer of a pretrained model, special tokens added. Captions longer than the
    model takes are cut.

    Args:
        model: a folder, or a name on the Hugging Face hub.

    Raises:
        SpecError: there is no such model, or it has no fast tokenizer.
    """

    def __init__(self, model: str) -> None:
        self._tokenizer: Any = load_tokenizer(model)
        self._longest = _longest(model, self._tokenizer)

    def __len__(self) -> int:
        return len(self._tokenizer)

    @property
    def mask(self) -> int | None:
        mask: int | None = self._tokenizer.mask_token_id
        return mask

    @cached_property
    def replacements(self) -> np.ndarray:
        """Every id but the special ones; the released code of VSE-infinity draws these too, and may
        put padding into a caption.
        """
        return np.setdiff1d(np.arange(len(self)), self._tokenizer.all_special_ids)

    def encode(self, captions: Sequence[str]) -> TokenTable:
        """Pieces with the number of the word that each belongs to, as the tokenizer splits words;
        -1 for special tokens.
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
        words = (
            -1 if word is None else word for encoding in encodings for word in encoding.word_ids
        )
        return TokenTable(tokens, offsets, np.fromiter(words, np.int32, offsets[-1]))


def _longest(model: str, tokenizer: Any) -> int:
    """Tokens that the model takes: the fewer of what its tokenizer and its settings say."""
    from transformers import AutoConfig

    settings: Any = AutoConfig.from_pretrained(
        model_folder(model), local_files_only=True
    ).get_text_config()
    return int(
        min(tokenizer.model_max_length, getattr(settings, "max_position_embeddings", _ANY_LENGTH))
    )
