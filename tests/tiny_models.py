"""Pretrained models small enough to be made in a test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
PIECES = (
    *"abcdefghijklmnopqrstuvwxyz",
    *(f"##{letter}" for letter in "abcdefghijklmnopqrstuvwxyz"),
    ".",
    ",",
    "!",
)


def write_bert(folder: Path, words: Sequence[str] = (), *, seed: int = 0, hidden: int = 16) -> Path:
    """A random BERT of one layer that knows `words`, spells others letter by letter, and takes 24
    tokens.
    """
    from transformers import BertConfig, BertModel, BertTokenizerFast

    folder.mkdir(parents=True, exist_ok=True)
    vocabulary = folder / "vocab.txt"
    vocabulary.write_text("\n".join((*SPECIAL, *PIECES, *words)) + "\n", encoding="utf-8")
    tokenizer = BertTokenizerFast(vocab=str(vocabulary), model_max_length=24)
    tokenizer.save_pretrained(folder)
    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=hidden,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=24,
    )
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        BertModel(config).save_pretrained(folder)
    return folder


def write_roberta(folder: Path, words: Sequence[str] = (), *, rows: int = 24) -> Path:
    """A random RoBERTa of one layer, whose table of positions has `rows`, and whose tokenizer knows
    no limit. Padding is id 1, so that the first token has position 2.
    """
    from transformers import BertTokenizerFast, RobertaConfig, RobertaModel

    folder.mkdir(parents=True, exist_ok=True)
    vocabulary = folder / "vocab.txt"
    special = ("[CLS]", "[PAD]", "[SEP]", "[UNK]", "[MASK]")
    vocabulary.write_text("\n".join((*special, *PIECES, *words)) + "\n", encoding="utf-8")
    tokenizer = BertTokenizerFast(vocab=str(vocabulary))
    tokenizer.save_pretrained(folder)
    config = RobertaConfig(
        vocab_size=len(tokenizer),
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=rows,
        pad_token_id=1,
        bos_token_id=0,
        eos_token_id=2,
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        RobertaModel(config).save_pretrained(folder)
    return folder


def write_clip(folder: Path, words: Sequence[str] = (), *, dim: int = 8) -> Path:
    """A random CLIP of one layer in each half, for images of 32 pixels, with a tokenizer, and
    projections onto `dim`.
    """
    from transformers import BertTokenizerFast, CLIPConfig, CLIPModel

    folder.mkdir(parents=True, exist_ok=True)
    vocabulary = folder / "vocab.txt"
    vocabulary.write_text("\n".join((*SPECIAL, *PIECES, *words)) + "\n", encoding="utf-8")
    tokenizer = BertTokenizerFast(vocab=str(vocabulary), model_max_length=24)
    tokenizer.save_pretrained(folder)
    half = {
        "hidden_size": 12,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "intermediate_size": 16,
    }
    text = {
        "vocab_size": len(tokenizer),
        "max_position_embeddings": 24,
        "bos_token_id": tokenizer.cls_token_id,
        "eos_token_id": tokenizer.sep_token_id,
    }
    config = CLIPConfig(
        text_config={**half, **text},
        vision_config={**half, "image_size": 32, "patch_size": 8},
        projection_dim=dim,
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        CLIPModel(config).save_pretrained(folder)
    return folder
