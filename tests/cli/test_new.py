from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from vsebench.cli.app import main

if TYPE_CHECKING:
    from tests.cli.fixtures import Call


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def new(*arguments: str) -> int:
    with pytest.raises(SystemExit) as caught:
        main(["new", *arguments])
    return int(caught.value.code or 0)


def test_it_writes_a_folder_and_says_what_to_do(capsys: pytest.CaptureFixture[str]):
    assert new("pooling", "my_pool", "--license", "bsd-3-clause") == 0
    lines = capsys.readouterr().out.splitlines()
    listed = lines[: lines.index("")]
    assert sorted(listed) == sorted(str(path) for path in Path().rglob("*") if path.is_file())
    assert lines[-1] == "vsebench run --pooling my_pool"
    assert "BSD 3-Clause" in Path("vsebench-my-pool/LICENSE").read_text()


def test_an_encoder_has_a_side(capsys: pytest.CaptureFixture[str]):
    assert new("encoder", "my_words", "--side", "text") == 0
    assert "vsebench run --set text_encoder=my_words" in capsys.readouterr().out
    assert 'side="text"' in Path("vsebench-my-words/src/vsebench_my_words/__init__.py").read_text()


def test_what_cannot_be_is_refused_in_one_line(refusal: Call):
    assert (
        refusal("new", "poling", "x")
        == "there is no scaffold for a 'poling': did you mean 'pooling'?"
    )
    assert refusal("new", "encoder", "x") == "say which encoder it is: --side image or --side text"
    assert refusal("new", "loss", "x", "--side", "text") == "a loss has no side: leave out --side"
    assert (
        refusal("new", "loss", "x", "--license", "gpl")
        == "unknown licence 'gpl': known: apache-2.0, bsd-3-clause, mit"
    )
    assert refusal("new", "loss", "My-Loss").endswith("such as my_loss")
    assert list(Path().iterdir()) == []
    assert refusal("new", "pooling", "plugins").startswith(
        "a package vsebench_plugins is installed already"
    )


def test_what_exists_is_never_overwritten(capsys: pytest.CaptureFixture[str]):
    Path("vsebench-my-pool").mkdir()
    assert new("pooling", "my_pool") == 2
    assert (
        capsys.readouterr().err
        == "vsebench: error: 'vsebench-my-pool' exists already: choose another name, or move it "
        "out of the way\n"
    )
    assert list(Path("vsebench-my-pool").iterdir()) == []


def test_a_taken_name_is_warned_of_and_written_in_full(capsys: pytest.CaptureFixture[str]):
    assert new("pooling", "maxavg") == 0
    captured = capsys.readouterr()
    assert (
        captured.err
        == "vsebench: warning: pooling 'maxavg' is provided by vsebench already: yours is written "
        "vsebench-maxavg::maxavg\n"
    )
    assert captured.out.splitlines()[-1] == "vsebench run --pooling vsebench-maxavg::maxavg"
    assert '"vsebench-maxavg::maxavg"' in Path("vsebench-maxavg/tests/test_maxavg.py").read_text()
