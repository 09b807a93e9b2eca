"""Where pip can get the vsebench that writes a plugin, for the CI of that plugin."""

from __future__ import annotations

import importlib.metadata
import json
import re

_PLAIN = re.compile(r"[\w.:/@+~-]+")
"""Addresses that need no quoting in YAML or in a shell."""


def requirement(name: str) -> str:
    """What to pass to `pip install` for a distribution: the repository that it was installed from,
    at the same branch, tag or commit; otherwise its name, which means the latest release. A folder
    on this machine counts as a release, since nobody else can reach it.
    """
    try:
        distribution = importlib.metadata.distribution(name)
        about = json.loads(distribution.read_text("direct_url.json") or "{}")
        vcs = about["vcs_info"]
        revision = vcs.get("requested_revision") or vcs["commit_id"]
        source = f"{vcs['vcs']}+{about['url']}@{revision}"
    except (ImportError, ValueError, LookupError, TypeError, OSError):
        return name
    return source if _PLAIN.fullmatch(source) else name
