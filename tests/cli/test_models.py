"""A trained model on the command line: exported, embedding, searching, evaluated elsewhere."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest

from tests.cli.tiny_runs import make_runs
from tests.data.files import write_precomp, write_split
from vsebench.cli.app import main
from vsebench.plugin.metrics import keys
from vsebench.results.folder.store import RunDirectory

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.fixtures import Call, Prints

    Capture = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run and its exported model."""
    root = tmp_path_factory.mktemp("world")
    make_runs(root / "runs", write_precomp(root / "data", (8, 3, 6)), pooling="gpo,mean")
    with pytest.raises(SystemExit):
        main(["export", str(run_of(root)), "--to", str(root / "model")])
    return root


def run_of(root: Path, pooling: str = "gpo") -> Path:
    (found,) = (root / "runs").glob(f"*-{pooling}-*")
    return found


def test_export_says_what_it_wrote_and_writes_nothing_over(
    world: Path, prints: Prints, refusal: Call
) -> None:
    out, _ = prints("export", run_of(world), "--to", world / "again")
    assert "it reads features of width 4 and captions, and gives vectors of 8" in out
    assert f"next: vsebench embed {world}/again --features TABLE --out images.npy" in out
    message = refusal("export", run_of(world), "--to", world / "again")
    assert message == f"cannot write {world}/again: it exists already; choose another folder"
    message = refusal("export", "*", "--results", world / "runs", "--to", world / "several")
    assert message == f"'*' names 2 runs in {world}/runs: give one"


@pytest.mark.parametrize("name", ["model", "run"])
def test_embeddings_of_the_test_split_give_the_figures_of_the_record(
    world: Path, prints: Prints, tmp_path: Path, name: str
) -> None:
    model = world / "model" if name == "model" else run_of(world)
    np.save(tmp_path / "once_ims.npy", np.load(world / "data" / "test_ims.npy")[::5])
    images, texts = tmp_path / "images.npy", tmp_path / "texts.npy"
    out, _ = prints("embed", model, "--features", tmp_path / "once_ims.npy", "--out", images)
    assert out == (
        f"{images}: 6 images × 8, float32, L2-normalised; images.npy.json says which model made "
        "them\n"
    )
    prints("embed", model, "--texts", world / "data" / "test_caps.txt", "--out", texts)
    found = json.loads(prints("evaluate", images, texts, "--json")[0])
    record = RunDirectory(run_of(world)).read_record()
    assert {key: found[key] for key in keys("retrieval")} == record.test
    note = json.loads((tmp_path / "texts.npy.json").read_text())
    assert (note["shape"], note["side"], note["run_id"]) == ([30, 8], "text", record.run_id)
    assert note["names"][7] == "a picture 7 of thing 1"


def test_ids_lengths_and_vectors_are_read(world: Path, prints: Prints, tmp_path: Path) -> None:
    features = np.load(world / "data" / "test_ims.npy")[::5]
    np.save(tmp_path / "test_ims.npy", features)
    np.save(tmp_path / "test_lengths.npy", np.array([1, 2, 3, 3, 3, 3]))
    (tmp_path / "test_ids.txt").write_text("".join(f"{i}.jpg\n" for i in range(6)))
    np.save(tmp_path / "plain.npy", features[:, 0])
    out = tmp_path / "out.npy"
    prints("embed", world / "model", "--features", tmp_path / "test_ims.npy", "--out", out)
    rows, note = np.load(out), json.loads((tmp_path / "out.npy.json").read_text())
    assert note["names"][5] == "5.jpg"
    prints("embed", world / "model", "--features", tmp_path / "plain.npy", "--out", out)
    vectors = np.load(out)
    assert vectors[0] == pytest.approx(rows[0], abs=1e-6)
    assert not np.allclose(vectors[1], rows[1], atol=1e-3)


def test_search_shows_the_best(world: Path, prints: Prints, tmp_path: Path) -> None:
    model, index = world / "model", tmp_path / "texts.npy"
    prints("embed", model, "--texts", world / "data" / "test_caps.txt", "--out", index)
    query = "a picture 7 of thing 1"
    out, err = prints("search", model, query, "--index", index, "--top", "2")
    assert err == ""
    assert out.splitlines()[0] == query
    assert out.splitlines()[3].split() == ["1", "1.0000", "7", *query.split()]
    assert len(out.splitlines()) == 5
    found = json.loads(
        prints("search", model, query, "zebra", "--index", index, "--format", "json")[0]
    )
    assert [len(each["matches"]) for each in found["queries"]] == [10, 10]
    assert found["queries"][0]["matches"][0] == {
        "row": 7,
        "score": pytest.approx(1, abs=1e-6),
        "name": query,
    }
    names = tmp_path / "names.txt"
    names.write_text("".join(f"row{i}\n" for i in range(30)))
    out, err = prints("search", model, "zebra", "--index", index, "--names", names, "--top", "1")
    assert "1 of 1 words (100.0 %), in 1 caption, are unknown to the model's vocabulary" in err
    assert out.splitlines()[-1].split()[-1].startswith("row")


