"""How the command line ends: exit codes, and errors on one line of standard error."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

import vsebench
from vsebench.cli import app
from vsebench.cli.app import main
from vsebench.plugin import DataError

if TYPE_CHECKING:
    from pathlib import Path


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert isinstance(caught.value.code, int)
    return caught.value.code


def test_version(capsys: pytest.CaptureFixture[str]):
    assert run("--version") == 0
    assert capsys.readouterr() == (f"vsebench {vsebench.__version__}\n", "")


@pytest.mark.parametrize("arguments", [(), ("--help",)])
def test_help_lists_the_commands(arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]):
    assert run(*arguments) == 0
    printed = capsys.readouterr()
    assert {"run", "report", "evaluate", "plugins", "show", "data"} <= set(
        re.findall(r"^  ([a-z]+)  ", printed.out, re.MULTILINE)
    )
    assert printed.err == ""


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["run", "--poling", "gpo"],
            "'vsebench run' has no option '--poling': did you mean '--pooling'?",
        ),
        (
            ["run", "--zzzzzz"],
            "'vsebench run' has no option '--zzzzzz': known: --address, --claims,",
        ),
        (
            ["plugins", "--fialed"],
            "'vsebench plugins' has no option '--fialed': did you mean '--failed'?",
        ),
        (["rnu"], "no such command 'rnu': did you mean 'run'?"),
        (["show"], "missing argument 'name'"),
        (["run", "--pooling"], "'--pooling' requires an argument"),
        (["run", "--workers", "many"], "invalid value for '--workers'"),
        (["run", "a.toml", "b.toml"], "unexpected extra argument"),
    ],
)
def test_usage_errors_are_one_line_and_exit_2(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
):
    assert run(*arguments) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("vsebench: error: ")
    assert message.lower() in printed.err.lower()
    assert printed.err.count("\n") == 1


def command_that_raises(error: BaseException, monkeypatch: pytest.MonkeyPatch) -> None:
    def raise_it(**_: object) -> None:
        raise error

    monkeypatch.setattr(
        app, "command", lambda: type("Command", (), {"main": staticmethod(raise_it)})
    )


def test_errors_of_the_request_are_one_line_however_long_and_exit_2(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    command_that_raises(
        DataError("a very long line, " * 40 + "\nwhich the terminal\tmay wrap"), monkeypatch
    )
    assert run("data") == 2
    assert (
        capsys.readouterr().err
        == "vsebench: error: " + "a very long line, " * 40 + "which the terminal may wrap\n"
    )


def test_an_interrupt_exits_130(monkeypatch: pytest.MonkeyPatch):
    command_that_raises(KeyboardInterrupt(), monkeypatch)
    assert run("run") == 130


@pytest.mark.parametrize(
    ("hint", "line"),
    [((), "interrupted"), (("the same command goes on",), "interrupted; the same command goes on")],
)
def test_an_interrupted_command_says_so_on_one_line(
    hint: tuple[str, ...],
    line: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    def interrupt(_: object) -> None:
        raise KeyboardInterrupt(*hint)

    monkeypatch.setattr("vsebench.plugin.host.loader.load_plugins", interrupt)
    assert run("data", "list") == 130
    assert capsys.readouterr() == ("", f"vsebench: {line}\n")


def test_an_interrupt_while_the_command_is_imported_leaves_no_traceback():
    code = "import sys\nclass Interrupt:\n    def find_spec(*_):\n        raise KeyboardInterrupt\n"
    code += "from vsebench.__main__ import main\nsys.meta_path.insert(0, Interrupt)\nmain()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "vsebench: interrupted\n")


def test_an_end_of_file_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    def end(_: object) -> None:
        raise EOFError("No data left in file")

    monkeypatch.setattr("vsebench.plugin.host.loader.load_plugins", end)
    assert run("data", "list") == 2
    assert (
        capsys.readouterr().err.strip()
        == "vsebench: error: what was read ended too early (No data left in file): a file is "
        "empty or cut off"
    )


def test_a_full_or_closed_standard_output_is_one_line(tmp_path: Path):
    """A file-size limit of 0 refuses what a full device does."""
    for redirect, message in (
        (f"> {tmp_path}/out", "cannot write to standard output: File too large"),
        (">&-", "standard output is closed: "),
    ):
        command = f"trap '' XFSZ; ulimit -f 0; {sys.executable} -m vsebench plugins {redirect}"
        done = subprocess.run(["bash", "-c", command], capture_output=True, text=True)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.startswith(f"vsebench: error: {message}")
        assert done.stderr.count("\n") == 1


def test_a_bug_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch):
    command_that_raises(ZeroDivisionError(), monkeypatch)
    with pytest.raises(ZeroDivisionError):
        main(["run"])


def test_a_reader_that_closes_the_pipe_is_no_error():
    command = (
        f"{sys.executable} -m vsebench plugins --format json | head -c 1; exit ${{PIPESTATUS[0]}}"
    )
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("{", "")


def test_listing_imports_nothing_heavy():
    code = (
        "import sys\nfrom vsebench.cli.app import main\n"
        "try: main(['show', 'gpo'])\nexcept SystemExit: pass\n"
        "print({'torch', 'pandas', 'transformers', 'matplotlib', 'numba', 'scipy', 'rich'} & "
        "set(sys.modules), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.startswith("gpo (pooling): ")
    assert done.stderr == "set()\n"


def test_python_m_vsebench_is_the_command():
    done = subprocess.run(
        [sys.executable, "-m", "vsebench", "--version"], capture_output=True, text=True
    )
    assert (done.returncode, done.stdout, done.stderr) == (
        0,
        f"vsebench {vsebench.__version__}\n",
        "",
    )
