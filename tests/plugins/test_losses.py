"""Every retrieval loss against loops over nested lists; what every loss promises is checked in
test_conformance.
"""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch.nn.functional import normalize
from torch.testing import assert_close

from tests.oracles import contrastive
from tests.oracles import losses as oracle
from vsebench.plugin import LossInputs, LossOutput, SpecError
from vsebench_plugins.adaptive.loss import Adaptive
from vsebench_plugins.aoq.loss import AOQ, OfflineScores
from vsebench_plugins.aoq.negatives import ROLES
from vsebench_plugins.classic.losses import SumHinge, Triplet, sum_hinge_loss, triplet_loss
from vsebench_plugins.contrastive.losses import InfoNCE, SelHN, SigLIP

if TYPE_CHECKING:
    from torch import Tensor

F4 = torch.tensor([[0.5, 0.4, 0.45], [0.6, 0.7, 0.2], [0.0, 0.3, 0.9]])
F5 = OfflineScores(
    *(
        torch.tensor(s)
        for s in ([0.55, 0.6, 0.2], [0.45, 0.75, 0.4], [0.5, 0.8, 0.1], [0.6, 0.5, 0.95])
    )
)


def pairs(
    batch: int, *, siblings: bool = False, dtype: torch.dtype = torch.float64, seed: int = 0
) -> LossInputs:
    """Random embeddings; with `siblings`, pairs 1 and 2 share an image, which `positives` says."""
    generator = torch.Generator().manual_seed(seed)
    vectors = [
        normalize(torch.randn(batch, 4, generator=generator, dtype=torch.float64), dim=1).to(dtype)
        for _ in range(6)
    ]
    positives = torch.eye(batch, dtype=torch.bool)
    if siblings:
        vectors[0][2] = vectors[0][1]
        positives[1, 2] = positives[2, 1] = True
    offline = dict(zip(ROLES, vectors[2:], strict=True))
    return LossInputs(vectors[0], vectors[1], positives, offline=offline)


def expected(loss: Any, inputs: LossInputs) -> float:
    scores, positives = inputs.similarity.double().tolist(), inputs.positives.tolist()
    if isinstance(loss, InfoNCE | SigLIP | SelHN | Adaptive):
        return expected_contrastive(loss, scores, positives)
    if isinstance(loss, SumHinge):
        total = oracle.sum_hinge(scores, positives, loss.margin)
    elif isinstance(loss, Triplet):
        total = oracle.triplet(scores, positives, loss.margin)
    else:
        negatives = inputs.offline
        assert negatives is not None
        dots = (
            (inputs.image, negatives["text3"]),
            (negatives["image3"], inputs.text),
            (negatives["image3"], negatives["text3"]),
            (negatives["image4"], negatives["text4"]),
        )
        offline = tuple((a.double() * b.double()).sum(dim=1).tolist() for a, b in dots)
        keys = ("margin", "offline_margin", "alpha", "beta", "clamp_weight")
        online, same_anchor, no_anchor = oracle.aoq(
            scores, positives, offline, **{k: getattr(loss, k) for k in keys}
        )
        if loss.terms != "full":
            online = oracle.triplet(scores, positives, loss.margin)
        total = online + same_anchor + (0 if loss.terms == "offtri" else no_anchor)
    return total / len(scores) if loss.reduction == "mean" else total


def expected_contrastive(
    loss: InfoNCE | SigLIP | SelHN | Adaptive,
    scores: list[list[float]],
    positives: list[list[bool]],
) -> float:
    if isinstance(loss, InfoNCE):
        return contrastive.infonce(
            scores,
            positives,
            scale=float(torch.as_tensor(loss.scale()).detach()),
            margin=loss.margin,
        )
    if isinstance(loss, SigLIP):
        return contrastive.siglip(
            scores, positives, scale=loss.log_scale.exp().item(), bias=loss.bias.item()
        )
    if isinstance(loss, SelHN):
        return contrastive.selhn(scores, positives, margin=loss.margin, epsilon=loss.epsilon)
    n = (
        contrastive.adaptive_count(scores, loss.scale)
        if loss.mode == "adaptive"
        else min(loss.const, len(scores) - 1)
    )
    return contrastive.adaptive(
        scores, positives, n, temperature=loss.tau, margin=loss.margin, reference=loss.reference
    )


