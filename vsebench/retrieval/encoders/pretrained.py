"""Pretrained models: their folders, the files that decide what they compute, their loading, and the
final projection of a model of images and texts, such as CLIP.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from contextvars import ContextVar
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import nn

from vsebench.plugin import SpecError
from vsebench.plugin.errors import require

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_WEIGHTS = ("model.safetensors", "model-*.safetensors", "pytorch_model.bin", "pytorch_model-*.bin")
"""In order of preference: the first pattern that fits is read."""

_VOCABULARY = ("tokenizer.json", "vocab.txt", "vocab.json", "*.model")

_SETTINGS = (
    *(
        "config.json",
        "preprocessor_config.json",
        "tokenizer_config.json",
        "special_tokens_map.json",
        "added_tokens.json",
        "merges.txt",
    ),
    *_VOCABULARY,
)


MODEL_FILES = f"{__name__}:model_files"
"""As cards of encoders name it."""

_without_weights: ContextVar[bool] = ContextVar("without_weights", default=False)


@contextmanager
def without_weights() -> Iterator[None]:
    """Within it, models are made from their settings alone: their weights come from elsewhere."""
    token = _without_weights.set(True)
    try:
        yield
    finally:
        _without_weights.reset(token)


def is_weights(name: str) -> bool:
    """Whether a file of a model's folder, by its name, holds weights."""
    return any(fnmatchcase(name, pattern) for pattern in _WEIGHTS)


def model_folder(model: str) -> Path:
    """The folder of a model: a path, a folder under `$VSEBENCH_MODELS`, or a repository of the
    Hugging Face hub, taken from its cache or downloaded.

    Raises:
        MissingExtraError: transformers is not installed.
        SpecError: there is none of that name.
    """
    require("transformers", extra="encoders", purpose="pretrained encoders")
    if not model:
        raise SpecError(
            "a pretrained encoder needs a model: write model=FOLDER or model=NAME, a name on the "
            "Hugging Face hub"
        )
    places = [
        Path(model).expanduser(),
        *(Path(root) / model for root in filter(None, [os.environ.get("VSEBENCH_MODELS")])),
    ]
    for folder in places:
        if folder.is_dir():
            return folder
    if model.startswith((".", "/", "~")) or model.count("/") > 1:
        raise SpecError(
            f"there is no folder {model}: model= takes the folder of a model, or a name on the "
            "Hugging Face hub"
        )
    return _from_hub(model)


def model_files(model: str) -> list[Path]:
    """The files of a model that decide what it computes: settings, vocabulary and weights.

    Raises:
        SpecError: there is no such model, or its folder lacks settings or weights.
    """
    folder = model_folder(model)
    weights = next((found for pattern in _WEIGHTS if (found := sorted(folder.glob(pattern)))), [])
    if not weights or not (folder / "config.json").is_file():
        missing = "config.json" if weights else "weights (model.safetensors)"
        raise SpecError(f"{folder} is not the folder of a transformers model: it has no {missing}")
    return sorted({path for pattern in _SETTINGS for path in folder.glob(pattern)}) + weights


def load(loader: str, model: str, **options: Any) -> Any:
    """The model in fp32, all of its weights from its files.

    Args:
        loader: name of a class of transformers, such as `AutoModel`.
        model: model, as `model_folder` takes it.
        **options: options of `from_pretrained`.

    Raises:
        SpecError: there is no such model, it cannot be loaded, or its files lack some of its
            weights.
    """
    folder = model_folder(model)
    import transformers

    if _without_weights.get():
        with _quiet(), one_line(model):
            return _made_of_settings(getattr(transformers, loader), folder, options).float()
    with _quiet(), one_line(model):
        loaded, report = getattr(transformers, loader).from_pretrained(
            folder, local_files_only=True, output_loading_info=True, **options
        )
    missing = sorted(name for name in report["missing_keys"] if "pooler" not in name)
    if missing:
        raise SpecError(
            f"model '{model}' lacks {len(missing)} of the weights of {type(loaded).__name__}, "
            f"such as {missing[0]}: it is of another kind"
        )
    return loaded.float()


def _made_of_settings(cls: Any, folder: Path, options: Mapping[str, Any]) -> Any:
    if hasattr(cls, "from_config"):  # a class that chooses one by the settings
        from transformers import AutoConfig

        config = AutoConfig.from_pretrained(folder, local_files_only=True)
        return cls.from_config(config, **options)
    config = cls.config_class.from_pretrained(folder, local_files_only=True)
    return cls._from_config(config, **options)


def load_tokenizer(model: str) -> Any:
    """The model's fast tokenizer.

    Raises:
        SpecError: there is no such model, or it has no fast tokenizer.
    """
    folder = model_folder(model)
    from transformers import AutoTokenizer

    # Transformers would make an empty vocabulary
    if not any(path for pattern in _VOCABULARY for path in folder.glob(pattern)):
        raise SpecError(
            f"{folder} has no tokenizer (tokenizer.json or vocab.txt): save one beside the model"
        )
    with _quiet(), one_line(model):
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True, use_fast=True)
    if not tokenizer.is_fast:
        raise SpecError(
            f"model '{model}' has no fast tokenizer (tokenizer.json), which says what word each "
            "piece belongs to"
        )
    return tokenizer


def _from_hub(model: str) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError

    settings = [*_SETTINGS, "model*.safetensors"]
    try:
        folder = Path(snapshot_download(model, allow_patterns=settings))
        if not any(folder.glob("model*.safetensors")):
            folder = Path(
                snapshot_download(model, allow_patterns=[*settings, "pytorch_model*.bin"])
            )
    except (OSError, ValueError, HfHubHTTPError) as error:
        raise SpecError(
            f"there is no model '{model}': it is no folder, none under $VSEBENCH_MODELS, and the "
            f"Hugging Face hub does not give it ({_first_line(error)})"
        ) from error
    return folder


@contextmanager
def one_line(model: str) -> Iterator[None]:
    """Turns any error in loading a model into one of one line; transformers and its file formats
    raise errors of many kinds.
    """
    try:
        yield
    except Exception as error:
        raise SpecError(
            f"model '{model}' cannot be loaded: {type(error).__name__}: {_first_line(error)}"
        ) from error


def _first_line(error: Exception) -> str:
    return next(
        (line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__
    )


@contextmanager
def _quiet() -> Iterator[None]:
    """Keeps transformers' progress bars and reports out of the run's output."""
    from transformers.utils import logging as reports

    logging: Any = reports  # it is not typed
    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()


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
