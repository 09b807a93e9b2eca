"""External rows: measured, kept with their provenance, shown with a mark, compared with nothing."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest

from tests.cli.tiny_runs import make_runs
from tests.data.files import write_precomp
from tests.oracles import ranking
from vsebench.report.results import load_results
from vsebench.results.external import read_external

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.fixtures import Call, Prints

    Capture = pytest.CaptureFixture[str]

NAME = "CLIP ViT-B/32 zero-shot"


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Runs of two poolings on a data set, and embeddings and scores of its test split."""
    root = tmp_path_factory.mktemp("trained")
    make_runs(root / "runs", write_precomp(root / "data", (8, 3, 6)), pooling="mean,max")
    rng = np.random.default_rng(0)
    image, text = rng.normal(size=(6, 7)), rng.normal(size=(30, 7))
    np.save(root / "images.npy", image)
    np.save(root / "texts.npy", text)
    np.save(root / "scores.npy", text @ image.T)
    return root


@pytest.fixture
def world(trained: Path, tmp_path: Path) -> Path:
    """The same, in a folder that a test may change."""
    import shutil

    shutil.copytree(trained, tmp_path / "world")
    return tmp_path / "world"


def add(world: Path, *arguments: object) -> list[object]:
    return [
        *("add-row", *arguments),
        *("--dataset", "precomp", "--data-root", world / "data", "--out", world / "runs"),
    ]


def test_a_row_from_outside_is_measured_kept_and_shown(world: Path, prints: Prints) -> None:
    images, texts = world / "images.npy", world / "texts.npy"
    before = load_results(world / "runs")
    out, err = prints(*add(world, images, texts, "--name", NAME, "--normalise"))
    assert err == ""
    assert f"next: vsebench report {world}/runs" in out
    (row,) = read_external(world / "runs")
    image, text = np.load(images), np.load(texts)
    image, text = (each / np.linalg.norm(each, axis=1)[:, None] for each in (image, text))
    owner = np.repeat(np.arange(6), 5).tolist()
    assert row.test == pytest.approx(
        ranking.metrics(*ranking.ranks(ranking.inner_products(image, text), owner))
    )
    assert row.command == (
        "vsebench add-row images.npy texts.npy --normalise --dataset precomp --name "
        "'CLIP ViT-B/32 zero-shot'"
    )
    assert {role: file.shape for role, file in row.files.items()} == {
        "images": (6, 7),
        "texts": (30, 7),
    }
    assert str(world) not in row.model_dump_json()
    (folder,) = (world / "runs" / "external").iterdir()
    with np.load(folder / "ranks.npz") as ranks:
        assert 100 * (ranks["i2t"] < 1).mean() == pytest.approx(row.test["i2t_r1"])
    after = load_results(world / "runs")
    assert after.rows == before.rows
    table, _ = prints("report", world / "runs", "--width", "200")
    (line,) = [line for line in table.splitlines() if line.startswith(f"{NAME} §")]
    assert f"{row.test['i2t_r1']:.1f}" in line.split()
    assert f"{row.test['rsum']:.1f}" in line.split()
    assert "§ External: vsebench measured what was made elsewhere" in " ".join(table.split())
    assert "cosines: rows L2-normalised, images.npy" in " ".join(table.split())
    for form, mark in (("md", "§"), ("latex", r"\S{}")):
        assert f"{NAME} {mark}" in prints("report", world / "runs", "--format", form)[0]
    found = json.loads(prints("report", world / "runs", "--format", "json")[0])
    assert len(found["rows"]) == 2
    assert [each["name"] for each in found["external"]] == [NAME]
    assert f"{NAME} §" in after.page().replace("<wbr>", "")
    chosen = prints("report", world / "runs", "--columns", "t2i_r1")[0]
    assert f"{row.test['t2i_r1']:.1f}" in chosen.split(f"{NAME} §")[1].splitlines()[0]


def test_a_folder_without_external_rows_is_as_before(world: Path, prints: Prints) -> None:
    assert "external" not in json.loads(prints("report", world / "runs", "--format", "json")[0])
    assert "§" not in prints("report", world / "runs")[0]


def test_scores_make_a_row(world: Path, prints: Prints) -> None:
    scores = world / "scores.npy"
    prints(*add(world, "--similarity", scores, "--name", "cross-attention"))
    (row,) = read_external(world / "runs")
    owner = np.repeat(np.arange(6), 5).tolist()
    assert row.test == pytest.approx(
        ranking.metrics(*ranking.ranks(np.load(scores).T.tolist(), owner))
    )
    assert row.scored == "as given"
    assert list(row.files) == ["scores"]


def test_the_same_row_is_written_once_and_another_is_refused(
    world: Path, prints: Prints, refusal: Call
) -> None:
    images, texts = world / "images.npy", world / "texts.npy"
    for _ in range(2):
        prints(*add(world, images, texts, "--name", NAME, "--normalise"))
    assert len(read_external(world / "runs")) == 1
    np.save(images, -np.load(images))
    message = refusal(*add(world, images, texts, "--name", NAME, "--normalise"))
    assert message.startswith(f"{world}/runs has a row '{NAME}' of other files: choose another")
    prints(*add(world, images, texts, "--name", "another", "--normalise"))
    assert [row.name for row in read_external(world / "runs")] == sorted([NAME, "another"])


def test_a_row_of_other_data_is_said_and_not_shown(world: Path, prints: Prints) -> None:
    write_precomp(world / "other", (6, 3, 6))
    captions = (world / "other" / "test_caps.txt").read_text().replace("thing", "things")
    (world / "other" / "test_caps.txt").write_text(captions)
    prints(
        *("add-row", world / "images.npy", world / "texts.npy", "--normalise", "--name", NAME),
        *("--dataset", "precomp", "--data-root", world / "other", "--out", world / "runs"),
    )
    table, _ = prints("report", world / "runs")
    assert f"{NAME} §" not in table
    assert "1 external row, CLIP ViT-B/32 zero-shot (precomp)." in " ".join(table.split())


def test_what_cannot_be_a_row(world: Path, refusal: Call) -> None:
    images, texts = world / "images.npy", world / "texts.npy"
    assert refusal(*add(world, images, "--name", NAME)).startswith("name what was made")
    assert refusal(*add(world, images, texts, "--similarity", texts, "--name", NAME)).startswith(
        "name what was made"
    )
    assert refusal(*add(world, images, texts, "--name", " ")).startswith(
        "--name is a line of 1 to 60 characters, found 0"
    )
    assert refusal(*add(world, images, texts, "--name", "a\nb")).startswith("--name is a")
    np.save(images, np.load(images)[:5])
    message = refusal(*add(world, images, texts, "--name", NAME))
    assert "the data set's test split 6 images and 30 captions" in message
    assert read_external(world / "runs") == ()
    damaged = world / "runs" / "external" / "x-1" / "row.json"
    damaged.parent.mkdir(parents=True)
    damaged.write_text("{}")
    message = refusal("report", world / "runs")
    assert message.startswith(f"{damaged} is damaged (name: Field required): delete")
    damaged.write_text('{"schema_version": 2}')
    assert "written by a newer vsebench (schema 2" in refusal("report", world / "runs")
