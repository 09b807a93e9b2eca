"""What is loaded once, before runs are forked from the process that has loaded it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


def load(asked: Callable[[], bool]) -> None:
    """Loads what every run needs: modules, kernels, and what is found out once per process. It
    starts no thread.

    Args:
        asked: whether a run waits already; then kernels are left to the runs that use them.
    """
    import vsebench.annotation.run
    import vsebench.retrieval.training.train  # noqa: F401
    from vsebench.kernels.gemm import has_bf16_products, onednn_keeps_float32
    from vsebench.kernels.preload import training_kernels
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
    import torch

    np.random.seed()  # noqa: NPY002  # not for our numbers, which have keys
    torch.default_generator.seed()
