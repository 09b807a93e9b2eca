"""How an option names a row: its components, its version where there are several, and whether it
is the tuned one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from vsebench.plugin.errors import SpecError, did_you_mean
from vsebench.report.rows.variants import TUNED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vsebench.report.rows.runs import Run
    from vsebench.report.rows.sections import Section

_OPTION = ",tuned"


def option_name(combination: tuple[str, str]) -> str:
    """What an option takes for a row, without anything to quote: `power@3f2a,triplet,tuned`."""
    text = ",".join(combination)
    return f"{text.removesuffix(TUNED)}{_OPTION}" if text.endswith(TUNED) else text


def parse_row(
    text: str, sections: Sequence[Section], option: str = "--baseline"
) -> tuple[str, str]:
    """The combination that `POOLING,LOSS`, or `SAMPLER,LOSS`, names; with `,tuned` the tuned one
    of two.

    Args:
        text: the name.
        sections: sections in which it is looked for.
        option: option that gave it.

    Raises:
        SpecError: no section has such a row, or several versions of it.
    """
    runs = [run for section in sections for run in section.runs]
    known = {option_name(run.combination): run.combination for run in runs}
    as_shown = {",".join(run.combination): run.combination for run in runs}
    if (found := known.get(text) or as_shown.get(text)) is not None:
        return found
    fitting = dict.fromkeys(run.combination for run in runs if text in _bare(run))
    if len(fitting) == 1:
        return next(iter(fitting))
    if fitting:
        names = [f"'{option_name(each)}'" for each in fitting]
        newest = "--only-newest" if option.startswith("--") else "only_newest=True"
        raise SpecError(
            f"{option} '{text}' names {len(names)} rows, of several versions: write "
            f"{', '.join(names[:-1])} or {names[-1]}, the newest first, or leave the older out "
            f"with {newest}"
        )
    form = " or ".join(
        dict.fromkeys(f"{section.task.compared.upper()},LOSS" for section in sections)
    )
    raise SpecError(
        f"{option} '{text}' is no row: write {form} as the table does; {did_you_mean(text, known)}"
    )


def _bare(run: Run) -> set[str]:
    """What names a run's row where only one fits: without its version; of tuned rows, also that
    they are.
    """
    bare = ",".join(run.record.spec.combination)
    if not run.tuned:
        return {bare}
    return {f"{bare}{_OPTION}"} if run.mark else {bare, f"{bare}{_OPTION}"}
