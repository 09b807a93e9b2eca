"""The Python entry point: runs a suite and returns its results."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vsebench.grid.run import run_suite
from vsebench.grid.suite import Suite, load_suite, make_suite, with_options
from vsebench.plugin.host.trackers import tracked
from vsebench.plugin.specs import split_list
from vsebench.report.results import results_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from vsebench.report.results import Results


def run(
    suite: Suite | Path | str | None = None, *, track: Sequence[str] | str = (), **options: Any
) -> Results:
    """Trains every combination and returns the results. Finished runs are skipped and interrupted
    ones resume. Failed runs are counted in `failed_seeds` of their row.

        vsebench.run(dataset="scenes", pooling=["gpo", "maxavg"], loss="triplet", seeds=range(3))

    Args:
        suite: a suite, or the path of a TOML file; by default the options alone.
        track: names of trackers to follow the runs, such as `tensorboard`.
        **options: keys of `vsebench.grid.suite.Suite`, which override the suite: `dataset`,
            `pooling`, `loss`, `sampler`, `seeds`, `epochs`, `protocol`, `set`, `out` and so on. A
            component is a string or a dict with a name; several are a list.

    Raises:
        SpecError: an option, component or parameter is unknown or not allowed.
        VsebenchError: the data cannot be used.
    """
    wanted = _suite(suite, options)
    names = split_list(track) if isinstance(track, str) and track else track
    with tracked(names, wanted.plugin):
        outcome = run_suite(wanted)
    return results_of(outcome.out, outcome.run_ids)


def _suite(suite: Suite | Path | str | None, options: dict[str, Any]) -> Suite:
    where = "vsebench.run"
    if suite is None:
        return make_suite(options, where)
    if isinstance(suite, Suite):
        given = suite.model_dump(exclude_unset=True)
        return with_options(given, options, where) if options else suite
    return load_suite(suite, options, where)
