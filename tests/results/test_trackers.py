"""Which trackers are called, and who asks for them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.factories import make_spec
from tests.plugin.conftest import make_plugin  # noqa: F401  # a fixture
from vsebench.plugin import SpecError
from vsebench.plugin.errors import MissingExtraError
from vsebench.plugin.host.loader import load_from, load_plugins
from vsebench.plugin.host.trackers import tracked
from vsebench.plugin.runtime import VARIABLE, asked_trackers
from vsebench.results.observers import Observers, info_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.plugin.made_up import MakePlugin

CODE = """
from vsebench.plugin import Tracker, hookimpl

seen = []
{tracker}

@hookimpl
def vsebench_run_started(run):
    seen.append(run.run_id)
"""


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.delenv(VARIABLE, raising=False)
    load_plugins.cache_clear()
    yield
    load_plugins.cache_clear()


def test_a_tracker_is_called_only_where_it_is_asked_for(
    make_plugin: MakePlugin,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    codes = (CODE.format(tracker=""), CODE.format(tracker='vsebench_tracker = Tracker("mine")'))
    plugins = load_from(
        [make_plugin(code, dist=f"dist-{i}", entry="it") for i, code in enumerate(codes)]
    )

    def called() -> list[int]:
        Observers(plugins, info_of(make_spec(), Path("run"))).started()
        modules = [plugins.manager.get_plugin(f"dist-{i}:it") for i in range(2)]
        return [len(module.seen) for module in modules]  # type: ignore[union-attr]

    assert called() == [1, 0]
    monkeypatch.setenv(VARIABLE, "other, mine")
    assert called() == [2, 1]


def test_names_are_asked_for_while_a_command_runs(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text(CODE.format(tracker='vsebench_tracker = Tracker("mine")'))
    with tracked(["mine"], [str(file)]):
        assert asked_trackers() == ("mine",)
    assert VARIABLE not in os.environ
    os.environ[VARIABLE] = "other"
    with tracked(["mine"], [str(file)]):
        assert asked_trackers() == ("mine",)
    assert asked_trackers() == ("other",)
    with tracked([]):
        assert asked_trackers() == ("other",)


def test_an_unknown_tracker_and_a_missing_library_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    made = 'vsebench_tracker = Tracker("mine", library="no_such_library", extra={extra!r})'
    file.write_text(CODE.format(tracker=made.format(extra="mine")))
    with (
        pytest.raises(SpecError, match="unknown tracker 'mime': did you mean 'mine'"),
        tracked(["mime"], [str(file)]),
    ):
        pass
    with pytest.raises(MissingExtraError, match="no_such_library"), tracked(["mine"], [str(file)]):
        pass
    other = tmp_path / "other.py"
    other.write_text(CODE.format(tracker=made.format(extra="")))
    with (
        pytest.raises(SpecError, match="tracker 'mine' needs no_such_library"),
        tracked(["mine"], [str(other)]),
    ):
        pass
    assert VARIABLE not in os.environ
