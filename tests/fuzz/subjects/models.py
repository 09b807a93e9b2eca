"""Models and what was made with them: exported models, pretrained ones, embeddings, scores."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np

from tests.cli.tiny_runs import make_runs
from tests.data.files import write_precomp
from tests.fuzz.reader import Reader, printed
from tests.tiny_models import write_bert
from tests.tiny_vision import write_vision
from vsebench.data.embedding_file import read_embeddings, write_embeddings
from vsebench.retrieval.encoders.bert import _longest, _text_settings
from vsebench.retrieval.encoders.pretrained import (
    load,
    load_tokenizer,
    model_files,
    without_weights,
)
from vsebench.retrieval.encoders.vision import recipe
from vsebench.retrieval.exported.read import load_model
from vsebench.retrieval.exported.write import export
from vsebench.retrieval.stored import open_stored

if TYPE_CHECKING:
    from pathlib import Path


def readers(folder: Path) -> dict[str, Reader]:
    """Their readers, with files written to a folder."""
    folder.mkdir()
    return _exported(folder) | _brought(folder / "brought") | _pretrained(folder / "pretrained")


def _exported(folder: Path) -> dict[str, Reader]:
    (run,) = make_runs(folder / "runs", write_precomp(folder / "data", (8, 3, 6)), pooling="gpo")
    model = folder / "model"
    export(open_stored(run), model)
    features = np.ones((2, 3, 4), np.float32)

    def embedded(path: Path) -> object:
        opened = load_model(path, device="cpu")
        image = opened.encode_images(features, np.array([3, 2]))
        return image.tolist(), opened.encode_texts(["a picture of thing"]).tolist()

    index = folder / "index.npy"
    opened = load_model(model, device="cpu")
    rows = opened.encode_images(features, np.array([3, 2]))
    write_embeddings(index, rows, ["one", "two"], {"run_id": opened.record.run_id})
    names = folder / "names.txt"
    names.write_text("one\ntwo\n")

    def searched(*options: object) -> str:
        return printed("search", model, "a picture", "--index", index, "--device", "cpu", *options)

    def rows_of_index() -> object:
        return read_embeddings(index).rows.tolist()

    return {
        **{
            f"exported {name}": Reader(model / name, lambda: embedded(model), sealed=True)
            for name in ("model.json", "record.json", "model.safetensors", "vocabulary.txt")
        },
        **{
            f"stored {name}": Reader(run.path / name, lambda: embedded(run.path), sealed=True)
            for name in ("best.safetensors", "vocabulary.txt")
        },
        "embeddings": Reader(index, rows_of_index, sealed=True),
        "note of embeddings": Reader(folder / "index.npy.json", searched),
        "names of rows": Reader(names, lambda: searched("--names", names)),
        "captions to embed": Reader(
            names,
            lambda: printed(
                "embed", model, "--texts", names, "--out", folder / "made.npy", "--device", "cpu"
            ),
        ),
    }


def _brought(folder: Path) -> dict[str, Reader]:
    """What `vsebench evaluate` is given."""
    folder.mkdir()
    rng = np.random.default_rng(0)
    images, texts, scores = (folder / f"{name}.npy" for name in ("images", "texts", "scores"))
    owners, attributes = folder / "owners.npy", folder / "attributes.npy"
    np.save(images, rng.standard_normal((4, 3)))
    np.save(texts, rng.standard_normal((20, 3)))
    np.save(scores, rng.standard_normal((4, 20)))
    np.save(owners, np.repeat(np.arange(4), 5))
    np.save(attributes, rng.integers(0, 2, (4, 6)))
    captions = folder / "captions.txt"
    captions.write_text("".join(f"a dog number {i // 2}\n" for i in range(20)))
    relevance = {
        "json": json.dumps({"i2t": {"0": ["1", "2"], "1": {"3": 2, "4": 0.5}}}),
        "csv": "image,caption,grade\n0,1,2\n1,3,1\n",
        "txt": "0\t1\t2\n1\t3\t1\n",
    }
    for form, content in relevance.items():
        (folder / f"relevance.{form}").write_text(content)
    ids = folder / "ids.txt"
    ids.write_text("0\n1\n2\n3\n")

    def evaluated(*options: object) -> str:
        return printed("evaluate", *options, "--format", "json")

    return {
        "image embeddings": Reader(images, lambda: evaluated(images, texts)),
        "normalised": Reader(images, lambda: evaluated(images, texts, "--normalise")),
        "scores": Reader(scores, lambda: evaluated("--similarity", scores)),
        "owners of captions": Reader(
            owners, lambda: evaluated(images, texts, "--text-to-image", owners)
        ),
        "owners of scores": Reader(
            owners, lambda: evaluated("--similarity", scores, "--text-to-image", owners)
        ),
        "equal captions": Reader(
            captions,
            lambda: evaluated(
                images, texts, "--captions", captions, "--equal-captions", "positive"
            ),
        ),
        "attributes": Reader(
            attributes, lambda: evaluated(images, texts, "--attributes", attributes)
        ),
        **{
            f"relevance {path.suffix}": Reader(
                path, lambda path=path: evaluated(images, texts, "--relevance", path)
            )
            for path in (folder / f"relevance.{form}" for form in relevance)
        },
        "ids of rows": Reader(
            ids,
            lambda: evaluated(
                images, texts, "--relevance", folder / "relevance.txt", "--image-ids", ids
            ),
        ),
    }


def _pretrained(folder: Path) -> dict[str, Reader]:
    bert, vit = write_bert(folder / "bert"), folder / "vit"
    write_vision(vit, "vit")
    (vit / "preprocessor_config.json").write_text(
        json.dumps({"image_mean": [0.5, 0.5, 0.5], "image_std": 0.5, "size": {"height": 32}})
    )

    def loaded() -> object:
        assert model_files(str(bert))
        return load("AutoModel", str(bert)).embeddings.word_embeddings.weight[0].tolist()

    def fed() -> object:
        return recipe(str(vit))

    def longest() -> object:
        return _longest(str(bert), load_tokenizer(str(bert)), _text_settings(str(bert)))

    def made() -> object:
        with without_weights():
            return [each.shape for each in load("AutoModel", str(bert)).parameters()]

    return {
        "pretrained settings": Reader(bert / "config.json", loaded),
        "settings alone": Reader(bert / "config.json", made),
        "longest caption": Reader(bert / "config.json", longest),
        "settings of a tokenizer": Reader(bert / "tokenizer_config.json", longest),
        "pretrained weights": Reader(bert / "model.safetensors", loaded),
        "tokenizer": Reader(
            bert / "tokenizer.json", lambda: load_tokenizer(str(bert))("a dog")["input_ids"]
        ),
        "vision settings": Reader(vit / "config.json", fed),
        "preprocessor": Reader(vit / "preprocessor_config.json", fed),
    }
