"""An exported model gives its run's figures to the digit, with neither the run, nor its data, nor
the pretrained models that it began with.
"""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import numpy as np
import pytest
from PIL import Image
from safetensors.torch import load_file, save_file

import vsebench
from tests.cli.tiny_runs import make_runs
from tests.data.files import write_precomp
from tests.tiny_models import write_bert
from tests.tiny_vision import write_image_set, write_vision
from vsebench.cli.app import main
from vsebench.data.images import open_images
from vsebench.data.precomp import split_names
from vsebench.plugin import DataError, MissingError, SpecError, VsebenchError
from vsebench.plugin.host.loader import load_plugins
from vsebench.results.checks.contents import read_about
from vsebench.results.folder.store import RunDirectory, Store
from vsebench.retrieval import evaluate
from vsebench.retrieval.exported.write import export
from vsebench.retrieval.stored import open_stored, own_data, own_test
from vsebench.retrieval.training.train import train

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from vsebench.results.spec import RunSpec
    from vsebench.retrieval.trained import TrainedModel

    Plan = Callable[..., tuple[RunSpec, ...]]

OWNER = np.repeat(np.arange(6), 5)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run on features and its exported model, whose run and data are elsewhere by now."""
    root = tmp_path_factory.mktemp("world")
    (run,) = make_runs(root / "runs", write_precomp(root / "data", (8, 3, 6)), pooling="gpo")
    export(open_stored(run), root / "model")
    (root / "elsewhere").mkdir()
    (root / "data").rename(root / "elsewhere" / "data")
    run.path.rename(root / "elsewhere" / "run")
    return root


@pytest.fixture(scope="module")
def model(world: Path) -> TrainedModel:
    return vsebench.load_model(world / "model", device="cpu")


@pytest.fixture(scope="module")
def features(world: Path) -> np.ndarray:
    return np.load(world / "elsewhere" / "data" / "test_ims.npy")[::5]


@pytest.fixture(scope="module")
def captions(world: Path) -> list[str]:
    return (world / "elsewhere" / "data" / "test_caps.txt").read_text().splitlines()


def test_it_prints_as_a_line(model: TrainedModel) -> None:
    assert repr(model).startswith(f"<TrainedModel: {model.spec.label}, {model.dim} dimensions")


def test_it_gives_the_figures_of_its_record(
    model: TrainedModel, features: np.ndarray, captions: list[str]
) -> None:
    image, text = model.encode_images(features), model.encode_texts(captions)
    assert (image.shape, text.shape, image.dtype, text.dtype) == ((6, 8), (30, 8), "f4", "f4")
    assert np.linalg.norm(np.concatenate([image, text]), axis=1) == pytest.approx(1)
    assert evaluate(image, text, OWNER).as_dict() == model.record.test


def test_what_it_says_of_itself(world: Path, model: TrainedModel) -> None:
    about = json.loads((world / "model" / "model.json").read_text())
    record = RunDirectory(world / "elsewhere" / "run").read_record()
    assert (about["run_id"], about["step"]) == (record.run_id, record.best_step)
    assert (about["dim"], about["in_dim"], about["raw_images"]) == (8, 4, False)
    assert about["vocabulary"] == len(model.tokeniser)
    assert read_about(world / "model" / "model.safetensors") == {
        "run_id": record.run_id,
        "step": record.best_step,
    }
    card = (world / "model" / "README.md").read_text()
    assert f"| RSUM      | {record.test['rsum']:.1f}" in card
    assert "precomp" in card
    assert str(world) not in "".join(
        path.read_text() for path in (world / "model").iterdir() if path.suffix != ".safetensors"
    )


def test_the_same_run_is_exported_to_the_same_bytes(world: Path, tmp_path: Path) -> None:
    export(open_stored(RunDirectory(world / "elsewhere" / "run")), tmp_path / "model")
    for path in (world / "model").iterdir():
        assert (tmp_path / "model" / path.name).read_bytes() == path.read_bytes()


def test_a_run_is_opened_as_its_exported_model_is(
    world: Path, model: TrainedModel, features: np.ndarray, captions: list[str]
) -> None:
    run = vsebench.load_model(world / "elsewhere" / "run", device="cpu")
    assert np.array_equal(run.encode_images(features), model.encode_images(features))
    assert np.array_equal(run.encode_texts(captions), model.encode_texts(captions))


def test_a_run_of_an_earlier_release_makes_its_vocabulary_again(
    world: Path, model: TrainedModel, captions: list[str], tmp_path: Path
) -> None:
    shutil.copytree(world / "elsewhere" / "run", tmp_path / "run")
    (tmp_path / "run" / "vocabulary.txt").unlink()
    best = tmp_path / "run" / "best.safetensors"
    save_file(load_file(best), best)
    (tmp_path / "run" / "done").write_bytes(b"")
    root = world / "elsewhere" / "data"
    old = vsebench.load_model(tmp_path / "run", device="cpu", data_roots=[root])
    assert np.array_equal(old.encode_texts(captions), model.encode_texts(captions))
    export(open_stored(RunDirectory(tmp_path / "run")), tmp_path / "model", [root])
    words = (tmp_path / "model" / "vocabulary.txt").read_text()
    assert words == (world / "model" / "vocabulary.txt").read_text()


def test_batches_and_forms_of_images_change_nothing_that_matters(
    model: TrainedModel, features: np.ndarray, captions: list[str]
) -> None:
    one_by_one = np.concatenate([model.encode_images(row[None]) for row in features])
    assert one_by_one == pytest.approx(model.encode_images(features), abs=1e-6)
    short = [features[0, :2], features[1]]
    padded = np.array([features[0], features[1]])
    padded[0, 2] = 7  # beyond its length
    listed = model.encode_images(short)
    assert np.array_equal(listed, model.encode_images(padded, np.array([2, 3])))
    assert not np.allclose(listed[0], model.encode_images(features[:1])[0], atol=1e-3)
    reverse = model.encode_texts(captions[::-1])[::-1]
    assert reverse == pytest.approx(model.encode_texts(captions), abs=1e-6)


def test_nothing_gives_no_rows(model: TrainedModel) -> None:
    assert model.encode_texts([]).shape == (0, 8)
    assert model.encode_images([]).shape == (0, 8)
    assert model.encode_images(np.zeros((0, 3, 4))).shape == (0, 8)


def test_unknown_words_are_counted(model: TrainedModel) -> None:
    found = model.unknown(["a picture of zebra", "thing 0", "zebra Zebra"])
    assert found is not None
    assert (found.words, found.of, found.captions) == (3, 8, 2)
    assert model.unknown(["a picture"]).words == 0


@pytest.mark.parametrize(
    ("images", "said"),
    [
        (np.zeros((2, 3, 5)), "reads features of width 4, found 5"),
        (np.zeros((2, 4)), r"\[images, features, width\], found shape \(2, 4\)"),
        ([np.zeros((3, 4)), np.zeros(4)], r"image 1 is float64 of shape \(4,\)"),
        ([np.zeros((3, 4)), np.zeros((3, 5))], "width 5, image 0 of 4"),
        (["a.jpg"], "image 0 is a str: the model reads features"),
        (7, r"\[images, features, width\], found a int"),
    ],
)
def test_images_that_it_cannot_read(model: TrainedModel, images: Any, said: str) -> None:
    with pytest.raises(DataError, match=said):
        model.encode_images(images)


def test_texts_and_lengths_that_it_cannot_read(model: TrainedModel, features: np.ndarray) -> None:
    with pytest.raises(DataError, match=r"found one text: write \[text\]"):
        model.encode_texts("a dog")
    with pytest.raises(DataError, match="caption 1 is a int: expected text"):
        model.encode_texts(["a dog", 1])  # type: ignore[list-item]
    with pytest.raises(DataError, match="lengths must be 6 numbers of features, 1 to 3"):
        model.encode_images(features, np.full(6, 4))
    with pytest.raises(DataError, match="a list of arrays says its own"):
        model.encode_images([features[0]], np.ones(1, int))


def test_folders_that_are_no_model(world: Path, tmp_path: Path) -> None:
    with pytest.raises(MissingError, match="is no model: expected a folder that 'vsebench export'"):
        vsebench.load_model(tmp_path)
    copy = tmp_path / "model"
    shutil.copytree(world / "model", copy)
    about = json.loads((copy / "model.json").read_text())

    def refused(said: str) -> None:
        with pytest.raises(VsebenchError, match=said):
            vsebench.load_model(copy)

    (copy / "README.md").write_text("a card of one's own")
    vsebench.load_model(copy, device="cpu")
    (copy / "model.json").write_text(json.dumps(about | {"format": 2}))
    refused(r"written by a newer vsebench \(format 2, this one reads up to 1\)")
    (copy / "model.json").write_text(json.dumps(about | {"dim": "wide"}))
    refused(r"model.json is damaged \(dim: ")
    (copy / "model.json").write_text("[")
    refused("model.json is damaged")
    (copy / "model.json").write_text(json.dumps(about))
    (copy / "vocabulary.txt").write_text("a\nb\n")
    refused("vocabulary.txt is not the file that was exported")
    (copy / "vocabulary.txt").unlink()
    refused("vocabulary.txt is missing: export the model again, or copy it whole")


def test_a_component_that_is_not_installed_is_named(world: Path, tmp_path: Path) -> None:
    copy = tmp_path / "model"
    shutil.copytree(world / "model", copy)
    record = (copy / "record.json").read_text().replace('"name": "gpo"', '"name": "acme-pool"')
    (copy / "record.json").write_text(record)
    about = json.loads((copy / "model.json").read_text())
    del about["files"]["record.json"]
    (copy / "model.json").write_text(json.dumps(about))
    with pytest.raises(SpecError, match=r"needs pooling 'acme-pool' of vsebench .* not installed"):
        vsebench.load_model(copy)


def test_a_plugin_file_is_carried_and_run_only_when_named(tmp_path: Path) -> None:
    plugin = tmp_path / "acme.py"
    plugin.write_text(
        "import torch\n"
        "from torch import nn\n"
        "from vsebench.plugin import Card, hookimpl\n"
        "class Half(nn.Module):\n"
        "    def forward(self, features, lengths):\n"
        "        mask = torch.arange(features.shape[1]) < lengths[:, None]\n"
        "        return (features * mask[..., None]).sum(1) / 2\n"
        "@hookimpl\n"
        "def vsebench_register_poolings(register):\n"
        '    register("half", f"{__name__}:Half", card=Card("half of the sum"))\n'
    )
    data = write_precomp(tmp_path / "data", (8, 3, 6))
    (run,) = make_runs(tmp_path / "runs", data, pooling="half", plugin=[str(plugin)])
    export(open_stored(run), tmp_path / "model")
    plugin.unlink()
    kept = tmp_path / "model" / "plugins" / "acme.py"
    with pytest.raises(SpecError, match=f"whose code would run: read {kept}, then name it with"):
        vsebench.load_model(tmp_path / "model")
    model = vsebench.load_model(tmp_path / "model", device="cpu", plugins=[kept])
    image = model.encode_images(np.load(data / "test_ims.npy")[::5])
    text = model.encode_texts((data / "test_caps.txt").read_text().splitlines())
    assert evaluate(image, text, OWNER).as_dict() == model.record.test


@pytest.mark.parametrize(
    ("vision", "features", "frozen"),
    [("resnet", "live", False), ("vit", "live", True), ("resnet", "kept", True)],
)
def test_pretrained_encoders_are_part_of_it(
    plan_runs: Plan, tmp_path: Path, vision: str, features: str, frozen: bool
) -> None:
    root = tmp_path / "world"
    write_image_set(root / "precomp", (24, 10, 10))
    write_vision(root / vision, vision)
    write_bert(root / "bert", ("thing", "red", "left"), hidden=32)
    models = {name: quote(str(root / name), safe="") for name in (vision, "bert")}
    (spec,) = plan_runs(
        dataset="precomp:images=images",
        data_root=str(root),
        set={
            "embed_dim": 8,
            "batch_size": 20,
            "epochs": 1,
            "image_encoder": f"backbone:model={models[vision]}:size=32:frozen={frozen}",
            "text_encoder": f"bert:model={models['bert']}:frozen={frozen}",
            "image_crop": 1,
            "image_flip": 0,
            "drop_regions": 0,
            "frozen_features": features,
        },
    )
    directory = Store(tmp_path / "runs").directory_for(spec)
    directory.write_spec(spec)
    train(spec, directory, lambda event: None)
    export(open_stored(directory), tmp_path / "model")
    assert not list((tmp_path / "model").glob("*-encoder/*.safetensors"))
    for gone in (vision, "bert"):
        shutil.rmtree(root / gone)
    shutil.rmtree(tmp_path / "runs")
    model = vsebench.load_model(tmp_path / "model", device="cpu")
    files = split_names(root / "precomp", "test", 50)[0]
    store = open_images(root / "precomp" / "images")
    rows = [store.names.index(name) for name in files]
    image = model.encode_images(store.subset(rows))
    text = model.encode_texts((root / "precomp" / "test_caps.txt").read_text().splitlines())
    assert evaluate(image, text, np.repeat(np.arange(10), 5)).as_dict() == model.record.test
    paths = [root / "precomp" / "images" / name for name in files]
    assert np.array_equal(model.encode_images(paths), image)
    path, data = own_data(model.spec, load_plugins().registry, [root])
    assert own_test(model, path, data).mismatch is None
    out = tmp_path / "images.npy"
    with pytest.raises(SystemExit) as ended:
        main(
            [
                *("embed", str(tmp_path / "model"), "--device", "cpu", "--quiet"),
                *("--images", str(root / "precomp" / "images"), "--out", str(out)),
            ]
        )
    assert ended.value.code == 0
    names = json.loads((tmp_path / "images.npy.json").read_text())["names"]
    assert np.load(out)[[names.index(name) for name in files]] == pytest.approx(image, abs=1e-5)
    opened = [Image.open(path) for path in paths]
    assert np.array_equal(model.encode_images(opened), image)
    with pytest.raises(DataError, match="reads raw images, found a ndarray"):
        model.encode_images(np.zeros((2, 3, 4)))
    with pytest.raises(MissingError, match=r"image nowhere\.jpg is missing"):
        model.encode_images(["nowhere.jpg"])
