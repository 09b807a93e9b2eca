"""`model.json` of an exported model, and the names of the files beside it."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from pydantic import Field, ValidationError

from vsebench.files import read_json
from vsebench.plugin import DataError, MissingError, VsebenchError
from vsebench.results.protocol import Frozen
from vsebench.results.reader import MODEL

if TYPE_CHECKING:
    from pathlib import Path

FORMAT = 1

ABOUT, RECORD, WEIGHTS = MODEL, "record.json", "model.safetensors"
VOCABULARY, CARD, PLUGINS = "vocabulary.txt", "README.md", "plugins"


class Kept(Frozen):
    """The files of a pretrained encoder, in a folder of the model's.

    Attributes:
        folder: name of the folder.
        params: parameters of the encoder that name it, and what they name in it: empty for the
            folder itself, else a file.
    """

    folder: str
    params: dict[str, str]


class DataCard(Frozen):
    """The data that a model was trained on."""

    name: str
    fingerprint: str
    licence: str = ""
    citation: str = ""


class About(Frozen):
    """An exported model's description of itself."""

    format: int = FORMAT
    run_id: str
    step: int
    dim: int = Field(description="width of an embedding")
    normalised: str = Field("l2", description="how embeddings are normalised")
    similarity: str = Field(description="component spec of what scores embeddings")
    in_dim: int = Field(
        description="width of a feature that the model reads, or channels of a pixel"
    )
    raw_images: bool
    pixels: dict[str, Any] = Field(
        default_factory=dict,
        description="of raw images: the side of the square that they are stretched to, and the "
        "mean and standard deviation of the channels of pixels in 0..255, where the encoder says",
    )
    vocabulary: int = Field(description="number of token ids")
    data: DataCard
    packages: dict[str, str] = Field(description="distributions that its components come from")
    plugins: tuple[str, ...] = Field((), description="plugin files that its components come from")
    pretrained: dict[str, Kept] = Field(
        default_factory=dict, description="encoders that bring files, by field of the run"
    )
    files: dict[str, str] = Field(
        description="the SHA-256 of every other file but the card, which may be edited"
    )


def read_about(folder: Path) -> About:
    """Reads the description of the model in a folder.

    Raises:
        VsebenchError: there is none, it is damaged, or of a newer release.
    """
    path = folder / ABOUT
    try:
        content = read_json(path)
        if isinstance(content, dict) and content.get("format", FORMAT) > FORMAT:
            raise VsebenchError(
                f"{path} was written by a newer vsebench (format {content['format']}, this one "
                f"reads up to {FORMAT}): upgrade vsebench"
            )
        return About.model_validate(content)
    except FileNotFoundError:
        raise MissingError(f"{folder} is no exported model: it has no {ABOUT}") from None
    except ValidationError as error:
        why = error.errors(include_url=False)[0]
        raise DataError(
            f"{path} is damaged ({'.'.join(map(str, why['loc']))}: {why['msg']}): export again"
        ) from error
    except (OSError, ValueError, TypeError) as error:
        raise DataError(f"{path} is damaged ({error}): export the model again") from error


def check_files(folder: Path, about: About) -> None:
    """Refuses a folder in which a file is missing or is not the one that was written.

    Raises:
        DataError: one is not.
    """
    for name, sha256 in about.files.items():
        path = folder / name
        if not path.is_file():
            raise MissingError(f"{path} is missing: export the model again, or copy it whole")
        if digest(path) != sha256:
            raise DataError(
                f"{path} is not the file that was exported: export the model again, or copy it "
                "whole"
            )


def digest(path: Path) -> str:
    """The SHA-256 of a file, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
