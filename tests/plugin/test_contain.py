"""What a plugin changes for the whole process is put back and named, or the plugin fails."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from importlib.metadata import entry_points
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from tests.plugin.made_up import MakePlugin, pooling
from vsebench.plugin import PluginError
from vsebench.plugin.host import contain
from vsebench.plugin.host.contain import check_unchanged, contained, reseeded, unchanged
from vsebench.plugin.host.globals import now
from vsebench.plugin.host.loader import load_from

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


class Mine:
    pass


def _replaced_step() -> None:
    torch.optim.SGD.step = lambda self: None  # type: ignore[method-assign,assignment]


def _shadowed_sum() -> None:
    torch.Tensor.sum = lambda self: self  # type: ignore[method-assign,assignment]


DEEDS: dict[str, tuple[Callable[[], object], str]] = {
    "dtype": (
        lambda: torch.set_default_dtype(torch.float64),
        "torch's default dtype (from float32 to float64)",
    ),
    "gradients": (
        lambda: torch.set_grad_enabled(False),
        "whether torch computes gradients (from True to False)",
    ),
    "device": (
        lambda: torch.set_default_device("meta"),
        "torch's default device (from cpu to meta)",
    ),
    "threads": (lambda: torch.set_num_threads(torch.get_num_threads() + 1), "torch's threads"),
    "determinism": (
        lambda: torch.use_deterministic_algorithms(True),
        "torch's choice of deterministic algorithms (from off to on)",
    ),
    "anomalies": (
        lambda: torch.autograd.set_detect_anomaly(True),
        "torch's detection of anomalies",
    ),
    "denormals": (
        lambda: torch.set_flush_denormal(True),
        "the handling of denormal numbers (from kept to rounded to 0)",
    ),
    "hooks": (
        lambda: torch.nn.modules.module.register_module_forward_hook(lambda *_: None),
        "torch's global hooks (forward_hooks)",
    ),
    "cudnn": (
        lambda: setattr(torch.backends.cudnn, "benchmark", True),
        "cuDNN's settings (benchmark)",
    ),
    "numpy's errors": (
        lambda: np.seterr(divide="raise"),
        "numpy's handling of errors (divide)",
    ),
    "cwd": (lambda: os.chdir("/"), "the working directory (from "),
    "signals": (
        lambda: signal.signal(signal.SIGTERM, signal.SIG_IGN),
        "signal handlers (SIGTERM)",
    ),
    "a function of numpy": (
        lambda: setattr(np, "sum", np.mean),
        "the function numpy.sum",
    ),
    "a method": (_replaced_step, "the function torch.optim.sgd.SGD.step"),
    "an inherited method": (_shadowed_sum, "the function torch.Tensor.sum"),
    "a function of Python": (
        lambda: setattr(time, "monotonic", lambda: 0.0),
        "the function time.monotonic",
    ),
}


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    """Whatever these tests leave, others do not see."""
    before = now()
    contain._noted.clear()
    yield
    before.put_back()
    contain._noted.clear()


@pytest.mark.parametrize("deed", DEEDS)
def test_what_changes_inside_is_put_back_and_noted(deed: str) -> None:
    change, name = DEEDS[deed]
    before = now()
    with contained("plugin 'p' (d)", "when it was imported"):
        change()
    assert before.put_back() == []
    (note,) = contain.noted()
    assert note.startswith(f"plugin 'p' (d) changed {name}")
    assert note.endswith(" when it was imported: put back")


@pytest.mark.parametrize("deed", DEEDS)
def test_what_changes_while_numbers_are_made_fails_the_run(deed: str) -> None:
    change, name = DEEDS[deed]
    before = now()
    with pytest.raises(PluginError, match="falsifies its numbers") as error, unchanged(["p"]):
        change()
    assert str(error.value).startswith(f"p changed {name}")
    assert before.put_back() == []


def test_nothing_is_said_of_what_stays() -> None:
    with unchanged(), contained("p", "now"):
        model = torch.nn.Linear(2, 2)
        optimiser = torch.optim.AdamW(model.parameters())  # torch wraps its `step`
        model(torch.ones(1, 2)).sum().backward()
        optimiser.step()
        torch.rand(3)
        check_unchanged()
    assert contain.noted() == []


def test_what_cannot_be_put_back_is_an_error() -> None:
    mode = TorchDispatchMode()
    try:
        with (
            pytest.raises(
                PluginError, match=r"^p changed torch's modes.*, which cannot be put back"
            ),
            contained("p", "when it was imported"),
        ):
            mode.__enter__()
    finally:
        mode.__exit__(None, None, None)


def test_an_error_inside_stays_the_error() -> None:
    with pytest.raises(KeyError, match="mine"), contained("p", "now"):  # noqa: PT012
        torch.set_default_dtype(torch.float64)
        raise KeyError("mine")
    assert torch.get_default_dtype() == torch.float32


def test_what_failed_because_of_a_change_is_the_changes_failure() -> None:
    with pytest.raises(PluginError, match="p changed torch's default dtype"), unchanged(["p"]):  # noqa: PT012
        torch.set_default_dtype(torch.float64)
        raise TypeError("float32 expected")
    with pytest.raises(TypeError), unchanged(["p"]):
        raise TypeError("float32 expected")


def test_a_seed_that_the_suite_has_not_set_is_noticed() -> None:
    with pytest.raises(PluginError, match="the seed of torch's"), unchanged():  # noqa: PT012
        torch.manual_seed(3)
        reseeded()
        check_unchanged()
        torch.manual_seed(4)


def test_nobody_ends_the_process(tmp_path: Path) -> None:
    with (
        pytest.raises(PluginError, match=r"^p called os._exit\(0\) now, which ends the whole"),
        contained("p", "now"),
    ):
        os._exit(0)
    child = os.fork()
    if child == 0:
        os._exit(7)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7


def test_an_import_leaves_settings_functions_and_random_numbers(make_plugin: MakePlugin) -> None:
    def state() -> tuple[object, ...]:
        return random.getstate(), np.random.get_state()[2], torch.initial_seed()  # noqa: NPY002

    before = state()
    source = make_plugin(
        "import random, numpy, torch\n"
        "random.seed(1); numpy.random.seed(1); torch.manual_seed(1)\n"
        "torch.set_default_dtype(torch.float64)\n" + pooling("x")
    )
    plugins = load_from([source])
    assert [info.status for info in plugins.infos] == ["loaded"]
    assert torch.get_default_dtype() == torch.float32
    assert state() == before
    assert "torch's default dtype (from float32 to float64) when it was imported" in str(
        contain.noted()
    )


def test_a_plugin_that_ends_the_process_when_it_is_imported_has_failed(
    make_plugin: MakePlugin,
) -> None:
    (info,) = load_from([make_plugin("import os\nos._exit(0)")]).infos
    assert info.status == "failed"
    assert "it called os._exit(0) when it was imported" in info.error


OWN = """
import sys
from vsebench.plugin.host.globals import now
import vsebench.retrieval.training.train, vsebench.annotation.run
before = now()
from vsebench.plugin.host.loader import load_plugins
for component in load_plugins().registry:
    component.load()
    changes = before.put_back()
    assert not changes, (component.owner, changes)
print("checked")
"""


def test_the_suites_own_plugins_change_nothing() -> None:
    """So that they need no watching."""
    assert len(list(entry_points(group="vsebench"))) > 10
    done = subprocess.run([sys.executable, "-c", OWN], capture_output=True, text=True)
    assert done.stdout == "checked\n", done.stderr


DECIDED = """
import atexit, os, sys
from vsebench.__main__ import main
atexit.register(lambda: os._exit(7))
main()
"""


def test_a_handler_at_exit_does_not_choose_the_exit_code() -> None:
    done = subprocess.run(
        [sys.executable, "-c", DECIDED, "--version"], capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")
    done = subprocess.run(
        [sys.executable, "-c", DECIDED, "--no-such-option"], capture_output=True, text=True
    )
    assert done.returncode == 2
