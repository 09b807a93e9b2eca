"""Where models are looked for, and what is said when one cannot be used."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch

from vsebench.plugin import SpecError
from vsebench.retrieval.encoders.pretrained import load, model_files, model_folder


def test_a_model_is_a_folder_or_lies_under_the_folder_of_models(
    tiny_bert: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert model_folder(tiny_bert) == Path(tiny_bert)
    monkeypatch.setenv("VSEBENCH_MODELS", str(Path(tiny_bert).parent))
    assert model_folder("bert") == Path(tiny_bert)


def test_the_files_that_decide_are_settings_vocabulary_and_weights(
    tiny_bert: str, tmp_path: Path
) -> None:
    folder = tmp_path / "model"
    shutil.copytree(tiny_bert, folder)
    for other in ("README.md", "pytorch_model.bin", "train.log"):
        (folder / other).write_text("not read")
    names = {path.name for path in model_files(str(folder))}
    assert {"config.json", "tokenizer.json", "vocab.txt", "model.safetensors"} <= names
    assert not names & {"README.md", "pytorch_model.bin", "train.log"}


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ("", "needs a model"),
        ("/nowhere/at/all", "there is no folder /nowhere/at/all"),
        ("./nowhere", "there is no folder ./nowhere"),
        ("no-such-model", "there is no model 'no-such-model'"),
        ("not a name!", "there is no model 'not a name!'"),
    ],
)
def test_what_is_no_model_is_refused_in_one_line(model: str, message: str) -> None:
    with pytest.raises(SpecError) as caught:
        model_folder(model)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("lacking", "message"),
    [("config.json", "it has no config.json"), ("model.safetensors", "it has no weights")],
)
def test_a_folder_without_a_model_is_refused(
    tiny_bert: str, tmp_path: Path, lacking: str, message: str
) -> None:
    shutil.copytree(tiny_bert, tmp_path / "model")
    (tmp_path / "model" / lacking).unlink()
    with pytest.raises(SpecError, match=message):
        model_files(str(tmp_path / "model"))


@pytest.mark.parametrize("damage", ["cut", "settings", "lacking"])
def test_a_damaged_model_is_refused_in_one_line(
    tiny_bert: str, tmp_path: Path, damage: str
) -> None:
    from safetensors.torch import load_file, save_file

    folder = tmp_path / "model"
    shutil.copytree(tiny_bert, folder)
    weights = folder / "model.safetensors"
    if damage == "cut":
        weights.write_bytes(weights.read_bytes()[:1000])
    elif damage == "settings":
        (folder / "config.json").write_text("{")
    else:
        kept = {
            name: value for name, value in load_file(weights).items() if "attention" not in name
        }
        save_file(kept, weights, metadata={"format": "pt"})
    with pytest.raises(
        SpecError, match=r"cannot be loaded|lacks \d+ of the weights of BertModel"
    ) as caught:
        load("AutoModel", str(folder))
    assert "\n" not in str(caught.value)


def test_half_precision_weights_become_fp32(tiny_bert: str, tmp_path: Path) -> None:
    from transformers import AutoModel

    AutoModel.from_pretrained(tiny_bert).half().save_pretrained(tmp_path)
    assert {p.dtype for p in load("AutoModel", str(tmp_path)).parameters()} == {torch.float32}
