"""What `data check` says of how captions are read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.data.files import write_precomp
from tests.tiny_models import write_bert

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.fixtures import Call, Prints


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("VSEBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("COLUMNS", "1000")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    return write_precomp(tmp_path / "precomp")


def captions(folder: Path, split: str, line: str) -> None:
    path = folder / f"{split}_caps.txt"
    path.write_text(f"{line}\n" * len(path.read_text().splitlines()), encoding="utf-8")


def test_unknown_words_are_counted_and_warned_of(folder: Path, call: Call) -> None:
    captions(folder, "train", "一只狗 runs")
    captions(folder, "dev", "一只狗 runs quickly on the grass 一只")  # 7 - 3 known of 10
    captions(folder, "test", "一只狗 runs, " * 4 + "quickly")  # 16 known of 17
    found = call("data", "check", folder).splitlines()
    assert (
        "warn  dev: 40.0 % of its 150 words are unknown (used less than 4 times in training "
        "captions): try --set min_word_count=1, or a text encoder such as bert"
    ) in found
    assert (
        "note  test: 5.9 % of its 340 words are unknown (used less than 4 times in training "
        "captions)"
    ) in found


def test_a_pretrained_encoder_says_what_it_cuts(folder: Path, call: Call, tmp_path: Path) -> None:
    model = write_bert(tmp_path / "bert", ("dog", "runs"))
    captions(folder, "test", "dog " * 30)
    found = call(
        "data", "check", folder, "--text-encoder", f"bert:model={model}", code=1
    ).splitlines()
    assert (
        "warn  test: 20 of 20 captions are longer than the 24 tokens that text encoder 'bert' "
        "takes, and are cut"
    ) in found
    assert any(
        line.startswith("ok    dev: text encoder 'bert' reads all of 15 captions, ")
        for line in found
    )
    assert not any("unknown" in line for line in found)


def test_a_set_without_captions_takes_no_text_encoder(prints: Prints) -> None:
    spec = "tags:images=50:labels=40:density=0.1"
    printed = prints("data", "check", spec, "--text-encoder", "bigru", code=2)
    assert "has no captions that a text encoder would read" in printed.err
