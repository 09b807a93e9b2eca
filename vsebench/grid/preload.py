"""What is loaded once, before runs are forked from the process that has loaded it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import torch

from vsebench.kernels.compiled import numba_works

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def load(asked: Callable[[], bool]) -> None:
    """Loads what every run needs: modules, kernels, and what is found out once per process. It
    starts no thread.

    Args:
        asked: whether a run waits already; then kernels are left to the runs that use them.
    """
    import vsebench.annotation.run
    import vsebench.patterns.run
    import vsebench.retrieval.training.train  # noqa: F401
    from vsebench.kernels.gemm import has_bf16_products, onednn_keeps_float32
    from vsebench.results.provenance import loaded_commit

    loaded_commit()
    onednn_keeps_float32()
    has_bf16_products()
    for _ in training_kernels():
        if asked():
            break


def reseed() -> None:
    """Gives the global random numbers seeds of their own, which each process draws when it imports
    these libraries. Python's renews itself.
    """
    import numpy as np

    np.random.seed()  # noqa: NPY002  # not for our numbers, which have keys
    torch.default_generator.seed()


def training_kernels() -> Iterator[None]:
    """Loads the kernels of maxima, means, sorted sums, the BiGRU and GPO's scores, forward and
    backward; compiles those that no earlier process on this machine has compiled.

    The first takes half a second, which loads what all kernels of numba need; the others take
    milliseconds, or a second or two to compile.

    Yields:
        After each operation, so that a caller in a hurry can stop.
    """
    if not numba_works():
        return
    from vsebench.kernels.bigru_numba import NumbaScan, read
    from vsebench.kernels.prefix_scores_numba import NumbaPrefixScores
    from vsebench.kernels.reductions_numba import NumbaMax, NumbaMean
    from vsebench.kernels.sorted_pooling_numba import NumbaSortedSum

    items, rows, dim, ids = 1, 2, 4, 3
    features, lengths = torch.zeros(items, rows, dim), torch.tensor([rows])
    _, batch = read(torch.zeros(items, rows, dtype=torch.int64), lengths, ids)
    inputs, states = torch.zeros(ids, 6 * dim), torch.zeros(2, 3 * dim, dim)
    gates = torch.zeros(3 * dim, dim), torch.zeros(3 * dim, dim)
    direction = (*gates, torch.zeros(3 * dim), torch.zeros(3 * dim))
    for operation, arguments in (
        (NumbaMax, (features, lengths)),
        (NumbaSortedSum, (features, lengths, torch.zeros(items, rows))),
        (NumbaScan, (inputs, states, torch.zeros(2, dim), batch)),
        (NumbaMean, (features, lengths)),
        (NumbaPrefixScores, (features[0], torch.zeros(1, dim), *direction, *direction)),
    ):
        _forward_and_backward(operation, *arguments)
        yield


def _forward_and_backward(operation: Any, *arguments: object) -> None:
    """Computes an operation and its gradients without autograd, which may start threads."""
    context = SimpleNamespace(needs_input_grad=(True,) * len(arguments))
    context.save_for_backward = lambda *tensors: setattr(context, "saved_tensors", tensors)
    with torch.no_grad():
        operation.backward(context, torch.zeros_like(operation.forward(context, *arguments)))
