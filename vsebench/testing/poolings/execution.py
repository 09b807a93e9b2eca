"""The same result again: after a reload, compiled, and on another device."""

from __future__ import annotations

import copy
import warnings
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from torch._dynamo import lookup_backend
from torch._dynamo.utils import counters

from vsebench.plugin.cards import PoolingCard, claimed
from vsebench.testing.check import NotCheckedError, promise
from vsebench.testing.devices import need_cuda, unmixed
from vsebench.testing.poolings.ragged import Ragged, pool, square_sum, trial

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from vsebench.testing.subject import Subject


@promise
def is_deterministic(subject: Subject) -> None:
    """In evaluation mode it gives the same bits again, whatever it embedded in between, and the
    same within rounding without gradients.
    """
    inputs, other = Ragged(), Ragged((3, 5), rows=12, seed=1)
    with trial(subject, inputs, f"p(x, n), p(*{other!r}.tensors()), p(x, n)") as case:
        pooling = subject.build(dim=inputs.dim)
        first = pool(pooling, *inputs.tensors())
        pool(pooling, *other.tensors())
        case.all_close(
            pool(pooling, *inputs.tensors()),
            first,
            "a second call gives another embedding",
            expected="the same bits",
        )
        with torch.no_grad():
            found = pool(pooling, *inputs.tensors())
        case.all_close(
            found,
            first,
            "no_grad changes the embedding",
            expected="as with gradients",
            rtol=1e-5,
            atol=1e-5,
        )


@promise
def its_state_is_in_its_state_dict(subject: Subject) -> None:
    """Another instance that loads its state dict gives the same embeddings."""
    inputs = Ragged()
    load = (
        f"q = {subject.source(dim=inputs.dim, seed=1)}; q.load_state_dict(p.state_dict()); p(x, "
        "n), q(x, n)"
    )
    with torch.no_grad(), trial(subject, inputs, load) as case:
        pooling, other = subject.build(dim=inputs.dim), subject.build(dim=inputs.dim, seed=1)
        other.load_state_dict(pooling.state_dict())
        wanted = pool(pooling, *inputs.tensors())
        case.all_close(
            pool(other, *inputs.tensors()),
            wanted,
            "a state dict does not hold all of its state",
            expected="the same bits after load_state_dict",
        )


@promise
def compiles_as_declared(subject: Subject) -> None:
    """`torch.compile` (aot_eager) gives the same embeddings and no more graphs than the card
    claims, without compiling again for other lengths.
    """
    # Few rows: some poolings unroll them
    inputs, others = (
        Ragged((4, 2, 3, 1), rows=4),
        Ragged((1, 3, 4, 2), rows=4, seed=1),
    )
    with trial(
        subject,
        inputs,
        'torch.compile(p, backend="aot_eager")(x, n); torch._dynamo.explain(p)(x, n)',
        note="compiled",
    ) as case:
        pooling = subject.build(dim=inputs.dim)
        compiled = Compiled(pooling)
        for batch in (inputs, others):
            found, wanted = pool(compiled, *batch.tensors()), pool(pooling, *batch.tensors())
            case.all_close(
                found,
                wanted,
                "compiling changes the embedding",
                expected="as uncompiled",
                rtol=1e-4,
                atol=1e-5,
            )
        card = subject.component.card
        graphs = claimed(card.graphs, subject.params) if isinstance(card, PoolingCard) else None
        if graphs is None:
            raise NotCheckedError(
                f"its card claims no number of graphs; it has {compiled.graphs}: PoolingCard(…, "
                f"graphs={compiled.graphs})"
            )
        expected = f"at most {graphs}, as its card claims"
        kept = compiled.whole if graphs == 1 else compiled.graphs <= graphs
        case.require(
            kept,
            "torch.compile makes more graphs of it",
            expected=expected,
            found=f"{compiled.graphs}: {compiled.breaks}",
        )


