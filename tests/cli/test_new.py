from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.cli.fixtures import Call, Prints


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_it_writes_a_folder_and_says_what_to_do(call: Call):
    lines = call("new", "pooling", "my_pool", "--license", "bsd-3-clause").splitlines()
    listed = lines[: lines.index("")]
    assert sorted(listed) == sorted(str(path) for path in Path().rglob("*") if path.is_file())
    assert lines[-1] == "vsebench run --pooling my_pool"
    assert "BSD 3-Clause" in Path("vsebench-my-pool/LICENSE").read_text()


def test_an_encoder_has_a_side(call: Call):
    assert "vsebench run --set text_encoder=my_words" in call(
        "new", "encoder", "my_words", "--side", "text"
    )
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


def test_what_exists_is_never_overwritten(refusal: Call):
    Path("vsebench-my-pool").mkdir()
    assert refusal("new", "pooling", "my_pool") == (
        "'vsebench-my-pool' exists already: choose another name, or move it out of the way"
    )
    assert list(Path("vsebench-my-pool").iterdir()) == []


def test_a_taken_name_is_warned_of_and_written_in_full(prints: Prints):
    captured = prints("new", "pooling", "maxavg")
    assert (
        captured.err
        == "vsebench: warning: pooling 'maxavg' is provided by vsebench already: yours is written "
        "vsebench-maxavg::maxavg\n"
    )
    assert captured.out.splitlines()[-1] == "vsebench run --pooling vsebench-maxavg::maxavg"
    assert '"vsebench-maxavg::maxavg"' in Path("vsebench-maxavg/tests/test_maxavg.py").read_text()
