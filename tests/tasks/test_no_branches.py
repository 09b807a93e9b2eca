"""What differs between tasks is in their packages and on their `Task`: no other module asks which
task it has before it.
"""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from vsebench.results.tasks import TASKS

ROOT = Path(__file__).parents[2] / "vsebench"
OWN = ("retrieval/", "annotation/", "patterns/", "grid/plan_", "grid/axes_")
"""What belongs to one task."""
CLASSES = {
    "RunSpec",
    "AnnotationSpec",
    "Protocol",
    "AnnotationProtocol",
    "RetrievalData",
    "AnnotationData",
    "AnnotationCard",
    "PatternsSpec",
    "PatternsProtocol",
    "PatternsData",
}
DEFINITIONS = {"results/tasks.py", "plugin/metrics.py"}
"""Where things are listed by task."""
EXCEPT = {"data/prepare/audit.py": 1}
"""Captions and features of two splits can be the same only where there are such."""


def branches(source: str) -> list[int]:
    """The lines of a module on which it asks for the task: an `isinstance` with a class of one
    task, a comparison of a task with a name, or a dict by task. A check that only refuses (`if not
    isinstance(…): raise`, `assert isinstance(…)`) is none.
    """
    tree = ast.parse(source)
    refusing = {
        id(node)
        for statement in ast.walk(tree)
        if isinstance(statement, ast.Assert)
        or (isinstance(statement, ast.If) and isinstance(statement.body[0], ast.Raise))
        for node in ast.walk(statement.test)
    }
    return sorted(
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.Call | ast.Compare | ast.Dict)
        and id(node) not in refusing
        and _asks(node)
    )


def _asks(node: ast.Call | ast.Compare | ast.Dict) -> bool:
    if isinstance(node, ast.Call):
        called = isinstance(node.func, ast.Name) and node.func.id == "isinstance"
        return called and any(
            isinstance(part, ast.Name) and part.id in CLASSES for part in ast.walk(node.args[1])
        )
    if isinstance(node, ast.Dict):
        return sum(_is_name(key) for key in node.keys if key is not None) > 1
    return any(_is_name(side) for side in (node.left, *node.comparators))


def _is_name(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value in TASKS


def modules() -> list[str]:
    names = (path.relative_to(ROOT).as_posix() for path in sorted(ROOT.rglob("*.py")))
    return [name for name in names if not name.startswith(OWN) and name not in DEFINITIONS]


def test_no_module_asks_for_the_task() -> None:
    found = {name: branches((ROOT / name).read_text(encoding="utf-8")) for name in modules()}
    assert len(found) > 200
    assert {name: len(lines) for name, lines in found.items() if lines} == EXCEPT


@pytest.mark.parametrize(
    "source",
    [
        "x = 1 if isinstance(spec, RunSpec) else 2",
        "if isinstance(data, (list, AnnotationData)): pass",
        "runs = plan() if task == 'annotation' else other()",
        "if 'retrieval' != run.task: pass",
        "TABLES = {'retrieval': 1, 'annotation': 2}",
    ],
)
def test_a_branch_is_seen(source: str) -> None:
    assert branches(source) == [1]


@pytest.mark.parametrize(
    "source",
    [
        "if not isinstance(spec, RunSpec): raise ValueError",
        "assert isinstance(data, AnnotationData)",
        "shown = METRICS['retrieval']",
        "isinstance(value, str)",
    ],
)
def test_a_refusal_is_no_branch(source: str) -> None:
    assert branches(source) == []
