"""The form that each kernel takes, by the installed libraries and `VSEBENCH_KERNELS`. Imports no
torch, as `vsebench show` reads it.

A kernel has a plain form in torch, which is right everywhere, and faster ones: compiled by numba
for the CPU, by Triton for CUDA.
"""

from __future__ import annotations

import functools
import os
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from typing import TYPE_CHECKING, Literal, NamedTuple, get_args

from vsebench.plugin.errors import SpecError, did_you_mean, require

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

VARIABLE = "VSEBENCH_KERNELS"
"""The environment variable that chooses for poolings, GRUs and losses. `auto`, or nothing: the
fastest form that can run. `torch`: plain torch. `numba`, `triton`: that form where it can run, else
torch.
"""

Form = Literal["torch", "numba", "triton"]
Device = Literal["CPU", "CUDA"]
VALUES: tuple[Form | Literal["auto"], ...] = ("auto", *get_args(Form))

_INSTALL = {"numba": "numba", "triton": "'vsebench[triton]'"}
_DEVICES: dict[Device, Form] = {"CPU": "numba", "CUDA": "triton"}

KERNELS: dict[str, frozenset[Form]] = {
    "masked_max": frozenset({"numba"}),
    "masked_mean": frozenset({"numba"}),
    "prefix_scores": frozenset({"numba", "triton"}),
    "softmax_weighted_sum": frozenset({"numba"}),
    "sorted_values": frozenset({"numba", "triton"}),
    "sorted_weighted_sum": frozenset({"numba", "triton"}),
}
"""The kernels that cards may name, with the forms that each has beside torch."""


def asked() -> Form | Literal["auto"]:
    """The value of `VSEBENCH_KERNELS`.

    Raises:
        SpecError: it has no such value.
        MissingExtraError: it asks for Triton, which is not installed.
    """
    return _parsed(os.environ.get(VARIABLE, ""))


@functools.cache
def _parsed(text: str) -> Form | Literal["auto"]:
    value = text.strip().lower() or "auto"
    for known in VALUES:
        if value == known:
            if known == "triton":
                require(
                    "triton", extra="triton", purpose=f"the kernels that {VARIABLE}=triton asks for"
                )
            return known
    raise SpecError(
        f"{VARIABLE} is '{text}', expected one of {', '.join(VALUES)}: "
        f"{did_you_mean(value, VALUES)}"
    )


def allowed(form: Form) -> bool:
    """Whether a form may be taken; torch always may.

    Raises:
        VsebenchError: as `asked` does.
    """
    return form == "torch" or asked() in ("auto", form)


class Choice(NamedTuple):
    """The form that a kernel takes on a device.

    Attributes:
        device: `CPU` or `CUDA`.
        kernel: its name.
        form: its form there.
        because: why, in a few words.
    """

    device: Device
    kernel: str
    form: Form
    because: str


def choices(kernels: Sequence[str]) -> Iterator[Choice]:
    """The forms of kernels on the CPU, then on CUDA.

    Raises:
        VsebenchError: as `asked` does.
    """
    for device, form in _DEVICES.items():
        for kernel in kernels:
            yield Choice(device, kernel, *_choice(kernel, form))


def _choice(kernel: str, form: Form) -> tuple[Form, str]:
    if form not in KERNELS.get(kernel, ()):
        return "torch", f"no form in {form}"
    if not allowed(form):
        return "torch", f"{VARIABLE}={asked()}"
    if find_spec(form) is None:
        return "torch", f"{form} is not installed: pip install {_INSTALL[form]}"
    return form, f"{form} {_version(form)} is installed"


def _version(library: str) -> str:
    try:
        return version(library)
    except PackageNotFoundError:  # a folder of its own on the path
        return "of unknown version"
