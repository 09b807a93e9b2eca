"""`vsebench new`: a complete distribution with one component, for its author to make their own.

`render` is a pure function from a `Project` to the text of its files; the templates are package
data. Importing this imports nothing heavy.
"""

from __future__ import annotations

from vsebench.scaffold.project import LICENCES, Project
from vsebench.scaffold.render import render, requirement, write

__all__ = ("LICENCES", "Project", "render", "requirement", "write")
