"""The state that a process shares between all plugins: settings that numbers depend on, the
functions of libraries, and settings of the process itself.

`now()` reads it all in about a millisecond; later differences can be named and put back. Nothing
here imports a library: the settings of one that is not loaded yet are taken to be its defaults.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, NamedTuple

from vsebench.plugin.host.functions import Functions


class Setting(NamedTuple):
    """One process-wide setting.

    Attributes:
        name: its name in errors.
        read: its value, which compares by `==`.
        write: puts a value back, and raises where it cannot.
        module: the module that must be loaded for it; empty where it is Python's own.
        default: its value in a process that has just loaded the module; None where that is not
            known, and then a change before the module was seen is not noticed.
    """

    name: str
    read: Callable[[], Any]
    write: Callable[[Any], object]
    module: str = ""
    default: Any = None


class Change(NamedTuple):
    """A difference.

    Attributes:
        name: name of the setting.
        detail: description of the old and the new value; may be empty.
        put_back: whether it is as before again.
    """

    name: str
    detail: str
    put_back: bool

    def __str__(self) -> str:
        return f"{self.name}{self.detail}"


@dataclass(frozen=True)
class Shared:
    """The state that `now` found."""

    values: Mapping[str, Any]
    functions: Functions

    def put_back(self) -> list[Change]:
        """Puts back what differs from that state, and returns the differences."""
        changes = []
        for setting in _loaded():
            before = self.values.get(setting.name, setting.default)
            if before is None:
                continue
            found = setting.read()
            if found != before:
                detail = _detail(before, found)
                changes.append(Change(setting.name, detail, _write(setting, before)))
        changes += [
            Change(f"the function {name}", "", put_back)
            for name, put_back in self.functions.put_back()
        ]
        return changes


def now() -> Shared:
    """The current state of the process."""
    return Shared({setting.name: setting.read() for setting in _loaded()}, Functions.now())


def _loaded() -> list[Setting]:
    return [each for each in _SETTINGS if not each.module or each.module in sys.modules]


def _write(setting: Setting, value: Any) -> bool:
    with suppress(Exception):
        setting.write(value)
        return bool(setting.read() == value)
    return False


def _detail(before: Any, found: Any) -> str:
    if isinstance(before, Mapping) and isinstance(found, Mapping):
        keys = [key for key in {**before, **found} if before.get(key) != found.get(key)]
        return f" ({', '.join(map(_named, keys))})"
    return f" (from {before} to {found})"


def _named(key: Any) -> str:
    if isinstance(key, signal.Signals):
        return key.name
    return str(key[0]).removeprefix("_global_") if isinstance(key, tuple) else str(key)


def _torch(path: str) -> Any:
    found: Any = sys.modules["torch"]
    for name in path.split("."):
        found = getattr(found, name)
    return found


def _calls(path: str) -> Callable[..., Any]:
    """Calls a function of torch, which is looked up then."""

    def call(*arguments: Any) -> Any:
        return _torch(path)(*arguments)

    return call


def _directory() -> str:
    with suppress(OSError):
        return os.getcwd()  # noqa: PTH109  # a path would be resolved
    return "a folder that is gone"


def _handlers() -> dict[signal.Signals, Any]:
    return {number: signal.getsignal(number) for number in map(signal.Signals, _numbers())}


def _numbers() -> list[int]:
    known = {each.value for each in signal.Signals}
    return sorted(number for number in signal.valid_signals() if number in known)


def _handle(before: Mapping[signal.Signals, Any]) -> None:
    for number, handler in before.items():
        if signal.getsignal(number) != handler:
            signal.signal(number, handler)  # raises for one that Python has not set


def _denormals() -> str:
    """The fate of denormal numbers in this thread's arithmetic."""
    smallest = float.fromhex("0x1p-1074")
    return "kept" if smallest * float(1) else "rounded to 0"


def _keep_denormals(value: str) -> None:
    _torch("set_flush_denormal")(value != "kept")


def _precisions() -> dict[str, str]:
    """Precision of fp32 products, by backend."""
    backends = _torch("backends")
    if not hasattr(backends.mkldnn, "matmul"):
        return {"all": _torch("get_float32_matmul_precision")()}
    return {
        "cpu": backends.mkldnn.matmul.fp32_precision,
        "cuda": backends.cuda.matmul.fp32_precision,
    }


