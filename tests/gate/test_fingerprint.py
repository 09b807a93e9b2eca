from __future__ import annotations

import pytest

from tests.factories import make_spec
from vsebench.gate.fingerprint import Fingerprint, Machine, Trace, in_common, row_of

MACHINE = Machine(
    cpu="a CPU", matmul="default", kernels="auto", threads=1, libraries={"torch": "2.9"}
)
TRACE = Trace(steps="a b c d", test="t")


@pytest.mark.parametrize(
    ("now", "said"),
    [
        (TRACE, None),
        (Trace(steps="a b x d", test="t"), "since evaluation 3 of 4"),
        (Trace(steps="a b x y", test="u"), "since evaluation 3 of 4"),
        (Trace(steps="a b c", test="t"), "3 evaluations instead of 4"),
        (Trace(steps="a b c d", test="u"), "in the test ranks alone"),
        (Trace(steps="", error="ValueError: no"), "fails: ValueError: no"),
    ],
)
def test_since_when(now, said):
    assert TRACE.first_change(now) == said


def test_new_rows_are_named_and_gone_ones_are_not():
    before = Fingerprint(machine=MACHINE, rows={"a": TRACE, "gone": TRACE})
    now = Fingerprint(machine=MACHINE, rows={"a": TRACE, "b": TRACE})
    assert before.changes(now) == {"b": "new"}


ROWS = {
    row_of(run): run
    for run in (
        make_spec(pooling, loss) for pooling in ("gpo", "mean") for loss in ("triplet", "aoq")
    )
}


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (["gpo,triplet", "gpo,aoq"], ["pooling gpo"]),
        (["gpo,aoq", "mean,aoq"], ["loss aoq"]),
        (["gpo,aoq", "gpo,triplet", "mean,aoq"], ["pooling gpo", "loss aoq"]),
        (["mean,aoq"], []),
        (list(ROWS), []),
        ([], []),
    ],
)
def test_what_changed_rows_have_in_common(changed, said):
    assert in_common(ROWS, changed) == said
