"""What comes from files commands no terminal."""

from __future__ import annotations

import subprocess
import sys

from vsebench.cli.shared.terminal import printable


def test_control_characters_are_shown_as_escapes() -> None:
    assert printable("a\x1b[2Jb\x07\x9b\x7f") == "a\\x1b[2Jb\\x07\\x9b\\x7f"
    assert printable("\u202egpj.exe") == "\\u202egpj.exe"


def test_lines_tabs_and_letters_stay() -> None:
    assert printable("é\t±\r\n·") == "é\t±\r\n·"


def test_the_command_prints_none() -> None:
    """An error about a name that somebody else chose."""
    done = subprocess.run(
        [sys.executable, "-m", "vsebench", "report", "\x1b]0;owned\x07"],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    assert "\\x1b]0;owned\\x07" in done.stderr
    assert "\x1b" not in done.stdout + done.stderr
