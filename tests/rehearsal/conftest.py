"""The tiny set of the retrieval tests."""

from __future__ import annotations

from tests.retrieval.conftest import plan_runs, tiny_root

__all__ = ("plan_runs", "tiny_root")
