"""A hook of Hatch: the package's links, where `VSEBENCH_REPOSITORY` says where the repository is.

The sources name no address, so that a fork's packages and pages link to the fork.
"""

from __future__ import annotations

import os
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

VARIABLE = "VSEBENCH_REPOSITORY"


class Links(MetadataHookInterface):
    """Gives `[project]` its `urls`."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Adds the links to the metadata; none where the variable is not set.

        Raises:
            ValueError: the variable is set to what is no address.
        """
        repository = os.environ.get(VARIABLE, "").rstrip("/")
        if not repository:
            return
        if not repository.startswith(("https://", "http://")):
            raise ValueError(f"{VARIABLE} is {repository!r}: expected https://HOST/OWNER/NAME")
        metadata["urls"] = {
            "Repository": repository,
            "Documentation": f"{repository}/tree/main/docs",
            "Issues": f"{repository}/issues",
            "Changelog": f"{repository}/blob/main/CHANGELOG.md",
        }