@promise(slow=True)
def compiles_with_inductor(subject: Subject) -> None:
    """`torch.compile` with its default backend gives the same embeddings and gradients."""
    inputs = Ragged()
    with trial(subject, inputs, "torch.compile(p)(x, n)", note="compiled by inductor") as case:
        pooling = subject.build(dim=inputs.dim)
        torch._dynamo.reset()
        results = []
        for function in (partial(quietly, torch.compile(pooling)), pooling):
            features, lengths = inputs.tensors()
            found = pool(function, features.requires_grad_(), lengths)
            torch.autograd.backward(square_sum(found))
            assert features.grad is not None
            results.append({**found, "gradient of the features": features.grad})
        found, wanted = results
        case.all_close(
            found,
            wanted,
            "inductor changes the result",
            expected="as uncompiled",
            rtol=1e-4,
            atol=1e-4,
        )


@promise
def follows_the_device_of_its_inputs(subject: Subject) -> None:
    """It works wherever its inputs are: tested on the meta device, which refuses tensors of the
    CPU.
    """
    inputs = Ragged()
    with trial(
        subject, inputs, 'p.to("meta")(x.to("meta"), n.to("meta"))', note="on the meta device"
    ) as case:
        features, lengths = inputs.tensors()
        pooling = subject.build(dim=inputs.dim).to("meta")
        for name, tensor in unmixed(
            lambda: pool(pooling, features.to("meta"), lengths.to("meta")), case
        ).items():
            case.require(
                tensor.device.type == "meta",
                f"its {name} is on another device than its inputs",
                expected="meta",
                found=str(tensor.device),
            )


@promise
def cuda_gives_the_same(subject: Subject) -> None:
    """On CUDA, embedding and gradients are those of the CPU within rounding."""
    device, inputs = need_cuda(), Ragged()
    with trial(subject, inputs, "p.cuda()(x.cuda(), n.cuda())", note="on CUDA") as case:
        results = []
        pooling = subject.build(dim=inputs.dim)
        for module, place in (
            (copy.deepcopy(pooling).to(device), device),
            (pooling, torch.device("cpu")),
        ):
            features, lengths = inputs.tensors()
            there = features.to(place).requires_grad_()
            found = pool(module, there, lengths.to(place))
            torch.autograd.backward(square_sum(found))
            assert there.grad is not None
            results.append(
                {
                    name: tensor.cpu()
                    for name, tensor in {**found, "gradient of the features": there.grad}.items()
                }
            )
        found, wanted = results
        case.all_close(
            found,
            wanted,
            "CUDA gives another result than the CPU",
            expected="as on the CPU",
            rtol=1e-4,
            atol=1e-4,
        )


class Compiled:
    """A module or function compiled by `aot_eager`, which counts its graphs, those of its
    recompilations too.

    Attributes:
        graphs: number of graphs so far.
    """

    def __init__(self, target: Callable[..., Any]) -> None:
        torch._dynamo.reset()
        counters.clear()
        self.graphs = 0
        self._compiled: Callable[..., Any] = torch.compile(target, backend=self._backend)

    def __call__(self, *inputs: Tensor) -> Any:
        return quietly(self._compiled, *inputs)

    def _backend(self, graph: torch.fx.GraphModule, inputs: list[Tensor]) -> Callable[..., Any]:
        self.graphs += 1
        compiled: Callable[..., Any] = lookup_backend("aot_eager")(graph, inputs)
        return compiled

    @property
    def whole(self) -> bool:
        """It is one graph, without a break before or behind it either."""
        return self.graphs <= 1 and not counters["graph_break"]

    @property
    def breaks(self) -> str:
        """Why it is not, in one line."""
        reasons = [" ".join(reason.split())[:160] for reason in counters["graph_break"]]
        return "; ".join(reasons) or "it was compiled again for other values"


def quietly(compiled: Callable[..., Any], *inputs: Tensor) -> Any:
    """Calls what was compiled without its compiler's warnings, which are of what it does itself."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return compiled(*inputs)
