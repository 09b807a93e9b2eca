"""The promises of executors."""

from __future__ import annotations

from vsebench.testing.executors import promises

PROMISES = (
    promises.executes_every_run_once,
    promises.what_a_run_needs_comes_first,
    promises.reports_in_order,
    promises.a_failed_run_stops_no_other,
    promises.a_killed_run_is_reported,
    promises.a_busy_run_is_put_off,
    promises.a_run_that_others_end_has_ended,
    promises.an_interrupt_leaves_no_process,
    promises.gives_the_records_of_the_local_executor,
)
