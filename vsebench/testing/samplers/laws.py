"""What a sampler draws with which chance, and what it remembers of its last refresh."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from vsebench.kernels.compiled import array, numba_works
from vsebench.plugin import SamplerState
from vsebench.testing.check import NotCheckedError, promise
from vsebench.testing.samplers.world import (
    KEY,
    LABELS,
    NO_LABEL,
    OTHER,
    PLAIN,
    World,
    check_law,
    check_same_law,
    counts,
    draw,
    positive_of,
    ready,
    trial,
)

if TYPE_CHECKING:
    from vsebench.testing.subject import Subject

DRAWS = 20_000
COUNT = 400


@promise
def draws_follow_its_law(subject: Subject) -> None:
    """Draws follow `law(state, anchor, positive)`, a distribution that has no chance for the
    image's own labels (chi-square).
    """
    sampler, state = subject.build(), World().state()
    if not hasattr(sampler, "law"):
        raise NotCheckedError(
            "it declares no law: a method law(state, anchor, positive) that returns the chance of "
            "each label, float64 [A]"
        )
    ready(sampler, state)
    for image in (PLAIN, OTHER, NO_LABEL):
        with trial(subject, image=image, count=DRAWS) as case:
            law = np.asarray(sampler.law(state, image, positive_of(state, image)), np.float64)
            case.require(
                law.shape == (LABELS,),
                "its law has the wrong shape",
                expected=f"[{LABELS}]",
                found=str(list(law.shape)),
            )
            case.require(
                bool((law >= 0).all()) and abs(law.sum() - 1) < 1e-9,
                "its law is no distribution",
                expected="a sum of 1",
                found=f"{law.sum():.9g}",
            )
            own = law[state.positives.row(image)].sum()
            what = "its law has a chance for training positives, and may_draw_positives is false"
            case.require(
                sampler.may_draw_positives or own == 0, what, expected="0", found=f"{own:.6g}"
            )
            check_law(
                case,
                counts(draw(sampler, state, image, DRAWS).negatives, LABELS),
                law,
                "its draws do not follow its law",
            )


@promise
def its_kernel_has_the_same_law(subject: Subject) -> None:
    """The numba function of `kernel()`, where it has one, draws each label as often as `sample`
    does (chi-square).
    """
    sampler, state = subject.build(), World().state()
    if not hasattr(sampler, "kernel"):
        raise NotCheckedError(
            "it has no kernel(), so that its runs need --set engine=minibatch "
            "(docs/plugins/sampler.md)"
        )
    if not numba_works():
        raise NotCheckedError("numba cannot be imported here")
    ready(sampler, state)
    for image in (PLAIN, OTHER):
        with trial(subject, image=image, count=DRAWS, note="and as many of its kernel") as case:
            from_kernel = counts(torch.from_numpy(_kernel_draws(sampler, state, image)), LABELS)
            sampled = counts(draw(sampler, state, image, DRAWS).negatives, LABELS)
            check_same_law(case, from_kernel, sampled, "its kernel has another law than sample()")


@promise
def needs_no_vectors_where_it_says_so(subject: Subject) -> None:
    """Where it declares `reads_vectors = False`, it draws the same without vectors: from P and Q of
    no columns.
    """
    sampler, state = subject.build(), World().state()
    if getattr(sampler, "reads_vectors", True):
        raise NotCheckedError(
            "it reads vectors: one that does not spares the retrieval task a table of embeddings "
            "by reads_vectors = False"
        )
    bare = SamplerState(state.P[:, :0], state.Q[:, :0], state.positives)
    with trial(subject, count=200, note="with vectors of no factors") as case:
        found = draw(ready(subject.build(), bare), bare, PLAIN, 200).negatives
        case.close(
            found,
            draw(ready(sampler, state), state, PLAIN, 200).negatives,
            "it reads vectors, and says not to",
            expected="the same draws",
        )


def _kernel_draws(sampler: Any, state: SamplerState, image: int) -> np.ndarray:
    """Labels int64 [DRAWS, 1] from its kernel, of other random numbers than `sample` gets."""
    from vsebench.kernels.draws_numba import draw_batch

    kernel, rows = sampler.kernel(), state.positives
    images, positive = np.full(DRAWS, image), np.full(DRAWS, positive_of(state, image))
    out = (
        np.empty((DRAWS, 1), np.int64),
        np.empty((DRAWS, 1), np.int64),
        np.empty((DRAWS, 1), np.float32),
    )
    vectors = array(state.P), array(state.Q)
    draw_batch(
        kernel.draw,
        tuple(kernel.tables),
        images,
        images,
        positive,
        KEY.stream + 1,
        *vectors,
        rows.offsets,
        rows.labels,
        out,
    )
    return out[0]


@promise
def says_when_to_refresh(subject: Subject) -> None:
    """`refresh_every` gives a positive number of updates, or None where the refresh at the start is
    enough.
    """
    with trial(subject, note="for 1 to 1,000,000 labels") as case:
        sampler = subject.build()
        for n_labels in (1, 2, LABELS, 1000, 1_000_000):
            every = sampler.refresh_every(n_labels)
            valid = every is None or (isinstance(every, int) and every >= 1)
            case.require(
                valid,
                f"refresh_every({n_labels}) is no number of updates",
                expected="an int of at least 1, or None",
                found=repr(every),
            )


@promise
def a_refresh_forgets_the_past(subject: Subject) -> None:
    """After a refresh it draws as a fresh instance refreshed there would: tables are made anew, and
    twice is as good as once.
    """
    before, after = World().state(), World(seed=1).state()
    with trial(
        subject, World(seed=1), count=COUNT, note="after a refresh on other vectors"
    ) as case:
        old = ready(subject.build(), before)
        draw(old, before, PLAIN, COUNT)
        found = draw(ready(old, after), after, PLAIN, COUNT).negatives
        wanted = draw(ready(subject.build(), after), after, PLAIN, COUNT).negatives
        case.close(
            found,
            wanted,
            "a refresh does not bring its tables up to date",
            expected="as a fresh instance",
        )
        again = draw(ready(old, after), after, PLAIN, COUNT).negatives
        case.close(
            again,
            wanted,
            "a second refresh on the same vectors changes the draws",
            expected="the same draws",
        )


@promise
def its_tables_can_be_saved(subject: Subject) -> None:
    """Between two refreshes, a fresh instance draws like it, by loading its state dict where it has
    one: a run can be resumed there.
    """
    sampler = subject.build()
    if sampler.refresh_every(LABELS) is None and not hasattr(sampler, "state_dict"):
        raise NotCheckedError("it is refreshed at the start only and keeps no tables")
    before, after = World().state(), World(seed=1).state()
    now = SamplerState(after.P, after.Q, before.positives)
    with trial(
        subject,
        count=COUNT,
        note="after the vectors have moved, and in an instance that was resumed there",
    ) as case:
        ready(sampler, before)
        wanted = draw(sampler, now, PLAIN, COUNT).negatives
        resumed = ready(subject.build(), now)
        if hasattr(sampler, "state_dict"):
            resumed.load_state_dict(sampler.state_dict())
        what = (
            "its tables of the last refresh are lost when a run is resumed: give it state_dict() "
            "and load_state_dict()"
        )
        case.close(
            draw(resumed, now, PLAIN, COUNT).negatives, wanted, what, expected="the same draws"
        )
