"""The example packages, put where Python finds them without pip: its folder, and the metadata that
an installation would leave.
"""

from __future__ import annotations

import importlib
import sys
import tomllib
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from vsebench.plugin.host.loader import load_plugins

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "plugins" / "examples"
NAMES = tuple(
    sorted(folder.name for folder in EXAMPLES.iterdir() if (folder / "pyproject.toml").is_file())
)
NEEDS = {"vsebench-multi-similarity": "pytorch_metric_learning"}
"""What an example needs beyond vsebench itself."""


@contextmanager
def on_the_path(project: Path, site: Path) -> Iterator[None]:
    """Makes a project's plugins loadable, in this process and in those that it starts."""
    about = tomllib.loads((project / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    info = site / f"{about['name'].replace('-', '_')}-{about['version']}.dist-info"
    info.mkdir(parents=True, exist_ok=True)
    (info / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {about['name']}\nVersion: {about['version']}\n",
        encoding="utf-8",
    )
    entries = "".join(
        f"{name} = {module}\n" for name, module in about["entry-points"]["vsebench"].items()
    )
    (info / "entry_points.txt").write_text(f"[vsebench]\n{entries}", encoding="utf-8")
    added = [str(site), str(project / "src")]
    sys.path[:0] = added
    importlib.invalidate_caches()
    load_plugins.cache_clear()
    try:
        yield
    finally:
        for path in added:
            sys.path.remove(path)
        for name in [name for name, module in sys.modules.items() if _lies_in(module, project)]:
            del sys.modules[name]
        load_plugins.cache_clear()


def _lies_in(module: ModuleType, project: Path) -> bool:
    file = getattr(module, "__file__", None)
    return file is not None and Path(file).is_relative_to(project / "src")
