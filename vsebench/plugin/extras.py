"""Libraries that come with an extra of the package, so that evaluation installs without them."""

from __future__ import annotations

from importlib.util import find_spec

from vsebench.plugin.errors import MissingExtraError


def require(library: str, *, extra: str, purpose: str) -> None:
    """Refuses what cannot be done without a library, before it is begun.

    Args:
        library: name of its module.
        extra: name of the extra that installs it.
        purpose: what needs it, as the message's subject, in the plural.

    Raises:
        MissingExtraError: it is not installed.
    """
    if find_spec(library) is None:
        raise MissingExtraError(
            f"{purpose} need {library}, which is not installed: pip install 'vsebench[{extra}]'"
        )
