"""Subcommands of plugins: found when asked for, and none of them can hurt another command."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.plugin.conftest import make_plugin  # noqa: F401  # a fixture
from vsebench.cli.app import main
from vsebench.plugin.host import loader

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.plugin.made_up import MakePlugin

HELLO = """
from vsebench.plugin import hookimpl

@hookimpl
def vsebench_register_commands(app):
    print("printed while it registers")

    @app.command("hello")
    def hello(name: str, loud: bool = False) -> None:
        \"\"\"Greet someone.\"\"\"
        print(f"HELLO {name}" if loud else f"hello {name}")
"""
BROKEN = """
from vsebench.plugin import hookimpl

@hookimpl
def vsebench_register_commands(app):
    raise ValueError("boom")
"""


def call(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(list(arguments))
    return int(ended.value.code or 0)


@pytest.fixture
def install(make_plugin: MakePlugin, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:  # noqa: F811
    def make(*codes: str) -> None:
        plugins = loader.load_from(
            [
                make_plugin(code, dist=f"dist-{i}", entry=f"plugin{i}")
                for i, code in enumerate(codes)
            ]
        )
        assert not plugins.failed
        monkeypatch.setattr(loader, "load_plugins", lambda: plugins)

    return make


def test_a_plugins_command_is_one_like_any_other(
    install: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    install(HELLO)
    assert call("hello", "you", "--loud") == 0
    assert capsys.readouterr().out == "HELLO you\n"
    assert call("hello", "--help") == 0
    assert "Greet someone." in capsys.readouterr().out
    assert call("hello") == 2
    assert "vsebench: error: missing argument 'name'\n" in capsys.readouterr().err.lower()


def test_a_plugin_whose_hook_fails_is_named_and_the_others_serve(
    install: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    install(BROKEN, HELLO)
    assert call("hello", "you") == 0
    captured = capsys.readouterr()
    assert captured.out == "hello you\n"
    assert (
        "vsebench: warning: the commands of plugin 'plugin0' (dist-0) are left out: ValueError: "
        "boom\n" in captured.err
    )


@pytest.mark.parametrize("name", ["run", "hello"])
def test_a_name_that_is_taken_leaves_all_of_its_plugin_out(
    name: str, install: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    install(
        HELLO,
        HELLO.replace('"hello"', '"first"').replace("def hello", "def first")
        + f'\n    app.command("{name}")(lambda: None)\n',
    )
    assert call("first", "you") == 2
    error = capsys.readouterr().err
    assert (
        f"the commands of plugin 'plugin1' (dist-1) are left out: PluginError: command '{name}' "
        "is taken" in error
    )
    assert "no such command 'first'" in error


def test_a_misspelt_command_is_answered_with_the_nearest_of_all(
    install: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    install(HELLO)
    assert call("helo") == 2
    assert (
        "vsebench: error: no such command 'helo': did you mean 'hello'?\n"
        in capsys.readouterr().err
    )
    assert call("reprot") == 2
    assert "did you mean 'report'?" in capsys.readouterr().err


def test_help_and_built_in_commands_load_no_plugin() -> None:
    code = (
        "import sys\nfrom vsebench.cli.app import main\n"
        "try:\n    main(sys.argv[1:])\nexcept SystemExit as end:\n    sys.exit(end.code or "
        "'vsebench_plugins.classic' in sys.modules or 'torch' in sys.modules)"
    )
    for arguments in (["--help"], ["run", "--help"], ["report", "--help"]):
        ended = subprocess.run(
            [sys.executable, "-c", code, *arguments], capture_output=True, text=True
        )
        assert ended.returncode == 0, ended.stderr
        assert "Usage: vsebench" in ended.stdout
