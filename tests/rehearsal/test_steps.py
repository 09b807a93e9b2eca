"""A dress rehearsal of training steps on a CUDA device that computes nothing: every pooling, loss
and encoder takes whole steps in which the host never waits and no devices mix, of batches that
have few shapes.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest
import torch

from tests.rehearsal.pretended_cuda import CUDA, HostWaitError
from tests.rehearsal.rehearsing import REGISTRY, SIZE, STEPS, steps
from tests.retrieval.conftest import REGIONS
from tests.tiny_models import write_bert
from tests.tiny_vision import write_vision
from vsebench.retrieval.encode import embed_split
from vsebench.retrieval.inputs.padded import BUCKET
from vsebench_plugins.classic.losses import Triplet

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.rehearsal.pretended_cuda import PretendedCuda
    from vsebench.plugin import LossInputs
    from vsebench.retrieval.training.session import Session

    MadeReady = Callable[..., Session]

pytestmark = pytest.mark.filterwarnings("ignore:PyTorch was compiled without cuDNN")

POOLINGS = [each.name for each in REGISTRY if each.kind == "pooling"]
LOSSES = [
    each.name
    for each in REGISTRY
    if each.kind == "loss" and each.card.task == "retrieval" and not each.card.sampled
]


@pytest.mark.parametrize("pooling", POOLINGS)
def test_no_pooling_makes_the_host_wait(
    made_ready: MadeReady, cuda: PretendedCuda, pooling: str
) -> None:
    session = made_ready(pooling=pooling)
    steps(session, cuda)
    cuda.waits.clear()
    embed_split(session.model, session.inputs.dev, session.device)
    assert cuda.waits.total() <= 2, cuda.waits  # weights that are kept by the parameters' values


@pytest.mark.parametrize(
    ("pooling", "kernels"),
    [
        ("gpo", {"scan", "scan_gradient", "rank_and_sum", "sum_gradients"}),
        ("kmax", {"rank_and_sum", "sum_gradients"}),
        ("fspool", {"rank_and_sum", "values_gradient"}),
        ("adaptive", {"rank_and_sum", "values_gradient"}),
    ],
)
def test_what_launches_tritons_kernels_makes_nobody_wait(
    made_ready: MadeReady,
    cuda: PretendedCuda,
    monkeypatch: pytest.MonkeyPatch,
    pooling: str,
    kernels: set[str],
) -> None:
    pytest.importorskip("triton", reason="triton is not installed")
    launched: list[str] = []
    monkeypatch.setattr("vsebench.kernels.compiled.triton_works", lambda device: True)
    for module in ("prefix_scores_triton", "sorted_pooling_triton"):
        monkeypatch.setattr(
            f"vsebench.kernels.{module}.launch",
            lambda kernel, *others, **constants: launched.append(kernel.__name__),
        )
    session = made_ready(pooling=pooling)
    launched.clear()
    steps(session, cuda)
    assert Counter(launched) == dict.fromkeys(kernels, 2 * STEPS)  # of images and of captions


@pytest.mark.parametrize("loss", LOSSES)
def test_no_loss_makes_the_host_wait(made_ready: MadeReady, cuda: PretendedCuda, loss: str) -> None:
    steps(made_ready(pooling="mean", loss=loss), cuda)


def test_no_global_negative_makes_the_host_wait(made_ready: MadeReady, cuda: PretendedCuda) -> None:
    steps(made_ready(pooling="mean", loss="triplet-global", sampler="uniform"), cuda)


@pytest.mark.parametrize("text", ["bigru", "gru-last"])
@pytest.mark.parametrize("image", ["region", "grid", "region:count_padding=true"])
def test_no_encoder_makes_the_host_wait(
    made_ready: MadeReady, cuda: PretendedCuda, text: str, image: str
) -> None:
    steps(made_ready(pooling="mean", set={"text_encoder": text, "image_encoder": image}), cuda)


@pytest.mark.parametrize("precision", ["bf16", "fp32"])
@pytest.mark.parametrize("options", ["", ":frozen=true"])
def test_no_bert_makes_the_host_wait(
    made_ready: MadeReady, cuda: PretendedCuda, tmp_path: Path, options: str, precision: str
) -> None:
    model = quote(str(write_bert(tmp_path / "bert")), safe="")
    session = made_ready(
        pooling="gpo",
        loss="aoq",
        set={"text_encoder": f"bert:model={model}{options}", "precision": precision},
    )
    steps(session, cuda)


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        *((kind, ":frozen_epochs=0") for kind in ("mobilenet_v2", "resnet", "convnext", "clip")),
        *(("vit", options) for options in (":frozen_epochs=0", ":frozen=true", ":recompute=true")),
    ],
)
def test_no_backbone_makes_the_host_wait(
    cuda: PretendedCuda, raw_images: MadeReady, tmp_path: Path, kind: str, options: str
) -> None:
    model = quote(write_vision(tmp_path / kind, kind), safe="")
    session = raw_images(
        pooling="gpo", set={"image_encoder": f"backbone:model={model}:size=32{options}"}
    )
    steps(session, cuda)


def test_every_encoder_and_loss_takes_part() -> None:
    """One that is added has to be rehearsed too."""
    encoders = {each.name for each in REGISTRY if each.kind in ("image-encoder", "text-encoder")}
    assert encoders == {"region", "grid", "backbone", "bigru", "gru-last", "bert"}
    assert {each.name for each in REGISTRY if each.kind == "loss" and each.card.sampled} == {
        "triplet-global"
    }


def test_batches_have_few_shapes(
    made_ready: MadeReady, cuda: PretendedCuda, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Widths are multiples of the bucket, or the largest that the split has."""
    session = made_ready(pooling="mean", loss="aoq", set={"augment_words": 0.5})
    shapes: dict[str, set[tuple[int, ...]]] = {"image": set(), "text": set()}
    for side, seen in shapes.items():
        getattr(session.model, side).register_forward_pre_hook(
            lambda module, given, seen=seen: seen.add(tuple(given[0].shape))
        )
    steps(session, cuda, count=4)
    longest = int(session.inputs.train.texts.lengths.max())
    assert {width for _, width, *_ in shapes["image"]} == {REGIONS}
    assert shapes["text"] == {(3 * SIZE, min(BUCKET, longest))}


