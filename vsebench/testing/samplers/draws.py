"""What a sampler returns, and what a draw may depend on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from vsebench.plugin import DrawKey, Draws, SamplerState
from vsebench.plugin.sampling import NOTHING
from vsebench.testing.check import NotCheckedError, promise
from vsebench.testing.devices import need_cuda
from vsebench.testing.samplers.world import (
    EVERY_LABEL,
    KEY,
    LABELS,
    LEFT,
    NO_LABEL,
    ONE_LEFT,
    OTHER,
    PLAIN,
    World,
    check_same_law,
    counts,
    draw,
    positive_of,
    ready,
    trial,
)
from vsebench.testing.trial import Trial

if TYPE_CHECKING:
    from vsebench.testing.subject import Subject


@promise
def gives_draws_of_the_right_kind(subject: Subject) -> None:
    """It gives labels, trials and weights [B, k] of the right dtypes and ranges, for an empty batch
    too.
    """
    state = World().state()
    for count, k in ((50, 3), (0, 2)):
        with trial(subject, count=count, note=f"k = {k}") as case:
            drawn = draw(ready(subject.build(), state), state, PLAIN, count, k)
            case.require(
                isinstance(drawn, Draws), "it does not return Draws", found=type(drawn).__name__
            )
            for name, dtype in (
                ("negatives", torch.int64),
                ("trials", torch.int64),
                ("weight", torch.float32),
            ):
                tensor = getattr(drawn, name)
                case.require(
                    tuple(tensor.shape) == (count, k),
                    f"its {name} have the wrong shape",
                    expected=f"[{count}, {k}]",
                    found=str(list(tensor.shape)),
                )
                case.require(
                    tensor.dtype == dtype,
                    f"its {name} have the wrong dtype",
                    expected=str(dtype),
                    found=str(tensor.dtype),
                )
            _check_ranges(case, drawn)


def _check_ranges(case: Trial, drawn: Draws) -> None:
    labels, found = drawn.negatives, drawn.negatives != NOTHING
    case.require(
        bool((labels[found] >= 0).all() and (labels < LABELS).all()),
        "it draws labels that do not exist",
        expected=f"0 to {LABELS - 1}",
    )
    case.require(
        bool((drawn.trials[found] >= 1).all()),
        "a draw that found something took no trial",
        expected="at least 1",
        found="0 or less",
    )
    case.finite(drawn.weight, "its weights are not finite")
    case.require(
        bool((drawn.weight >= 0).all()),
        "a weight is negative",
        expected="at least 0",
        found=f"{drawn.weight.min().item() if len(labels) else 0:.6g}",
    )


@promise
def never_draws_a_positive(subject: Subject) -> None:
    """No draw is a training positive of its image, unless `may_draw_positives` says that it may
    be.
    """
    sampler, state = subject.build(), World().state()
    if sampler.may_draw_positives:
        raise NotCheckedError("it says that it may draw positives (may_draw_positives)")
    ready(sampler, state)
    for image in range(len(state.positives)):
        with trial(subject, image=image, count=500) as case:
            own = set(draw(sampler, state, image, 500).negatives.flatten().tolist()) & set(
                state.positives.row(image).tolist()
            )
            what = "it draws training positives of the image, and may_draw_positives is false"
            case.require(not own, what, expected="other labels", found=f"its labels {sorted(own)}")


@promise
def knows_edge_anchors(subject: Subject) -> None:
    """An image that lacks one label gets that one or nothing; one that has every label gets
    nothing, after no trial, at weight 1.
    """
    sampler, state = subject.build(), World().state()
    if sampler.may_draw_positives:
        raise NotCheckedError("it says that it may draw positives (may_draw_positives)")
    ready(sampler, state)
    with trial(subject, image=ONE_LEFT, count=100) as case:
        found = set(draw(sampler, state, ONE_LEFT, 100).negatives.flatten().tolist())
        case.require(
            found <= {LEFT, NOTHING},
            "it misses the only label that is left",
            expected=f"{LEFT} or {NOTHING}",
            found=str(sorted(found)),
        )
    with trial(subject, image=EVERY_LABEL, count=100) as case:
        drawn = draw(sampler, state, EVERY_LABEL, 100)
        case.require(
            bool((drawn.negatives == NOTHING).all()),
            "it draws a label for an image that has them all",
            expected=f"{NOTHING}, nothing",
        )
        case.require(
            bool((drawn.trials == 0).all()),
            "it counts trials where there is nothing to try",
            expected="0",
            found=str(drawn.trials.max().item()),
        )
        case.require(
            bool((drawn.weight == 1).all()),
            "it weighs a draw of nothing",
            expected="1",
            found=str(drawn.weight.max().item()),
        )


@promise
def same_key_same_draws(subject: Subject) -> None:
    """The same key gives the same draws, in another instance too, whatever was drawn before; the
    global generators have no part in it.
    """
    state = World().state()
    with trial(subject, count=200, note="twice") as case:
        sampler, other = ready(subject.build(), state), ready(subject.build(seed=1), state)
        first = draw(sampler, state, PLAIN, 200).negatives
        draw(sampler, state, PLAIN, 77, key=DrawKey(5, 6))
        torch.manual_seed(12345)
        for again in (sampler, other):
            found = draw(again, state, PLAIN, 200).negatives
            case.close(found, first, "the same key gives other draws", expected="the same draws")


@promise
def another_key_gives_other_draws(subject: Subject) -> None:
    """Another step or another seed gives other draws, unless the law has one label only."""
    state = World().state()
    with trial(subject, count=200, note="of three keys") as case:
        sampler = ready(subject.build(), state)
        draws = [
            draw(sampler, state, PLAIN, 200, key=key).negatives
            for key in (KEY, DrawKey(KEY.seed, KEY.step + 1), DrawKey(KEY.seed + 1, KEY.step))
        ]
        if bool((draws[0] == draws[0][0]).all()):
            raise NotCheckedError("it draws one and the same label")
        for name, other in zip(("step", "seed"), draws[1:], strict=True):
            case.require(
                not torch.equal(draws[0], other),
                f"another {name} gives the same draws",
                expected="other draws",
            )


@promise
def a_draw_depends_on_its_number_only(subject: Subject) -> None:
    """Draw (b, c) is number b·k + c of its key: the size of the batch, k and the other pairs do not
    change it.
    """
    state = World().state()
    with trial(
        subject, count=64, note="whole, cut short, two for each pair, and beside other images"
    ) as case:
        sampler = ready(subject.build(), state)
        whole = draw(sampler, state, PLAIN, 64).negatives
        case.close(
            draw(sampler, state, PLAIN, 10).negatives,
            whole[:10],
            "the size of the batch changes a draw",
            expected="the same first draws",
        )
        paired = draw(sampler, state, PLAIN, 32, k=2).negatives.flatten()
        case.close(
            paired,
            whole.flatten(),
            "draws are not numbered b·k + c",
            expected="the same draws for 32 pairs with k = 2",
        )
        anchors = torch.full((64,), PLAIN)
        anchors[1::2] = 5
        positives = torch.tensor([positive_of(state, int(anchor)) for anchor in anchors])
        mixed = sampler.sample(state, anchors, positives, 1, KEY).negatives
        case.close(
            mixed[::2],
            whole[::2],
            "the other pairs of a batch change a draw",
            expected="the same draws for the same pairs",
        )


@promise
def rows_may_be_other_images(subject: Subject) -> None:
    """Where `state.images` says which image each vector is of, positives are those of that
    image.
    """
    state = World().state()
    with trial(subject, count=200, note="its vector in another row") as case:
        images = torch.tensor([7, PLAIN, 7])
        moved = SamplerState(state.P[images], state.Q, state.positives, images)
        pairs = torch.ones(200, dtype=torch.int64), torch.full((200,), positive_of(state, PLAIN))
        found = ready(subject.build(), moved).sample(moved, *pairs, 1, KEY).negatives
        wanted = draw(ready(subject.build(), state), state, PLAIN, 200).negatives
        case.close(
            found,
            wanted,
            "it takes a row of P for the image of that number: use state.images_of(anchors)",
            expected="the draws of that image",
        )


def draw_on(device: str, sampler: Any) -> Draws:
    """Three draws for each of five images, of vectors on a device."""
    world = World().state()
    images = [PLAIN, OTHER, ONE_LEFT, EVERY_LABEL, NO_LABEL]
    state = SamplerState(world.P.to(device), world.Q.to(device), world.positives)
    pairs = [
        torch.tensor(each).to(device)
        for each in (images, [positive_of(world, image) for image in images])
    ]
    drawn: Draws = ready(sampler, state).sample(state, *pairs, 3, KEY)
    return drawn


@promise
def follows_the_device_of_its_inputs(subject: Subject) -> None:
    """It works wherever its inputs are: tested on CUDA, which refuses tensors of the CPU."""
    device = need_cuda()
    code = (
        "from vsebench.testing import build; from vsebench.testing.samplers.draws import "
        f"draw_on; draw_on('{device}', {subject.source()})"
    )
    with Trial("3 draws for each of five images, on CUDA", code) as case:
        drawn = draw_on(str(device), subject.build())
        for name in ("negatives", "trials", "weight"):
            found = getattr(drawn, name).device.type
            case.require(
                found == device.type,
                f"its {name} are made on the CPU whatever the device of its inputs: pass device=…",
                expected="tensors on the inputs' device",
                found=found,
            )


@promise
def cuda_has_the_same_law(subject: Subject) -> None:
    """On CUDA it draws each label as often as on the CPU (chi-square)."""
    device, state = need_cuda(), World().state()
    with trial(subject, count=20_000, note="on CUDA") as case:
        there = SamplerState(state.P.to(device), state.Q.to(device), state.positives)
        pairs = (
            torch.full((20_000,), PLAIN, device=device),
            torch.full((20_000,), positive_of(state, PLAIN), device=device),
        )
        found = ready(subject.build(), there).sample(there, *pairs, 1, DrawKey(8, 9)).negatives
        case.require(
            found.device.type == "cuda",
            "it leaves the device of its inputs",
            expected="cuda",
            found=str(found.device),
        )
        wanted = draw(ready(subject.build(), state), state, PLAIN, 20_000).negatives
        check_same_law(
            case,
            counts(found.cpu(), LABELS),
            counts(wanted, LABELS),
            "CUDA has another law than the CPU",
        )
