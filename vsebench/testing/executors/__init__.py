"""The promises of executors."""

from __future__ import annotations

from vsebench.testing.executors import ends, order

PROMISES = (
    order.executes_every_run_once,
    order.what_a_run_needs_comes_first,
    order.reports_in_order,
    ends.a_failed_run_stops_no_other,
    ends.a_killed_run_is_reported,
    ends.a_busy_run_is_put_off,
    ends.an_interrupt_leaves_no_process,
    ends.gives_the_records_of_the_local_executor,
)
