"""Pages as programs: every fenced block of a page is run, in order, in a folder of its own.

    ```python title="a.py"   written to that file            ```toml title="a.toml"   likewise
    ```python                executed; names stay for the next block
    ```sh                    lines that call vsebench, in this process; `cd`, and
                             `pip install -e .` of a project that vsebench wrote;
                             a line ends in `# exit 1` where that is its exit code
    ```text                  each line must be in what the sh block before printed, where … is
                             a word that depends on the processor
    ```output                what a reader sees at full size: of each line what comes before its
                             first figure must be in what the sh block before printed

Blocks of any other kind are refused: they could not be checked.
"""

from __future__ import annotations

import itertools
import re
import shlex
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.examples.packages import on_the_path
from vsebench.cli.app import main

if TYPE_CHECKING:
    from collections.abc import Callable

_FENCE = re.compile(
    r"^```(?P<language>\w*)(?: title=\"(?P<title>[^\"]+)\")?\n(?P<code>.*?)^```$",
    flags=re.DOTALL | re.MULTILINE,
)

SMALL = ("--epochs", "1", "--set", "embed_dim=8", "--device", "cpu", "--quiet")
SMALL_RETRIEVAL = ("--set", "word_dim=8", "--set", "warmup_epochs=0", "--set", "evals_per_epoch=1")
"""Appended to every `vsebench run` and `tune`, which on a page suit a reader's patience."""
SMALL_SEARCH = ("--configurations", "8")
SMALL_SCENES = "scenes:images=60"
"""In the place of `scenes`, which is what runs without a data set use; an output that names it is
found under this name.
"""


@dataclass(frozen=True)
class Block:
    """A fenced block of a page."""

    language: str
    title: str
    code: str


def blocks(page: Path) -> list[Block]:
    """Those of a page, in order.

    Raises:
        ValueError: a fence is not understood.
    """
    text = page.read_text(encoding="utf-8")
    found = [
        Block(match["language"], match["title"] or "", match["code"])
        for match in _FENCE.finditer(text)
    ]
    fences = re.findall(r"^```", text, flags=re.MULTILINE)
    if len(fences) != 2 * len(found):
        raise ValueError(f"{page}: {len(fences)} fences make {len(found)} blocks")
    return found


@dataclass
class Reader:
    """Does what a page says, in the working directory.

    Attributes:
        read: takes what was printed since the last call.
        change: changes the working directory.
        site: where installed projects leave their metadata.
        names: of the Python blocks.
        printed: by the last sh block.
    """

    read: Callable[[], str]
    change: Callable[[str], None]
    site: Path
    names: dict[str, Any] = field(default_factory=lambda: {"__name__": "page"})
    printed: str = ""
    installed: ExitStack = field(default_factory=ExitStack)

    def do(self, block: Block) -> None:
        if block.title:
            Path(block.title).write_text(block.code, encoding="utf-8")
        elif block.language == "python":
            exec(compile(block.code, "page", "exec"), self.names)
        elif block.language == "sh":
            self.read()
            for line in block.code.splitlines():
                command, _, code = line.partition("  # exit ")
                self._command(shlex.split(command), int(code or 0))
            self.printed = " ".join(self.read().split())
        elif block.language == "text":
            for line in block.code.splitlines():
                self._expect(line)
        elif block.language == "output":
            beginnings = [_before_figures(line) for line in block.code.splitlines()]
            assert any(beginnings), "an output of figures alone cannot be checked"
            for beginning in beginnings:
                self._expect(beginning)
        else:
            raise ValueError(f"a block of '{block.language}' cannot be run")

    def _expect(self, line: str) -> None:
        words = re.escape(" ".join(line.split())).replace("…", r"\S+")
        words = re.sub(r"^scenes\b", f"scenes({SMALL_SCENES.removeprefix('scenes')})?", words)
        assert re.search(words, self.printed), f"'{line}' is not in:\n{self.printed}"

    def _command(self, words: list[str], code: int) -> None:
        match words:
            case ["cd", folder]:
                self.change(folder)
            case ["pip", "install", "-e", target] if target in (".", ".[test]"):
                self.installed.enter_context(on_the_path(Path.cwd(), self.site))
            case ["vsebench", *arguments]:
                assert call(_small(arguments)) == code, f"{shlex.join(words)}\n{self.read()}"
            case _:
                raise ValueError(f"'{shlex.join(words)}' cannot be run")


def _before_figures(line: str) -> str:
    """The words of a line before its first figure or rule."""
    return " ".join(itertools.takewhile(lambda word: not re.search(r"\d|--", word), line.split()))


def call(arguments: list[str]) -> int:
    """The exit code of a command line in this process."""
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    return int(ended.value.code or 0)


def _small(arguments: list[str]) -> list[str]:
    if arguments[0] not in ("run", "tune"):
        return arguments
    task = () if "--sampler" in arguments else SMALL_RETRIEVAL
    named = "--dataset" in arguments or any(word.endswith(".toml") for word in arguments)
    data = () if named else ("--dataset", SMALL_SCENES)
    search = SMALL_SEARCH if arguments[0] == "tune" else ()
    given = _without_set(arguments, {word.partition("=")[0] for word in task if "=" in word})
    return [*given, *SMALL, *task, *data, *search]


def _without_set(arguments: list[str], keys: set[str]) -> list[str]:
    """Arguments without `--set KEY=VALUE` for any of the keys, which may be given once."""
    kept: list[str] = []
    words = iter(arguments)
    for word in words:
        pair = next(words) if word == "--set" else ""
        if pair.partition("=")[0] not in keys:
            kept += [word, pair] if pair else [word]
    return kept
