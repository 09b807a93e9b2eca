"""Pretrained models: the folder that a path or a hub name stands for, and a hash of its content, which is part of what a run or a table is."""

from __future__ import annotations

import hashlib
from pathlib import Path

from vsebench.data.fingerprint import scan
from vsebench.plugin import SpecError

_SETTINGS = (
    "config.json",
    "preprocessor_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "vocab.txt",
    "vocab.json",
    "merges.txt",
    "spiece.model",
)
"""Files that decide, besides the weights, what a model computes from an image or a text."""


def model_folder(model: str) -> Path:
    """The folder of a pretrained model.

    Args:
        model: the path of a folder, or the name of a model on the Hugging Face hub, which is downloaded unless it is in the cache already.

    Raises:
        SpecError: it is neither, or the folder holds no model.
    """
    folder = Path(model) if Path(model).is_dir() else _from_hub(model)
    if not (folder / "config.json").is_file():
        raise SpecError(f"model '{model}' has no config.json in {folder}: expected the folder of a transformers model")
    if not weight_files(folder):
        raise SpecError(f"model '{model}' has no weights in {folder}: expected *.safetensors or pytorch_model*.bin")
    return folder


def weight_files(folder: Path) -> list[Path]:
    """The files of a model's weights."""
    return sorted(folder.glob("*.safetensors")) or sorted(folder.glob("pytorch_model*.bin"))


def model_files(model: str) -> list[Path]:
    """The files that decide what a model computes: configuration, preprocessing, tokeniser and weights. Encoders name it on their cards.

    Raises:
        SpecError: as `model_folder`.
    """
    folder = model_folder(model)
    return [path for path in (folder / name for name in _SETTINGS) if path.is_file()] + weight_files(folder)


def model_digest(model: str) -> str:
    """16 hexadecimal digits that identify the content of a model.

    Raises:
        SpecError: as `model_folder`.
        DataError: a file cannot be read.
    """
    return hashlib.sha256(repr([(path.name, scan(path).sha256) for path in model_files(model)]).encode()).hexdigest()[:16]


def _from_hub(model: str) -> Path:
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(model, allow_patterns=[*_SETTINGS, "*.safetensors"]))
    except Exception as error:  # of several libraries, and of no common class
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise SpecError(f"model '{model}' is neither a folder nor available from the Hugging Face hub ({reason})") from error
