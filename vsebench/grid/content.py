"""Components that read files of their own: what these hold is part of what a run is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vsebench.data.fingerprint import fingerprint_files
from vsebench.plugin.cards import EncoderCard
from vsebench.plugin.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path

    from vsebench.plugin.registry import Registry
    from vsebench.results.spec import ComponentRef


def with_content(kind: str, ref: ComponentRef, registry: Registry) -> ComponentRef:
    """The component with the content of its files in its version: `1+5b1c2a90d3e4f607`. One that
    has no files stays as it is.

    Raises:
        VsebenchError: the files are not there or cannot be read; the message says what to do.
    """
    component = registry.get(kind, ref.name)
    if not isinstance(component.card, EncoderCard) or not component.card.files:
        return ref
    files: list[Path] = sorted(component.call(component.card.files, ref.params))
    if not files:
        raise DataError(f"{component.owner} found no files for '{ref.spec}'")
    return ref.model_copy(
        update={"version": f"{ref.version}+{fingerprint_files(files[0].parent, files)}"}
    )
