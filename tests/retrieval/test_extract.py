from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from tests.tiny_vision import write_image_set, write_vision
from vsebench.data.images import open_images
from vsebench.data.images.decode import decode_rgb, square
from vsebench.plugin import DataError
from vsebench.retrieval.encoders.vision import VisionModel
from vsebench.retrieval.extract import Extraction, extract

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("world")
    write_image_set(root / "precomp", (7, 2, 2))
    write_vision(root / "resnet", "resnet")
    return root


@pytest.fixture
def wanted(world: Path, tmp_path: Path) -> Extraction:
    return Extraction(
        world / "precomp" / "images", str(world / "resnet"), tmp_path / "table", size=32, batch=3
    )


def silent(what: str, done: int, total: int) -> None:
    pass


def contents(path: Path) -> dict[str, str]:
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in path.iterdir()}


def test_the_table_holds_the_models_features_of_whole_images(wanted: Extraction) -> None:
    table, about = extract(wanted, silent)
    store = open_images(wanted.images)
    model = VisionModel(wanted.model, 32).eval()
    with torch.no_grad():
        for row, name in enumerate(store.names):
            pixels = torch.from_numpy(square(decode_rgb(store.read(row), ""), 32).copy()).permute(
                2, 0, 1
            )[None]
            np.testing.assert_allclose(
                table.features[row], model(pixels)[0].numpy(), rtol=2e-3, atol=1e-3
            )
            assert table.names[row] == name
    assert table.features.dtype == np.float16
    assert table.features.shape == (11, model.local_features, model.width)
    assert (about["model"], about["size"], about["images"]) == ("resnet", 32, 11)
    # A table may be shared: it names no path
    assert str(wanted.out.parent) not in json.dumps(about)


def test_what_is_done_is_not_done_again_and_nothing_else_is_overwritten(
    wanted: Extraction, monkeypatch: pytest.MonkeyPatch
) -> None:
    extract(wanted, silent)
    before = contents(wanted.out)
    with pytest.raises(DataError, match=r"differs in batch\).*--out"):
        extract(replace(wanted, batch=2), silent)
    monkeypatch.setattr(VisionModel, "forward", None)
    monkeypatch.setattr(VisionModel, "_measure", lambda self, model: before and (4, 16))
    table, _ = extract(wanted, silent)
    assert len(table.names) == 11
    assert contents(wanted.out) == before
    other = replace(wanted, out=wanted.out.parent / "other")
    other.out.mkdir()
    with pytest.raises(DataError, match="other exists and is no feature table"):
        extract(other, silent)


@pytest.mark.parametrize("stop_at", [0, 3, 9])
def test_a_stopped_extraction_goes_on_to_the_same_bytes(wanted: Extraction, stop_at: int) -> None:
    whole = replace(wanted, out=wanted.out.parent / "whole")
    extract(whole, silent)
    told: list[int] = []

    def stop(what: str, done: int, total: int) -> None:
        if what == "extracted":
            told.append(done)
            if done >= stop_at:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        extract(wanted, stop)
    assert not wanted.out.exists()
    with pytest.raises(DataError, match=r"unfinished .*differs in local_features, size\)"):
        extract(replace(wanted, size=64), silent)
    begun: list[int] = []
    extract(wanted, lambda what, done, total: begun.append(done) if what == "extracted" else None)
    assert begun[0] == max(0, stop_at - 3)
    assert contents(wanted.out) == contents(whole.out)


def test_a_damaged_image_is_named_before_anything_is_computed(
    wanted: Extraction, world: Path, tmp_path: Path
) -> None:
    write_image_set(tmp_path / "damaged", (3, 1, 1))
    image = tmp_path / "damaged" / "images" / "0004.png"
    image.write_bytes(image.read_bytes()[:200])
    with pytest.raises(DataError, match=r"image .*0004\.png cannot be decoded"):
        extract(replace(wanted, images=tmp_path / "damaged" / "images"), silent)
    assert not list(tmp_path.glob(".*unfinished"))


def test_a_feature_beyond_float16_is_named(
    wanted: Extraction, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = VisionModel.forward

    def huge(self: VisionModel, pixels: torch.Tensor) -> torch.Tensor:
        features = plain(self, pixels)
        if len(features) == 2:  # the last batch of 11 by 3
            features[1, 0, 0] = 1e5
        return features

    monkeypatch.setattr(VisionModel, "forward", huge)
    with pytest.raises(DataError, match=r"gives image .*0010\.png a feature of 100000"):
        extract(wanted, silent)
