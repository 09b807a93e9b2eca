"""Suites, their plans, and the running of them.

A `suite` is read (`suite_fields` has its kinds of value, `protocols` what it holds equal, `tuned`
what differs from row to row). `plan` makes its runs by the planner of its task (`plan_retrieval`,
`plan_annotation`, with what they share in `planners`), and `preflight` checks that they can be
made. `run` hands what is left to do to an executor, run by run as a `job`. Ours is `local`: a
process for each (`worker`), which may be forked from one that has loaded what it needs (`forking`,
`fork_server`, `preload`). Begin at `execute`, which all executors call: one run, from its spec to
its record.
"""
