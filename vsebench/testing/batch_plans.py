"""The promises of batch plans."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from vsebench.plugin import Key
from vsebench.testing.check import promise
from vsebench.testing.subject import DIM
from vsebench.testing.trial import Trial

if TYPE_CHECKING:
    from vsebench.testing.subject import Subject

BATCH = 4


def _plan(plan: Any, epoch: int, n: int) -> np.ndarray:
    """The plan of an epoch; embeddings, where it needs them, are random unit vectors."""
    embeddings = None
    if getattr(plan, "needs_embeddings", False):
        vectors = np.random.default_rng(n).standard_normal((2, n, DIM)).astype(np.float32)
        embeddings = tuple(vectors / np.linalg.norm(vectors, axis=2, keepdims=True))
    order: np.ndarray = plan.plan(epoch, n, embeddings, Key(3) / "order")
    return order


def _trial(subject: Subject, n: int) -> Trial:
    code = (
        "from vsebench.plugin import Key; from vsebench.testing import build; "
        f"{subject.source(batch_size=BATCH)}.plan(0, {n}, None, Key(3) / 'order')"
    )
    return Trial(f"{n} captions in batches of {BATCH}", code)


@promise
def visits_every_caption_once(subject: Subject) -> None:
    """Each epoch is a permutation of all captions, int64 [n]."""
    for n in (0, 1, 7, 100):
        with _trial(subject, n) as case:
            order = _plan(subject.build(batch_size=BATCH), 0, n)
            case.require(
                order.dtype == np.int64,
                "its order has the wrong dtype",
                expected="int64",
                found=str(order.dtype),
            )
            seen, missing = order.tolist(), n - len(np.unique(order))
            case.require(
                sorted(seen) == list(range(n)),
                "it is no permutation",
                expected=f"0 to {n - 1}, once each",
                found=f"{missing} missing of {n}",
            )


@promise
def is_a_function_of_its_arguments(subject: Subject) -> None:
    """The same epoch and key give the same order, whatever was planned before, so that runs can be
    resumed.
    """
    with _trial(subject, 50) as case:
        plan = subject.build(batch_size=BATCH)
        first = _plan(plan, 1, 50)
        _plan(plan, 2, 50)
        for again in (plan, subject.build(batch_size=BATCH)):
            same = np.array_equal(_plan(again, 1, 50), first)
            case.require(
                same,
                "the same epoch and key give another order",
                expected="the same order",
                found="another one",
            )


PROMISES = (visits_every_caption_once, is_a_function_of_its_arguments)