def value(loss: Any, inputs: LossInputs) -> Tensor:
    out = loss(inputs)
    return out.loss if isinstance(out, LossOutput) else out


LOSSES = [
    SumHinge(),
    SumHinge(margin=0.7, reduction="mean"),
    Triplet(),
    Triplet(margin=0.05, reduction="mean"),
    AOQ(),
    AOQ(margin=0.4, offline_margin=0.1, alpha=0.2, beta=0.5, reduction="mean"),
    AOQ(alpha=0.1, beta=0.3, clamp_weight=True),
    AOQ(detach_weight=True),
    AOQ(terms="offtri"),
    AOQ(terms="offquin", margin=0.4, offline_margin=0.1),
    InfoNCE(),
    InfoNCE(temperature=0.5, margin=0.3),
    InfoNCE(learned=True),
    SigLIP(),
    SigLIP(scale=3.0, bias=0.5),
    SelHN(),
    SelHN(margin=0.4, epsilon=0.5),
    Adaptive(),
    Adaptive(tau=0.3, margin=0.0, scale=1.5),
    Adaptive(mode="constant", const=2),
    Adaptive(reference=True),
    Adaptive(mode="constant", const=4, tau=0.2, reference=True),
]
EACH_LOSS = pytest.mark.parametrize("loss", LOSSES, ids=repr)


@EACH_LOSS
@pytest.mark.parametrize("batch", [1, 2, 7])
@pytest.mark.parametrize("seed", range(3))
def test_equals_the_loop(loss: Any, batch: int, seed: int) -> None:
    inputs = pairs(batch, seed=seed)
    assert value(loss, inputs).item() == pytest.approx(expected(loss, inputs), rel=1e-9, abs=1e-12)


@EACH_LOSS
def test_masked_siblings_are_no_negatives(loss: Any) -> None:
    inputs = pairs(6, siblings=True)
    assert value(loss, inputs).item() == pytest.approx(expected(loss, inputs), rel=1e-9)
    unmasked = dataclasses.replace(inputs, positives=torch.eye(6, dtype=torch.bool))
    assert value(loss, unmasked).item() == pytest.approx(expected(loss, unmasked), rel=1e-9)


@EACH_LOSS
def test_without_any_negative_there_is_no_online_loss(loss: Any) -> None:
    inputs = dataclasses.replace(pairs(3), positives=torch.ones(3, 3, dtype=torch.bool))
    inputs.image.requires_grad_()
    inputs = dataclasses.replace(inputs, similarity=inputs.image @ inputs.text.T)
    out = value(loss, inputs)
    assert out.item() == pytest.approx(expected(loss, inputs), abs=1e-12)
    out.backward()
    assert inputs.image.grad is not None
    assert inputs.image.grad.isfinite().all()


@EACH_LOSS
def test_collapsed_embeddings_sit_on_the_plateau(loss: Any) -> None:
    inputs = pairs(5)
    one = inputs.image[:1].expand(5, 4)
    collapsed = LossInputs(one, one, inputs.positives, offline=dict.fromkeys(ROLES, one))
    assert value(loss, collapsed).item() == pytest.approx(expected(loss, collapsed), rel=1e-9)
    if isinstance(loss, Triplet) and loss.reduction == "sum":
        assert value(loss, collapsed).item() == pytest.approx(2 * 5 * loss.margin)


@EACH_LOSS
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_lower_precision_scores_are_added_up_in_float32(loss: Any, dtype: torch.dtype) -> None:
    inputs = pairs(9, dtype=dtype)
    out = value(loss, inputs)
    assert out.dtype == torch.float32
    assert out.item() == pytest.approx(expected(loss, inputs), rel=1e-4)
    with torch.autocast("cpu", torch.bfloat16):
        assert value(loss, inputs).item() == pytest.approx(out.item(), rel=1e-6)


@EACH_LOSS
def test_a_nan_score_is_not_hidden(loss: Any) -> None:
    inputs = pairs(4)
    scores = inputs.similarity.clone()
    scores[1, 2] = math.nan
    assert value(loss, dataclasses.replace(inputs, similarity=scores)).isnan()


@EACH_LOSS
def test_reads_the_similarity_it_is_given(loss: Any) -> None:
    inputs = pairs(4)
    other = dataclasses.replace(inputs, similarity=pairs(4, seed=5).similarity)
    assert value(loss, other).item() == pytest.approx(expected(loss, other), rel=1e-9)


