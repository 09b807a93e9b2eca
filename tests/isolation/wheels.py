"""Wheels of plugins, sound and broken, written with zipfile, and an environment to install them
in.
"""

from __future__ import annotations

import subprocess
import sys
import sysconfig
import venv
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


@dataclass(frozen=True)
class Wheel:
    """A distribution with one plugin.

    Attributes:
        name: of the distribution; its module has underscores.
        code: of the module.
        entries: what its entry points name, a line each.
        requires: as `Requires-Dist` writes it.
        files: other modules, text by path.
    """

    name: str
    code: str
    entries: tuple[str, ...] = ()
    requires: tuple[str, ...] = ()
    files: Mapping[str, str] = field(default_factory=dict)

    @property
    def module(self) -> str:
        return self.name.replace("-", "_")

    def write(self, folder: Path) -> Path:
        """The wheel's file."""
        info = f"{self.module}-1.0.dist-info"
        entries = self.entries or (f"{self.module} = {self.module}",)
        contents = {
            f"{self.module}.py": self.code,
            **self.files,
            f"{info}/METADATA": "\n".join(
                [
                    "Metadata-Version: 2.1",
                    f"Name: {self.name}",
                    "Version: 1.0",
                    *(f"Requires-Dist: {r}" for r in self.requires),
                    "",
                ]
            ),
            f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: "
            "py3-none-any\n",
            f"{info}/entry_points.txt": "\n".join(["[vsebench]", *entries, ""]),
        }
        contents[f"{info}/RECORD"] = "".join(
            f"{path},,\n" for path in [*contents, f"{info}/RECORD"]
        )
        file = folder / f"{self.module}-1.0-py3-none-any.whl"
        with zipfile.ZipFile(file, "w") as archive:
            for path, text in contents.items():
                archive.writestr(path, text)
        return file


@dataclass(frozen=True)
class Environment:
    """A virtual environment that sees the packages of the one that tests run in."""

    python: Path

    @classmethod
    def make(cls, folder: Path) -> Environment:
        venv.create(folder, with_pip=False)
        python = folder / "bin" / "python"
        site = subprocess.run(
            [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        (Path(site) / "tests.pth").write_text(
            f"import site; site.addsitedir({sysconfig.get_path('purelib')!r})\n"
        )
        return cls(python)

    def pip(self, *arguments: str | Path) -> None:
        done = subprocess.run(
            [sys.executable, "-m", "pip", "--python", self.python, *arguments],
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr

    def install(self, wheels: Iterable[Wheel], folder: Path) -> None:
        """Installs wheels, written to `folder`, in one call of pip."""
        self.pip(
            "install",
            "--quiet",
            "--no-deps",
            "--no-index",
            "--disable-pip-version-check",
            *(wheel.write(folder) for wheel in wheels),
        )

    def vsebench(
        self, *arguments: str | Path, cwd: Path, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        """Runs the command line in a folder."""
        from os import environ

        kept = {
            key: value
            for key, value in environ.items()
            if not key.startswith("VSEBENCH_") or key == "VSEBENCH_CACHE"
        }
        return subprocess.run(
            [self.python, "-m", "vsebench", *arguments],
            capture_output=True,
            text=True,
            cwd=cwd,
            env={**kept, "OMP_NUM_THREADS": "1", **environment},
        )
