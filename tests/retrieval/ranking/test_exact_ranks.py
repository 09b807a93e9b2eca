from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

from tests.oracles import ranking
from vsebench.kernels.gemm import rounds_once
from vsebench.retrieval import evaluate
from vsebench.retrieval.ranking import evaluation
from vsebench.retrieval.ranking.exact import queued, ranks

if TYPE_CHECKING:
    from collections.abc import Iterator

BLOCKS = (1, 7, 128)


def unit(rows: torch.Tensor) -> torch.Tensor:
    return torch.nn.functional.normalize(rows, dim=-1)


def ragged_owner(images: int, texts: int, seed: int) -> torch.Tensor:
    """At least one caption for each image, the others anywhere, in no order."""
    generator = torch.Generator().manual_seed(seed)
    extra = torch.randint(images, (texts - images,), generator=generator)
    return torch.cat([torch.arange(images), extra])[torch.randperm(texts, generator=generator)]


def related(
    images: int, texts: int, width: int, seed: int
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Unit vectors in which captions resemble their image somewhat."""
    generator = torch.Generator().manual_seed(seed)
    owner = ragged_owner(images, texts, seed)
    image = unit(torch.randn(images, width, generator=generator))
    text = unit(image[owner] + 0.4 * torch.randn(texts, width, generator=generator))
    return image, text, owner


def check(image: torch.Tensor, text: torch.Tensor, owner: torch.Tensor) -> None:
    """The evaluation equals the oracle, at every block size."""
    expected = ranking.ranks(
        ranking.inner_products(image.double().numpy(), text.double().numpy()), owner.tolist()
    )
    for block in BLOCKS:
        metrics = evaluate(image, text, owner, block=block)
        assert metrics.i2t_ranks.tolist() == expected[0]
        assert metrics.t2i_ranks.tolist() == expected[1]


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """Threads cost more than they bring on tensors this small."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(
    params=[
        "torch",
        "compiled",
        "bf16",
        "queued",
        "saturated",
        "saturated compiled",
        "saturated bf16",
        "saturated queued",
    ]
)
def path(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Sends small inputs down each of the paths that large ones take."""
    if "queued" in request.param:
        monkeypatch.setattr(evaluation, "queues", lambda device: True)
        monkeypatch.setattr(queued, "_AT_ONCE", 3)
    elif "torch" not in request.param and request.param != "saturated":
        monkeypatch.setattr(ranks, "_COMPILE_FROM", 0)
    in_bf16 = "bf16" in request.param
    if in_bf16 and not rounds_once():
        pytest.skip("torch's bf16 products on this CPU are rounded more than once")
    monkeypatch.setattr(ranks, "_bf16_decides", lambda queries: in_bf16)
    if "saturated" in request.param:
        monkeypatch.setattr(ranks, "_FEW", 0)
        monkeypatch.setattr(ranks, "_SATURATED", 0.0)
        monkeypatch.setattr(ranks, "_ROWS", 3)
        monkeypatch.setattr(ranks, "_COLUMNS", 11)
    else:
        monkeypatch.setattr(ranks, "_FEW", 10**4)  # every pair of the largest input
    return request.param


@pytest.mark.parametrize(
    ("images", "texts", "width"), [(1, 1, 1), (1, 6, 3), (2, 9, 17), (23, 60, 8), (40, 200, 33)]
)
def test_equals_the_oracle(images: int, texts: int, width: int, path: str) -> None:
    check(*related(images, texts, width, seed=images))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_equals_the_oracle_in_every_dtype(dtype: torch.dtype, path: str) -> None:
    image, text, owner = related(23, 60, 12, seed=1)
    check(image.to(dtype), text.to(dtype), owner)
    check(image.to(dtype), text.double(), owner)


def test_equals_the_oracle_with_norms_of_all_sizes(path: str) -> None:
    image, text, owner = related(23, 60, 12, seed=2)
    check(
        image * torch.logspace(-4, 4, 23)[:, None], text * torch.logspace(3, -3, 60)[:, None], owner
    )


def test_equals_the_oracle_where_exact_ties_abound(path: str) -> None:
    generator = torch.Generator().manual_seed(3)
    image, text = (
        torch.randint(-1, 2, (23, 4), generator=generator),
        torch.randint(-1, 2, (60, 4), generator=generator),
    )
    check(image.float(), text.float(), ragged_owner(23, 60, seed=3))


def test_equals_the_oracle_with_repeated_rows(path: str) -> None:
    image, text, owner = related(23, 60, 12, seed=4)
    image[5:9], text[10:20], text[40:45] = image[4].clone(), text[9].clone(), text[9].clone()
    check(image, text, owner)


def test_equals_the_oracle_where_rows_differ_in_their_last_bits(path: str) -> None:
    generator = torch.Generator().manual_seed(5)
    same = unit(torch.randn(1, 300, generator=generator))
    image, text = (
        same + 1e-8 * torch.randn(11, 300, generator=generator),
        same + 1e-8 * torch.randn(30, 300, generator=generator),
    )
    assert len(image.unique(dim=0)) == 11
    check(image, text, ragged_owner(11, 30, seed=5))


def test_equals_the_oracle_where_all_scores_are_negative(path: str) -> None:
    """A metric that leaves out scores of 0 and less would miss every match."""
    image, text, owner = related(23, 60, 12, seed=6)
    image, text = (
        torch.cat([image, torch.full((23, 1), 2.0)], 1),
        torch.cat([text, torch.full((60, 1), -2.0)], 1),
    )
    assert (image @ text.T).max() < 0
    check(image, text, owner)
    assert evaluate(image, text, owner).i2t_r1 > 80


def test_decides_scores_that_float32_cannot_represent(path: str) -> None:
    """Both scores are 1 in fp32; in float64 the competitor is 2^-40 above the match."""
    image = torch.tensor([[1.0, 2.0**-20]])
    text = torch.tensor([[1.0, 0.0], [1.0, 2.0**-20]])
    image = torch.cat([image, torch.tensor([[-1.0, 0.0]])])
    assert evaluate(image, text, [0, 1]).i2t_ranks.tolist() == [1, 1]
    assert evaluate(image, text, [1, 0]).i2t_ranks.tolist() == [0, 1]


@pytest.mark.parametrize("width", [8, 16, 300, 512, 1024])
def test_a_constant_model_ranks_last(width: int, path: str) -> None:
    same = unit(torch.randn(1, width, generator=torch.Generator().manual_seed(width)))
    owner = ragged_owner(12, 60, seed=width)
    for dtype, block in (
        (torch.float32, 5),
        (torch.float32, 128),
        (torch.float64, 128),
        (torch.float16, 128),
    ):
        metrics = evaluate(
            same.to(dtype).repeat(12, 1), same.to(dtype).repeat(60, 1), owner, block=block
        )
        assert metrics.i2t_ranks.tolist() == (60 - owner.bincount()).tolist()
        assert set(metrics.t2i_ranks.tolist()) == {11}
        assert metrics.i2t_r10 == metrics.t2i_r10 == 0


def test_equals_the_oracle_where_bf16_errs_as_much_as_it_can(path: str) -> None:
    """Competitors just above, at and just below the threshold, all of whose values bf16 rounds the
    same way, so that their errors add up.
    """
    width = 64
    down, up = 1 + 2.0**-8, 1 + 3 * 2.0**-8  # to 1, and to 1 + 2^-6
    rows = torch.full((12, width), down)
    rows[1::2] = up
    steps = 2.0**-12 * torch.arange(-6, 6)
    rows[:, 0] += steps
    text = torch.full((48, width), down)
    text[::3] = up
    text[:, 1] += 2.0**-12 * torch.arange(-24, 24)
    for scale in (1.0, width**-0.5, -1.0):
        check(rows * scale, text, ragged_owner(12, 48, seed=13))


def test_embeddings_of_zeros_rank_last(path: str) -> None:
    metrics = evaluate(torch.zeros(6, 4), torch.zeros(30, 4), torch.arange(6).repeat_interleave(5))
    assert set(metrics.i2t_ranks) == {25}
    assert set(metrics.t2i_ranks) == {5}


@pytest.mark.parametrize("scale", [1e-30, 1e-44, 1e12])
def test_scores_that_fp32_cannot_hold(scale: float, path: str) -> None:
    """Products that vanish in fp32, or that come near its end, are ranked as well."""
    image, text, owner = related(11, 30, 12, seed=7)
    check(image.double() * scale, text.double() * scale, owner)
    check(image.double() * scale, text.double(), owner)


def test_surroundings_do_not_matter() -> None:
    """Settings that lower the precision of products are overridden, and are left as they were."""
    generator = torch.Generator().manual_seed(8)
    same = unit(torch.randn(1, 128, generator=generator))
    image, text = (
        same + 1e-6 * torch.randn(200, 128, generator=generator),
        same + 1e-6 * torch.randn(1000, 128, generator=generator),
    )
    owner = torch.arange(200).repeat_interleave(5)
    expected = evaluate(image, text, owner)
    precision = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("medium")
    torch.set_default_dtype(torch.float64)
    try:
        with torch.autocast("cpu", dtype=torch.bfloat16):
            metrics = evaluate(image.requires_grad_(), text, owner)
            assert torch.is_autocast_enabled("cpu")
        assert torch.get_float32_matmul_precision() == "medium"
    finally:
        torch.set_default_dtype(torch.float32)
        torch.set_float32_matmul_precision(precision)
    assert np.array_equal(metrics.i2t_ranks, expected.i2t_ranks)
    assert np.array_equal(metrics.t2i_ranks, expected.t2i_ranks)


def test_a_larger_set_is_ranked_alike_by_all_paths(monkeypatch: pytest.MonkeyPatch) -> None:
    """Several tiles of thousands of pairs each, with undecided ones among them, against counting in
    float64.
    """
    image, text, _ = related(300, 1500, 64, seed=9)
    owner = torch.arange(300).repeat_interleave(5)
    text = unit(0.3 * image[owner] + text)
    scores = image.double() @ text.double().T
    positive = scores[owner, torch.arange(1500)]
    other = owner != torch.arange(300)[:, None]
    expected = (
        (other & (scores >= positive.view(300, 5).amax(1, keepdim=True))).sum(1),
        (other & (scores >= positive)).sum(0),
    )
    compiled = {"_COMPILE_FROM": 0, "_bf16_decides": lambda queries: False}
    variants: list[dict[str, Any]] = [{}, compiled, {"_SATURATED": 0.0, "_FEW": 0}]
    if rounds_once():
        screened = {**compiled, "_bf16_decides": lambda queries: True}
        variants += [screened, {**screened, "_WORTH_BF16": 0.1}, {**screened, "_WORTH_BF16": 0.01}]
    for variant in variants:
        with monkeypatch.context() as patched:
            for name, value in variant.items():
                patched.setattr(ranks, name, value)
            for block in (37, 64, 512):
                metrics = evaluate(image, text, owner, block=block)
                assert metrics.i2t_ranks.tolist() == expected[0].tolist()
                assert metrics.t2i_ranks.tolist() == expected[1].tolist()


def test_bf16_comes_first_only_where_it_decides_nearly_all_pairs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Not for embeddings that have learnt nothing, nor on a CPU without it."""
    if not rounds_once():
        pytest.skip("torch's bf16 products on this CPU are rounded more than once")
    tiles: list[torch.dtype] = []
    count = ranks.count_above

    def spy(tile: torch.Tensor, *args: Any, **options: Any) -> Any:
        tiles.append(tile.dtype)
        return count(tile, *args, **options)

    monkeypatch.setattr(ranks, "_COMPILE_FROM", 0)
    monkeypatch.setattr(ranks, "count_above", spy)
    image, text, owner = related(200, 1000, 256, seed=14)
    text = unit(image[owner] + text)
    noise = unit(torch.randn(1000, 256, generator=torch.Generator().manual_seed(15)))
    for has, captions, expected in (
        (True, text, {torch.bfloat16}),
        (False, text, {torch.float32}),
        (True, noise, {torch.bfloat16, torch.float32}),  # of the sample, and of the tiles
    ):
        monkeypatch.setattr(ranks, "has_bf16_products", lambda has=has: has)
        tiles.clear()
        evaluate(image, captions, owner)
        assert set(tiles) == expected
        if len(expected) == 2:
            assert tiles.count(torch.bfloat16) == 1


@pytest.mark.parametrize(("own", "rank"), [(0, 2), (1, 2), (2, 2), (3, 3)])
def test_ties_count_against_the_model_wherever_they_stand(own: int, rank: int) -> None:
    """methods F8: published code ranks [.5, .5, .5, .1] as 2, 1, 0, 3, and so gives each of three
    equal captions another rank.
    """
    # Images 1 to 3 take the other captions
    image = torch.tensor([[0.5, 0.5, 0.5, 0.1], *[[-1.0] * 4] * 3])
    owner = [1, 2, 3]
    owner.insert(own, 0)
    assert evaluate(image, torch.eye(4), owner).i2t_ranks[0] == rank
    assert evaluate(torch.eye(4), image, torch.tensor(owner).argsort()).t2i_ranks[0] == rank


def test_equal_scores_are_the_last_rank_for_everybody() -> None:
    """methods F8: of 5000 zeros, published code ranks item 4999 first."""
    metrics = evaluate(torch.zeros(5, 3), torch.zeros(5, 3), range(5))
    assert set(metrics.i2t_ranks) == set(metrics.t2i_ranks) == {4}


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_cuda_gives_the_same_ranks() -> None:
    generator = torch.Generator().manual_seed(10)
    for noise in (1.0, 1e-6, 1e-8, 0.0):
        same = unit(torch.randn(1, 512, generator=generator))
        image, text = (
            same + noise * torch.randn(1000, 512, generator=generator),
            same + noise * torch.randn(5000, 512, generator=generator),
        )
        owner = torch.arange(1000).repeat_interleave(5)
        cpu = evaluate(image, text, owner)
        torch.backends.cuda.matmul.fp32_precision = "tf32"
        cuda = evaluate(image.cuda(), text.cuda(), owner.cuda())
        torch.backends.cuda.matmul.fp32_precision = "none"
        assert np.array_equal(cpu.i2t_ranks, cuda.i2t_ranks)
        assert np.array_equal(cpu.t2i_ranks, cuda.t2i_ranks)
