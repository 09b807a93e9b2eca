"""Where tables of images and captions lie that Hugging Face's `datasets` writes: a folder, or a
repository of the hub, of which only its Parquet files are taken. Needs the extra `hf`.
"""

from __future__ import annotations

from pathlib import Path

from vsebench.plugin import DataError, MissingError
from vsebench.plugin.errors import require

PREFIX = "hf:"
"""What `--from` begins with for such tables."""

CONVERTED = "refs/convert/parquet"
"""The branch in which the hub keeps Parquet files of data sets that are stored otherwise."""

ENDINGS = (".parquet", ".arrow")


def table_folder(name: str) -> Path:
    """The folder of the tables.

    Args:
        name: a folder, or `OWNER/NAME` or `OWNER/NAME/FOLDER` of the hub, which is downloaded, or
            taken from the hub's own cache.

    Raises:
        MissingExtraError: the extra is not installed.
        MissingError: there is neither such a folder nor such a repository.
        DataError: the repository has no Parquet files.
    """
    require("pyarrow", extra="hf", purpose="tables of Hugging Face's datasets")
    if Path(name).exists():
        return Path(name)
    if name.startswith((".", "/", "~")) or name.count("/") < 1:
        raise MissingError(
            f"there is no folder {name}: {PREFIX} takes a folder of Parquet files, or OWNER/NAME "
            "on the Hugging Face hub"
        )
    owner, repository, *below = name.strip("/").split("/")
    return _from_hub(f"{owner}/{repository}", "/".join(below))


def _from_hub(repository: str, below: str) -> Path:
    require("huggingface_hub", extra="hf", purpose="data sets of the Hugging Face hub")
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError

    pattern = f"{below}/*{ENDINGS[0]}" if below else f"*{ENDINGS[0]}"
    try:
        for revision in (None, CONVERTED):
            folder = Path(
                snapshot_download(
                    repository, repo_type="dataset", revision=revision, allow_patterns=pattern
                )
            )
            if any((folder / below).rglob(f"*{ENDINGS[0]}")):
                return folder / below
    except (OSError, ValueError, HfHubHTTPError) as error:
        reason = next(iter(str(error).strip().splitlines()), type(error).__name__)
        raise MissingError(
            f"there is no data set '{repository}': it is no folder, and the Hugging Face hub does "
            f"not give it ({reason})"
        ) from error
    raise DataError(
        f"the data set '{repository}' on the Hugging Face hub has no Parquet files"
        f"{f' below {below}' if below else ''}, nor has its branch {CONVERTED}"
    )


def table_files(folder: Path) -> list[Path]:
    """The tables in a folder and below it, or the only one, in the order of their names.

    Raises:
        DataError: there is none.
    """
    files = (
        [folder]
        if folder.is_file()
        else sorted(
            path
            for path in folder.rglob("*")
            if path.suffix in ENDINGS
            and path.is_file()
            and not any(part.startswith(".") for part in path.relative_to(folder).parts)
        )
    )
    if not files:
        raise DataError(f"{folder} holds no tables: expected {' or '.join(ENDINGS)} files")
    return files
