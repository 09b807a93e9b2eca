"""What the commands that worked in a folder asked for: which runs, and in which order."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from pydantic_core import from_json

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

PLAN = "plan.json"
"""Where a folder keeps it."""


@dataclass(frozen=True)
class Noted:
    """The note of a folder.

    A run is a row of the folder's table unless every command that planned it needed it for another
    run only. Where that is not known, because the run was copied here or noted by an older release,
    it is a row: one too many is seen, one too few is not.

    Attributes:
        run_ids: runs in the order in which they were first planned, which is that of the rows.
        support: those of them that every command needed for another run only.
    """

    run_ids: tuple[str, ...] = ()
    support: frozenset[str] = frozenset()

    @classmethod
    def parse(cls, text: str) -> Self:
        """The note from its JSON.

        Raises:
            ValueError, KeyError, TypeError: it is not one.
        """
        content = from_json(text)
        return cls(
            tuple(str(run_id) for run_id in content["run_ids"]),
            frozenset(str(run_id) for run_id in content.get("support", ())),
        )

    def text(self) -> str:
        """The note as JSON; without support runs as older releases wrote it."""
        support = [run_id for run_id in self.run_ids if run_id in self.support]
        content = {"run_ids": self.run_ids, **({"support": support} if support else {})}
        return json.dumps(content, indent=1) + "\n"

    def rows(self, held: Collection[str]) -> set[str]:
        """Which runs are rows, of all that the folder holds.

        With a run that no command planned the folder was put together by hand, and any of its runs
        may have been a row where it came from.
        """
        return set(held) - self.support if set(held) <= set(self.run_ids) else set(held)

    def after(self, run_ids: Sequence[str], support: Collection[str]) -> Self:
        """With one more plan: ids noted before keep their place, and rows stay rows.

        Args:
            run_ids: every run of the plan, in its order.
            support: those of them that it needs for others only.
        """
        unknown = set(support) - set(self.run_ids)
        rows = set(run_ids) - set(support)
        return type(self)(
            tuple(dict.fromkeys([*self.run_ids, *run_ids])), (self.support | unknown) - rows
        )
