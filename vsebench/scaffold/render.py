"""The files of a new plugin: their text, from templates, and its folder, written as a whole or not
at all.
"""

from __future__ import annotations

import ast
import datetime as dt
import importlib.metadata
import json
import re
from typing import TYPE_CHECKING

from vsebench.files import appearing, guarded
from vsebench.plugin.errors import SpecError
from vsebench.plugin.kinds import KINDS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from jinja2 import Environment

    from vsebench.scaffold.project import Project


_PLAIN = re.compile(r"[\w.:/@+~-]+")
"""Addresses that need no quoting in YAML or in a shell."""


def render(
    project: Project, *, version: str, api: int, source: str = "vsebench", year: int | None = None
) -> dict[str, str]:
    """The files of a project: text by path.

    Args:
        project: what to write.
        version: oldest version of vsebench that the package asks for.
        api: version of the plugin API that it is written for.
        source: requirement from which the package's CI installs vsebench.
        year: year of the copyright; this year where none is given.

    Raises:
        SpecError: the class would have the name of something that its module imports.
    """
    environment = _environment()
    values = {
        "project": project,
        "kind": KINDS[project.kind],
        "start": project.start,
        "version": version,
        "api": api,
        "source": source,
        "year": year or dt.datetime.now(tz=dt.UTC).year,
    }
    templates = {
        "pyproject.toml": "pyproject.toml.jinja",
        "README.md": "README.md.jinja",
        "AGENTS.md": "AGENTS.md.jinja",
        "LICENSE": f"licences/{project.licence}.txt.jinja",
        ".gitignore": "gitignore.jinja",
        ".github/workflows/ci.yml": "ci.yml.jinja",
        f"src/{project.package}/__init__.py": "plugin.py.jinja",
        f"src/{project.package}/{project.module}.py": f"components/{project.module}.py.jinja",
        f"tests/test_{project.name}.py": "test.py.jinja",
    }
    files = {
        path: environment.get_template(template).render(values)
        for path, template in templates.items()
    }
    _check_class(project, files[f"src/{project.package}/{project.module}.py"])
    return files


def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    return Environment(
        loader=PackageLoader("vsebench.scaffold"),
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=False,  # Python, TOML and Markdown, not HTML
    )


def _check_class(project: Project, code: str) -> None:
    imported = {
        alias.asname or alias.name
        for node in ast.walk(ast.parse(code))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    if project.class_name in imported:
        raise SpecError(
            f"the class of '{project.name}' would be called {project.class_name}, which its "
            "module imports: choose another name"
        )


def write(files: Mapping[str, str], folder: Path) -> None:
    """Writes files into a new folder, which appears when all are written.

    Args:
        files: text by path inside the folder.
        folder: must not exist; the folder that it is in is made where needed.

    Raises:
        SpecError: something of that name exists.
        WriteError: it cannot be written.
    """
    if folder.exists() or folder.is_symlink():
        raise SpecError(
            f"'{folder}' exists already: choose another name, or move it out of the way"
        )
    with guarded(folder, choose="another name"), appearing(folder) as unfinished:
        for path, text in files.items():
            file = unfinished / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")


def requirement(name: str) -> str:
    """What to pass to `pip install` for a distribution: the repository that it was installed from,
    at the same branch, tag or commit; otherwise its name, which means the latest release. A folder
    on this machine counts as a release, since nobody else can reach it.
    """
    try:
        distribution = importlib.metadata.distribution(name)
        about = json.loads(distribution.read_text("direct_url.json") or "{}")
        vcs = about["vcs_info"]
        revision = vcs.get("requested_revision") or vcs["commit_id"]
        source = f"{vcs['vcs']}+{about['url']}@{revision}"
    except (ImportError, ValueError, LookupError, TypeError, OSError):
        return name
    return source if _PLAIN.fullmatch(source) else name
