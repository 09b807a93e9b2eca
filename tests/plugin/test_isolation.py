"""A broken plugin takes down itself only, says why, and leaves nothing behind."""

from __future__ import annotations

import pytest

from tests.plugin.made_up import MakePlugin, pooling
from vsebench.plugin.host.loader import load_from

BROKEN = {
    "import error": (
        "import no_such_module_anywhere",
        "ModuleNotFoundError: No module named 'no_such_module_anywhere'",
    ),
    "missing name": (
        "from vsebench.plugin import no_such_name",
        "ImportError: cannot import name 'no_such_name'",
    ),
    "syntax error": ("def broken(:\n    pass", "SyntaxError: invalid syntax"),
    "crash at import": ("1 / 0", "ZeroDivisionError: division by zero"),
    "exit at import": ("import sys\nsys.exit(3)", "SystemExit: 3"),
    "newer API": (
        "vsebench_api = 999\n" + pooling("late"),
        "written for plugin API 999, this vsebench offers 1",
    ),
    "API not a number": (
        "vsebench_api = '1'\n" + pooling("late"),
        "its vsebench_api is '1': it must be an integer",
    ),
    "wrong signature": (
        (
            "from vsebench.plugin import hookimpl\n@hookimpl\ndef "
            "vsebench_register_poolings(registry): pass"
        ),
        (
            "Argument(s) {'registry'} are declared in the hookimpl "
            "but can not be found in the hookspec"
        ),
    ),
    "unknown hook": (
        (
            "from vsebench.plugin import hookimpl\n@hookimpl\ndef "
            "vsebench_register_poolingz(register): pass"
        ),
        "unknown hook 'vsebench_register_poolingz': did you mean 'vsebench_register_poolings'?",
    ),
    "undecorated hook": (
        "def vsebench_register_losses(register): pass",
        "its function vsebench_register_losses is no hook: decorate it with @hookimpl",
    ),
    "no hook": ("x = 1", "it implements no hook"),
    "crash after registering": (
        pooling("half") + "    raise RuntimeError('too late')",
        "RuntimeError: too late",
    ),
    "same name twice": (
        pooling("twice") + "    register('twice', 'a:B', card=Card('again'))",
        "pooling 'twice' is registered twice by third-party",
    ),
    "bad name": (pooling("not,good"), "names hold no spaces and none of % , : / ="),
    "bad target": (pooling("x", target="no_colon"), "with target 'no_colon': write 'module:Class'"),
    "class as target": (
        "class Mine: pass\n" + pooling("x", target="NAME").replace('"NAME"', "Mine"),
        """with an object instead of its name: write f"{__name__}:Mine" or "module:Mine", so""",
    ),
    "no card": (
        pooling("x").replace("card=", "cards="),
        "TypeError: register() got an unexpected keyword argument 'cards'",
    ),
    "wrong card": (pooling("x").replace("poolings", "losses"), "with a Card: it needs a LossCard"),
    "parameter without a type": (pooling("x").replace("5", "None"), "has the default None"),
    "parameter twice": (
        pooling("x").replace('[Param("k", 5)]', '[Param("k", 5), Param("k", 6)]'),
        "with two parameters 'k'",
    ),
    "default outside its bounds": (
        pooling("x").replace("5)", "5, minimum=9)"),
        "parameter 'k' must be at least 9, got 5",
    ),
    "encoder without a side": (
        pooling("x").replace("poolings", "encoders").replace("params=", "side='both', params="),
        "encoder 'x' has side 'both': write 'image' or 'text'",
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_broken_plugin_takes_down_itself_only(case: str, make_plugin: MakePlugin):
    code, error = BROKEN[case]
    sources = [
        make_plugin(pooling("before"), dist="first"),
        make_plugin(code),
        make_plugin(pooling("after"), dist="last"),
    ]
    plugins = load_from(sources)
    assert [info.status for info in plugins.infos] == ["loaded", "failed", "loaded"]
    assert error in plugins.infos[1].error
    assert [component.name for component in plugins.registry] == ["after", "before"]
    assert [name for name, _ in plugins.manager.list_name_plugin()] == ["first:extra", "last:extra"]
    assert plugins.infos[1].components == ()


def test_the_cure_names_what_is_missing_and_how_to_do_without(make_plugin: MakePlugin):
    missing, old, own = load_from(
        [
            make_plugin("import no_such_module_anywhere"),
            make_plugin("vsebench_api = 999\n" + pooling("late"), dist="other"),
            make_plugin("1 / 0", dist="vsebench", entry="mine"),
        ]
    ).infos
    assert (
        missing.hint == "install the missing module 'no_such_module_anywhere', or set "
        "VSEBENCH_DISABLE_PLUGINS=third-party"
    )
    assert old.hint == "pip install -U vsebench, or set VSEBENCH_DISABLE_PLUGINS=other"
    assert own.hint == "upgrade or uninstall vsebench, or set VSEBENCH_DISABLE_PLUGINS=mine"


def test_interrupting_an_import_is_no_plugin_failure(make_plugin: MakePlugin):
    with pytest.raises(KeyboardInterrupt):
        load_from([make_plugin("raise KeyboardInterrupt")])


def test_what_a_plugin_prints_while_it_loads_is_no_output(
    make_plugin: MakePlugin, capsys: pytest.CaptureFixture[str]
):
    load_from([make_plugin("print('hello')\n" + pooling("x"))])
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == "hello\n"


def test_one_module_cannot_be_two_plugins(make_plugin: MakePlugin):
    source = make_plugin(pooling("x"), dist="a")
    again = type(source)(type(source.origin)("b", "extra", "1"), source.location, source.load)
    plugins = load_from([source, again])
    assert plugins.infos[1].error == "it is the same module as plugin 'a:extra'"
    assert [component.origin.distribution for component in plugins.registry] == ["a"]
