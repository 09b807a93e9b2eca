"""Other devices: the meta device, which every machine has and which holds no values, and CUDA where
there is one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from vsebench.plugin.errors import VsebenchError
from vsebench.testing.check import NotCheckedError

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    from vsebench.testing.trial import Trial

    Result = TypeVar("Result")

_MIXED = ("is not on the expected device", "at least two devices")


def unmixed(call: Callable[[], Result], trial: Trial) -> Result:
    """What `call` gives on tensors of the meta device.

    Raises:
        ConformanceError: it mixes them with tensors of the CPU.
        NotCheckedError: it needs to know values, or an operation that the device does not have.
    """
    try:
        return call()
    except VsebenchError:  # a refusal, not what the device lacks
        raise
    except (RuntimeError, NotImplementedError, TypeError, ValueError) as error:
        if any(sign in str(error) for sign in _MIXED):
            raise trial.failure(
                "it makes a tensor on the CPU whatever the device of its inputs: pass device=…",
                expected="every tensor on the inputs' device",
                found=str(error).partition("\n")[0],
            ) from error
        reason = str(error).partition("\n")[0].partition(", as a correct")[0]
        raise NotCheckedError(
            "the meta device, which holds no values, cannot run it: "
            f"{type(error).__name__}: {reason[:120]}"
        ) from error


def need_cuda() -> torch.device:
    """The CUDA device.

    Raises:
        NotCheckedError: this machine has none.
    """
    if not torch.cuda.is_available():
        raise NotCheckedError("this machine has no CUDA device")
    return torch.device("cuda")