def test_fixture_f4() -> None:
    positives = torch.eye(3, dtype=torch.bool)
    assert sum_hinge_loss(F4, positives, 0.2).sum().item() == pytest.approx(0.65)
    assert triplet_loss(F4, positives, 0.2).sum().item() == pytest.approx(0.55)


def test_fixture_f5() -> None:
    terms = AOQ().parts(F4, torch.eye(3, dtype=torch.bool), F5)
    assert_close(terms.weight_text, torch.tensor([1.16667, 1.5, 1.83333]), rtol=1e-5, atol=1e-5)
    assert_close(terms.weight_image, torch.tensor([2, 0.33333, 1.66667]), rtol=1e-5, atol=1e-5)
    sums = [part.sum().item() for part in (terms.online, terms.offline, terms.cross)]
    assert sums == pytest.approx([0.925, 0.10, 0.25])
    assert sum(sums) == pytest.approx(1.275)


@pytest.mark.parametrize("function", [sum_hinge_loss, triplet_loss])
def test_gradcheck_of_the_classic_losses(function: Any) -> None:
    # Siblings with scores of their own: no ties
    inputs = dataclasses.replace(pairs(5), positives=pairs(5, siblings=True).positives)
    scores = inputs.similarity.detach().requires_grad_()
    assert torch.autograd.gradcheck(lambda s: function(s, inputs.positives, 0.2), scores)


@pytest.mark.parametrize("clamp", [False, True])
def test_gradcheck_of_aoq(clamp: bool) -> None:
    inputs = dataclasses.replace(pairs(5), positives=pairs(5, siblings=True).positives)
    scores = [
        inputs.similarity.detach().requires_grad_(),
        *(t.double().repeat(2)[:5].requires_grad_() for t in F5),
    ]

    def total(similarity: Tensor, *offline: Tensor) -> Tensor:
        loss = AOQ(alpha=0.1, clamp_weight=clamp)
        terms = loss.parts(similarity, inputs.positives, OfflineScores(*offline))
        return terms.online + terms.offline + terms.cross

    assert torch.autograd.gradcheck(total, scores)


@pytest.mark.parametrize("detach", [False, True])
def test_aoq_weights_carry_gradients_as_published_unless_detached(detach: bool) -> None:
    """With the offline hinges inactive, only the weights pass a gradient to the offline scores:
    −hinge / alpha.
    """
    offline = OfflineScores(*(torch.full((3,), -0.5, requires_grad=True) for _ in range(4)))
    terms = AOQ(detach_weight=detach).parts(F4, torch.eye(3, dtype=torch.bool), offline)
    (terms.online + terms.offline + terms.cross).sum().backward()
    hinge = torch.tensor([0.15, 0.1, 0.0])
    assert offline.text.grad is not None or detach
    if offline.text.grad is not None:
        assert_close(offline.text.grad, torch.zeros(3) if detach else -hinge / 0.3)


def test_aoq_weights_may_be_negative_as_published_unless_clamped() -> None:
    hard = OfflineScores(*(torch.full((3,), 2.0) for _ in range(4)))
    plain = AOQ().parts(F4, torch.eye(3, dtype=torch.bool), hard)
    clamped = AOQ(clamp_weight=True).parts(F4, torch.eye(3, dtype=torch.bool), hard)
    assert (plain.weight_text < 0).all()
    assert plain.online.sum() < 0
    assert (clamped.weight_text == 0).all()
    assert (clamped.online == 0).all()


def test_aoq_reports_weights_and_active_hinges_without_gradients() -> None:
    inputs = dataclasses.replace(pairs(3), similarity=F4.clone().requires_grad_())
    output = AOQ()(inputs)
    assert set(output.diagnostics) == {
        "weight_text",
        "weight_image",
        "active_online",
        "active_offline",
        "active_cross",
    }
    assert not any(scalar.requires_grad or scalar.ndim for scalar in output.diagnostics.values())
    assert output.diagnostics["active_online"].item() == pytest.approx(2 / 3)


def test_aoq_says_what_it_lacks() -> None:
    with pytest.raises(SpecError, match=r"'aoq' got no offline negatives .* warm-up loss"):
        AOQ()(dataclasses.replace(pairs(3), offline=None))
