"""Where and with what a run is made."""

from __future__ import annotations

import functools
import os
import platform
import subprocess
from contextlib import suppress
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from vsebench.results.plugins import releases
from vsebench.results.record import Provenance

if TYPE_CHECKING:
    from collections.abc import Iterable

    import torch

    from vsebench.plugin.host.loaded import Plugins

RUN_DEVICES = "VSEBENCH_RUN_DEVICES"
"""The environment variable that says which of the machine's CUDA devices a run has, as `--device`
names them.
"""

_LIBRARIES = ("vsebench", "torch", "numpy", "numba", "transformers", "pillow")
_CPUS = Path("/proc/cpuinfo")
_GENERATION = (
    *("cpu family", "model", "stepping"),
    *("CPU implementer", "CPU variant", "CPU part", "CPU revision"),
)
_PACKAGE = Path(__file__).parent.parent
# What a hook of somebody's repository leaves to the commands that it starts
_OF_ANOTHER = (
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
)


def provenance(device: torch.device, matmul: str, plugins: Plugins | None = None) -> Provenance:
    """What the record says of the machine and the libraries.

    Args:
        device: device that the run uses.
        matmul: how fp32 matrix products are computed.
        plugins: the plugins that the run's process has imported.
    """
    import torch

    cpu = this_cpu() if device.type == "cpu" else None
    return Provenance(
        started=now(),
        host=platform.node(),
        device_name=torch.cuda.get_device_name(device) if cpu is None else cpu.name,
        cpu_generation="" if cpu is None else cpu.generation,
        libraries={
            "python": platform.python_version(),
            **versions(_LIBRARIES),
        },
        git_commit=loaded_commit(),
        matmul=matmul,
        devices=os.environ.get(RUN_DEVICES, "") if device.type == "cuda" else "",
        plugins={} if plugins is None else releases(plugins),
    )


def now() -> str:
    """UTC, ISO 8601, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def versions(libraries: Iterable[str]) -> dict[str, str]:
    """The versions of those that are installed; some come with extras."""
    found = {}
    for name in libraries:
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


@functools.cache
def loaded_commit() -> str | None:
    """The `git_commit` of the code that this process has loaded."""
    return git_commit()


def git_commit(package: Path = _PACKAGE) -> str | None:
    """The commit of the checkout that a package is imported from, with '+' when tracked files
    differ from it.

    Args:
        package: its folder; vsebench's own unless told.

    Returns:
        None where the package is no part of a repository, as an environment installed inside one is
        not.
    """
    environment = {name: value for name, value in os.environ.items() if name not in _OF_ANOTHER}

    def git(*arguments: str) -> str:
        return subprocess.run(
            ["git", *arguments],
            capture_output=True,
            text=True,
            check=True,
            cwd=package,
            env=environment,
            timeout=10,
        ).stdout.strip()

    try:
        git("ls-files", "--error-unmatch", "__init__.py")
        return git("rev-parse", "HEAD") + (
            "+" if git("status", "--porcelain", "--untracked-files=no") else ""
        )
    except (OSError, subprocess.SubprocessError):
        return None


class Cpu(NamedTuple):
    """A CPU as the system tells it.

    Attributes:
        name: what its maker calls it; clouds call several generations alike.
        generation: its numbers by which those are told apart, `25-17-1`: family, model and stepping
            on x86, implementer, variant, part and revision on ARM. Empty where the system has none.
    """

    name: str
    generation: str


def this_cpu() -> Cpu:
    """That of this machine, its first where there are several."""
    try:
        text = _CPUS.read_text(encoding="utf-8", errors="replace")
    except OSError:
        text = ""
    lines = (line.partition(":") for line in text.partition("\n\n")[0].splitlines())
    said = {key.strip(): value.strip() for key, _, value in lines}
    return Cpu(
        said.get("model name") or platform.processor() or platform.machine(),
        "-".join(said[key] for key in _GENERATION if said.get(key)),
    )
