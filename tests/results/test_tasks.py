"""Tasks are loaded by name, from any thread."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor, wait
from importlib import import_module
from threading import Event
from types import SimpleNamespace
from typing import TYPE_CHECKING

from vsebench.results import tasks

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

SLOW = """
import gate

gate.begun.set()
gate.open.wait(60)
TASK = "loaded"
"""


def test_a_module_that_another_thread_imports_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = SimpleNamespace(begun=Event(), open=Event())
    (tmp_path / "slow_task.py").write_text(SLOW, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(sys.modules, "gate", gate)
    monkeypatch.setitem(tasks.TASKS, "slow", "slow_task:TASK")
    with ThreadPoolExecutor(2) as threads:
        importing = threads.submit(import_module, "slow_task")
        assert gate.begun.wait(60)
        found = threads.submit(tasks.task_named, "slow")
        wait([found], timeout=0.2)  # time in which a wrong answer would be given
        gate.open.set()
        assert str(found.result(60)) == "loaded"
        importing.result(60)
    monkeypatch.delitem(sys.modules, "slow_task")