def _set_precisions(value: Mapping[str, str]) -> None:
    backends = _torch("backends")
    if "all" in value:
        _torch("set_float32_matmul_precision")(value["all"])
        return
    backends.mkldnn.matmul.fp32_precision = value["cpu"]
    backends.cuda.matmul.fp32_precision = value["cuda"]


def _cudnn() -> dict[str, bool]:
    cudnn = _torch("backends.cudnn")
    return {name: getattr(cudnn, name) for name in ("benchmark", "deterministic", "enabled")}


def _set_cudnn(value: Mapping[str, bool]) -> None:
    for name, each in value.items():
        setattr(_torch("backends.cudnn"), name, each)


def _determinism() -> str:
    if not _torch("are_deterministic_algorithms_enabled")():
        return "off"
    return "warn" if _torch("is_deterministic_algorithms_warn_only_enabled")() else "on"


def _set_determinism(value: str) -> None:
    _torch("use_deterministic_algorithms")(value != "off", warn_only=value == "warn")


def _set_device(value: str) -> None:
    _torch("set_default_device")(None if value == "cpu" else value)


def _modes() -> tuple[int, int]:
    """Number of modes that intercept calls of torch."""
    return _torch("_C._len_torch_function_stack")(), _torch("_C._len_torch_dispatch_stack")()


def _cannot(_: object) -> None:
    raise RuntimeError


_HOOKS = (
    ("torch.nn.modules.module", "_global_backward_hooks"),
    ("torch.nn.modules.module", "_global_backward_pre_hooks"),
    ("torch.nn.modules.module", "_global_forward_hooks"),
    ("torch.nn.modules.module", "_global_forward_pre_hooks"),
    ("torch.nn.modules.module", "_global_module_registration_hooks"),
    ("torch.nn.modules.module", "_global_parameter_registration_hooks"),
    ("torch.nn.modules.module", "_global_buffer_registration_hooks"),
    ("torch.optim.optimizer", "_global_optimizer_pre_hooks"),
    ("torch.optim.optimizer", "_global_optimizer_post_hooks"),
)


def _hooks() -> dict[Any, Any]:
    return {
        (name, key): hook
        for module, name in _HOOKS
        for key, hook in getattr(sys.modules.get(module), name, {}).items()
    }


def _set_hooks(before: Mapping[Any, Any]) -> None:
    for module, name in _HOOKS:
        if (hooks := getattr(sys.modules.get(module), name, None)) is not None:
            hooks.clear()
            hooks.update({key: hook for (of, key), hook in before.items() if of == name})


def _numpy_errors() -> Any:
    return sys.modules["numpy"].geterr()


def _set_numpy_errors(value: Mapping[str, Any]) -> None:
    sys.modules["numpy"].seterr(**value)


_NUMPY_ERRORS = {"divide": "warn", "over": "warn", "under": "ignore", "invalid": "warn"}

_SETTINGS = (
    Setting("the working directory", _directory, os.chdir),
    Setting("signal handlers", _handlers, _handle),
    Setting("the handling of denormal numbers", _denormals, _keep_denormals),
    Setting(
        "numpy's handling of errors",
        _numpy_errors,
        _set_numpy_errors,
        "numpy",
        _NUMPY_ERRORS,
    ),
    Setting(
        "torch's default dtype",
        lambda: str(_torch("get_default_dtype")()).removeprefix("torch."),
        lambda value: _torch("set_default_dtype")(_torch(value)),
        "torch",
        "float32",
    ),
    Setting(
        "torch's default device",
        lambda: str(_torch("get_default_device")()),
        _set_device,
        "torch",
        "cpu",
    ),
    Setting(
        "whether torch computes gradients",
        _calls("is_grad_enabled"),
        _calls("set_grad_enabled"),
        "torch",
        True,
    ),
    Setting(
        "torch's choice of deterministic algorithms",
        _determinism,
        _set_determinism,
        "torch",
        "off",
    ),
    Setting(
        "torch's detection of anomalies",
        _calls("is_anomaly_enabled"),
        _calls("autograd.set_detect_anomaly"),
        "torch",
        False,
    ),
    Setting(
        "torch's threads",
        _calls("get_num_threads"),
        _calls("set_num_threads"),
        "torch",
    ),
    Setting("the precision of torch's products", _precisions, _set_precisions, "torch"),
    Setting("cuDNN's settings", _cudnn, _set_cudnn, "torch"),
    Setting("torch's modes, which catch every call", _modes, _cannot, "torch", (0, 0)),
    Setting("torch's global hooks", _hooks, _set_hooks, "torch", {}),
)
