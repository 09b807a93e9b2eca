"""The table of kinds: what other packages keep for each is there, and a new kind is one entry."""

from __future__ import annotations

import importlib.resources
import json
from typing import TYPE_CHECKING

import pytest

from vsebench import plugin
from vsebench.cli.app import main
from vsebench.plugin import Card, PluginError, SpecError
from vsebench.plugin.host.loader import load_plugins
from vsebench.plugin.kinds import KINDS, Kind, kind_named
from vsebench.scaffold.kinds import STARTS
from vsebench.testing import checks
from vsebench.testing.kinds import GROUPS

if TYPE_CHECKING:
    from pathlib import Path

JUDGE = """
from vsebench.plugin import Param, hookimpl
from tests.plugin.test_kinds import JudgeCard

@hookimpl
def vsebench_register_judges(register):
    register("strict", f"{__name__}:Strict", params=[Param("votes", 3)], card=JudgeCard("says no"))

class Strict:
    def __init__(self, votes, room):
        self.votes, self.room = votes, room
"""


class JudgeCard(Card):
    """The card of a kind that there is not."""


@pytest.fixture
def judges(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """One more kind, and a plugin file with a component of it."""
    monkeypatch.setitem(
        KINDS,  # type: ignore[arg-type]  # which nobody else may change
        "judge",
        Kind(
            "judge",
            "judge",
            "judges",
            "judges what was found",
            roles=(),
            option="--judge NAME",
            context=frozenset({"room"}),
            card=JudgeCard,
        ),
    )
    file = tmp_path / "judges.py"
    file.write_text(JUDGE)
    return str(file)


def printed(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    with pytest.raises(SystemExit) as caught:
        main([*arguments])
    assert caught.value.code in (0, None), capsys.readouterr().err
    return capsys.readouterr().out


def test_a_new_kind_is_one_entry(judges: str, capsys: pytest.CaptureFixture[str]) -> None:
    component = load_plugins((judges,)).registry.get("judge", "strict")
    made = component.create({"votes": "5"}, room="the large one")
    assert (made.votes, made.room) == (5, "the large one")
    with pytest.raises(SpecError, match="a judge takes no context 'rooms': did you mean 'room'"):
        component.create(rooms=2)
    listed = json.loads(printed(capsys, "plugins", "--kind", "judge", "--plugin", judges, "--json"))
    assert [each["components"] for each in listed["plugins"]] == [
        [{"kind": "judge", "name": "strict"}]
    ]
    assert "judge: strict" in printed(capsys, "plugins", "--plugin", judges)
    shown = printed(capsys, "show", "strict", "--plugin", judges)
    assert "strict (judge): says no" in shown
    assert "used with --judge strict" in shown
    assert [check.promise.name for check in checks("judge", "strict", plugins=(judges,))]


def test_a_new_kind_has_the_card_that_its_entry_names(judges: str, tmp_path: Path) -> None:
    other = tmp_path / "other_judges.py"
    code = JUDGE.replace("JudgeCard(", "Card(").replace("import Param", "import Card, Param")
    other.write_text(code)
    with pytest.raises(PluginError, match="with a Card: it needs a JudgeCard"):
        load_plugins((str(other),))


def test_without_the_entry_its_hook_is_unknown(tmp_path: Path) -> None:
    file = tmp_path / "nobodys_judges.py"
    file.write_text(JUDGE)
    with pytest.raises(PluginError, match="unknown hook 'vsebench_register_judges'"):
        load_plugins((str(file),))


def test_an_unknown_kind_is_an_error_with_the_nearest_match() -> None:
    with pytest.raises(SpecError, match="unknown kind of component 'losss': did you mean 'loss'"):
        kind_named("losss")


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.name)
def test_the_classes_of_a_kind_play_a_role_that_plugins_may_import(kind: Kind) -> None:
    assert kind.roles
    for role in kind.roles:
        assert getattr(getattr(plugin, role), "_is_protocol", False)


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.name)
def test_kinds_of_one_hook_differ_in_their_side(kind: Kind) -> None:
    sides = [other.side for other in KINDS.values() if other.hook == kind.hook]
    assert len(set(sides)) == len(sides)
    assert len(sides) == 1 or all(sides)
    assert KINDS[kind.name] is kind


def test_the_conformance_kit_says_of_every_kind_what_it_promises() -> None:
    assert list(GROUPS) == list(KINDS)


def test_the_scaffold_says_of_every_kind_what_it_starts_as() -> None:
    assert list(STARTS) == list(KINDS)
    templates = importlib.resources.files("vsebench.scaffold") / "templates" / "components"
    assert {file.name for file in templates.iterdir()} == {
        f"{kind.replace('-', '_')}.py.jinja" for kind, start in STARTS.items() if start is not None
    }
