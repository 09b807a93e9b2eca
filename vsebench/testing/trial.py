"""One call of a component inside a check: what it is called on, how to make the call again, and
what must come of it.
"""

from __future__ import annotations

import math
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from vsebench.testing.check import ConformanceError, NotCheckedError, describe

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from types import TracebackType

    from torch import Tensor


IN_DOUBLE = (
    "no error in float64: widen by x.to(torch.promote_types(x.dtype, torch.float32)), never by "
    ".float(), which narrows float64"
)


@dataclass(frozen=True)
class Trial:
    """As a context manager, it makes a failure of whatever is raised inside.

    Attributes:
        on: the input, in words.
        code: Python that makes the call again.
        expected: message in place of whatever is raised inside.
    """

    on: str
    code: str = ""
    expected: str = "no error"

    def __enter__(self) -> Trial:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if isinstance(error, Exception | SystemExit) and not isinstance(
            error, ConformanceError | NotCheckedError
        ):
            raise self.failure(describe(error), expected=self.expected) from error

    def failure(self, what: str, *, expected: str = "", found: str = "") -> ConformanceError:
        return ConformanceError(
            what, on=self.on, expected=expected, found=found, reproduce=self.code
        )

    def require(self, holds: bool, what: str, *, expected: str = "", found: str = "") -> None:
        """Raises the failure unless it holds."""
        if not holds:
            raise self.failure(what, expected=expected, found=found)

    def close(  # noqa: PLR0913  # as `torch.testing.assert_close`
        self,
        found: Tensor,
        wanted: Tensor,
        what: str,
        *,
        expected: str,
        rtol: float = 0.0,
        atol: float = 0.0,
    ) -> None:
        """Raises the failure unless the tensors agree, to the bit without tolerances. NaN equals
        NaN.
        """
        self.require(
            found.shape == wanted.shape,
            what,
            expected=f"{expected}, of shape {list(wanted.shape)}",
            found=f"shape {list(found.shape)}",
        )
        wide = torch.promote_types(found.dtype, wanted.dtype)
        one, other = found.to(wide), wanted.to(wide)
        equal = (
            torch.isclose(one, other, rtol=rtol, atol=atol, equal_nan=True)
            if wide.is_floating_point
            else one == other
        )
        if not equal.all():
            raise self.failure(what, expected=expected, found=difference(found, wanted, ~equal))

    def all_close(  # noqa: PLR0913  # likewise
        self,
        found: Mapping[str, Tensor],
        wanted: Mapping[str, Tensor],
        what: str,
        *,
        expected: str,
        rtol: float = 0.0,
        atol: float = 0.0,
    ) -> None:
        """`close` for tensors by name."""
        self.require(
            found.keys() == wanted.keys(),
            what,
            expected=f"{expected}, made of {', '.join(wanted)}",
            found=", ".join(found),
        )
        for name, tensor in wanted.items():
            self.close(
                found[name],
                tensor,
                what,
                expected=expected if name == "embedding" else f"{expected} ({name})",
                rtol=rtol,
                atol=atol,
            )

    @contextmanager
    def one_graph(self) -> Iterator[None]:
        """What is compiled inside with `fullgraph=True` fails the check where the compiler refuses
        it.
        """
        torch._dynamo.reset()
        try:
            yield
        except torch._dynamo.exc.TorchDynamoException as error:
            raise self.failure(
                "it cannot be traced into one graph",
                expected="no value read back, no break",
                found=" ".join(str(error).split())[:300],
            ) from error

    def finite(self, tensor: Tensor, what: str) -> None:
        """Raises the failure when there is a NaN or an infinity in the tensor."""
        bad = ~tensor.isfinite()
        if bad.any():
            where = bad.nonzero()[0].tolist()
            raise self.failure(
                what,
                expected="finite values",
                found=f"{tensor[bad][0].item()} at {where}" if where else f"{tensor.item()}",
            )


def difference(found: Tensor, wanted: Tensor, unequal: Tensor) -> str:
    """Where two tensors of one shape first differ, and by how much at most."""
    where = unequal.nonzero()[0].tolist()
    one, other = found[unequal].flatten(), wanted[unequal].flatten()
    text = f"{_number(one[0])} instead of {_number(other[0])}" + (
        f" at {where}; {len(one)} of {unequal.numel()} values differ" if where else ""
    )
    gap = (one.double() - other.double()).abs().max().item()
    return f"{text}, by up to {gap:.3g}" if where and math.isfinite(gap) else text


def _number(value: Tensor) -> str:
    return f"{value.item():.6g}"