def test_an_index_of_another_model_or_another_file_is_refused(
    world: Path, prints: Prints, refusal: Call, tmp_path: Path
) -> None:
    captions = world / "data" / "test_caps.txt"
    index = tmp_path / "texts.npy"
    prints("embed", run_of(world, "mean"), "--texts", captions, "--out", index)
    message = refusal("search", world / "model", "a", "--index", index)
    assert f"{index} was made with the model of run " in message
    np.save(index, np.load(index)[::2])
    message = refusal("search", world / "model", "a", "--index", index)
    assert message.startswith(f"{index} is not the file that texts.npy.json is about")
    (tmp_path / "texts.npy.json").unlink()
    prints("search", world / "model", "a", "--index", index)
    (tmp_path / "names.txt").write_text("one\n")
    assert "names.txt has 1 names, " in refusal(
        "search", world / "model", "a", "--index", index, "--names", tmp_path / "names.txt"
    )


def test_wrong_requests_are_said(world: Path, refusal: Call, tmp_path: Path) -> None:
    model, captions = world / "model", world / "data" / "test_caps.txt"
    assert refusal("embed", model, "--out", "a.npy").startswith("name what to embed, one")
    assert (
        refusal("embed", model, "--texts", captions, "--out", "a.txt")
        == "--out a.txt is no .npy file: write a.npy"
    )
    out = tmp_path / "a.npy"
    assert (
        refusal("embed", model, "--images", tmp_path, "--out", out)
        == "the model reads features of width 4, found raw images: its image encoder is 'region'"
    )
    message = refusal("embed", model, "--features", world / "data", "--out", out)
    assert message.endswith("name one of its arrays: dev_ims.npy, test_ims.npy, train_ims.npy")
    message = refusal("embed", model, "--features", tmp_path / "no.npy", "--out", out)
    assert message.endswith("no.npy does not exist: name a feature table or a .npy file")
    np.save(tmp_path / "wide.npy", np.zeros((2, 3, 5), np.float32))
    message = refusal("embed", model, "--features", tmp_path / "wide.npy", "--out", out)
    assert message.startswith("the model reads features of width 4, found 5")
    message = refusal("embed", world, "--texts", captions, "--out", out)
    assert message.startswith(f"{world} is no model: expected a folder that 'vsebench export'")
    message = refusal("embed", world / "none", "--texts", captions, "--out", out)
    assert message == f"there is no folder {world}/none: name an exported model, or a finished run"
    assert "no run 'none' in " in refusal(
        *("embed", "none", "--results", world / "runs", "--texts", captions, "--out", out)
    )
    assert not out.exists()
    for query in ("", " . "):
        message = refusal("search", model, "a dog", query, "--index", out)
        assert message == f"'{query}' is an empty caption: write words to search for"


def test_a_model_is_evaluated_on_its_own_and_on_another_data_set(
    world: Path, prints: Prints, refusal: Call, tmp_path: Path
) -> None:
    record = RunDirectory(run_of(world)).read_record()
    out, err = prints("evaluate", world / "model", "--data-root", world / "data", "--json")
    found = json.loads(out)
    assert {key: found[key] for key in keys("retrieval")} == record.test
    assert (found["run_id"], err) == (record.run_id, "")
    other = write_precomp(tmp_path / "other", (6, 3, 5))
    captions = (other / "test_caps.txt").read_text().replace("picture", "drawing")
    (other / "test_caps.txt").write_text(captions)
    for model in (world / "model", run_of(world)):
        out, err = prints(
            *("evaluate", model, "--dataset", "precomp", "--data-root", other, "--json"),
        )
        found = json.loads(out)
        assert (found["images"], found["captions"], found["dataset"]) == (5, 25, "precomp")
        assert (found["words"], found["unknown_words"]) == (150, 25)
        assert "trained on precomp (fingerprint " in err
        assert "25 of 150 words (16.7 %), in 25 captions, are unknown" in err
    assert "was made on" in refusal("evaluate", world / "model", "--data-root", other)


def test_a_data_set_that_the_model_cannot_read_is_refused(
    world: Path, refusal: Call, tmp_path: Path
) -> None:
    for stem in ("train", "dev", "test"):
        features = write_split(tmp_path, stem, 4)
        np.save(tmp_path / f"{stem}_ims.npy", np.concatenate([features, features], axis=2))
    message = refusal("evaluate", world / "model", "--dataset", "precomp", "--data-root", tmp_path)
    assert "the model reads features of width 4, found 8" in message
    assert "is no image–caption set" in refusal(
        "evaluate", world / "model", "--dataset", "tags:images=50"
    )