def test_products_are_bf16_and_what_is_compared_is_fp32(
    made_ready: MadeReady, cuda: PretendedCuda
) -> None:
    session = made_ready(pooling="gpo", loss="triplet")
    products, embeddings, compared = _products(session), set(), set()
    for tower in (session.model.image, session.model.text):
        tower.register_forward_hook(lambda module, given, out: embeddings.add(out.embedding.dtype))
    plain = session.objective.loss

    def loss(inputs: LossInputs) -> torch.Tensor:
        compared.update({inputs.image.dtype, inputs.text.dtype, inputs.similarity.dtype})
        value: torch.Tensor = plain(inputs)
        compared.add(value.dtype)
        return value

    session.objective = session.objective._replace(loss=loss)
    steps(session, cuda)
    assert products == {torch.bfloat16}
    assert embeddings == compared == {torch.float32}
    gradients = {p.grad.dtype for p in session.model.parameters() if p.grad is not None}
    assert gradients == {torch.float32}


def test_nothing_is_bf16_where_the_protocol_says_fp32(
    made_ready: MadeReady, cuda: PretendedCuda
) -> None:
    session = made_ready(pooling="gpo", loss="triplet", set={"precision": "fp32"})
    products = _products(session)
    steps(session, cuda)
    assert products == {torch.float32}


@pytest.mark.parametrize("encoder", ["region", "grid", "region:count_padding=true"])
def test_features_stay_in_fp16_up_to_the_first_product(
    made_ready: MadeReady, cuda: PretendedCuda, encoder: str
) -> None:
    read = {}
    for precision in ("bf16", "fp32"):
        session = made_ready(pooling="mean", set={"image_encoder": encoder, "precision": precision})
        session.model.image.encoder.register_forward_pre_hook(
            lambda module, given, precision=precision: read.update({precision: given[0].dtype})
        )
        steps(session, cuda)
    assert read == {"bf16": torch.float16, "fp32": torch.float32}


@pytest.mark.parametrize("loss", ["triplet", "aoq"])
def test_features_that_do_not_fit_make_nobody_wait(
    made_ready: MadeReady, cuda: PretendedCuda, monkeypatch: pytest.MonkeyPatch, loss: str
) -> None:
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda *device: (1, 1 << 30))
    session = made_ready(pooling="mean", loss=loss)
    assert session.inputs.train.images._resident is None
    read = []
    session.model.image.encoder.register_forward_pre_hook(
        lambda module, given: read.append((given[0].dtype, given[0].device))
    )
    steps(session, cuda, count=4)
    assert read[0] == (torch.float16, CUDA)


def test_the_rates_lie_on_the_device(made_ready: MadeReady, cuda: PretendedCuda) -> None:
    session = made_ready(pooling="mean")
    steps(session, cuda)
    for group in session.stepper.optimisation.optimiser.param_groups:
        assert group["lr"].device == CUDA
        assert group["capturable"]
    assert not cuda.waits


def _products(session: Session) -> set[torch.dtype]:
    """The dtypes of the image encoder's products, in the steps that follow."""
    found: set[torch.dtype] = set()
    for module in session.model.image.encoder.modules():
        if isinstance(module, torch.nn.Linear):
            module.register_forward_hook(lambda module, given, out: found.add(out.dtype))
    return found


def test_a_value_that_is_read_in_a_loss_is_found(
    made_ready: MadeReady, cuda: PretendedCuda, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = Triplet.__call__

    def reading(self: Triplet, inputs: LossInputs) -> torch.Tensor:
        value: torch.Tensor = plain(self, inputs)
        assert value.item() is not None
        return value

    monkeypatch.setattr(Triplet, "__call__", reading)
    session = made_ready(pooling="mean", loss="triplet")
    with pytest.raises(HostWaitError, match=r"test_steps.py, reading: .*_local_scalar_dense"):
        steps(session, cuda)


@pytest.mark.parametrize("part", ["encoder", "pooling"])
@pytest.mark.parametrize("side", ["image", "text"])
def test_a_value_that_is_read_in_a_tower_is_found(
    made_ready: MadeReady, cuda: PretendedCuda, side: str, part: str
) -> None:
    session = made_ready(pooling="gpo", loss="triplet")

    def reading(module: object, given: object, out: torch.Tensor) -> None:
        assert out.sum().item() is not None

    getattr(getattr(session.model, side), part).register_forward_hook(reading)
    with pytest.raises(HostWaitError, match=r"test_steps.py, reading: .*_local_scalar_dense"):
        steps(session, cuda)
