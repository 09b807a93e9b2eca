from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from tests.oracles import ranking
from vsebench.cli.evaluate import evaluate_command
from vsebench.plugin import DataError, SpecError
from vsebench.plugin.metrics import keys

if TYPE_CHECKING:
    from collections.abc import Callable

    Save = Callable[[str, object], str]

app = typer.Typer()
app.command()(evaluate_command)


@pytest.fixture(autouse=True)
def _wide(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever terminal the tests are run in."""
    monkeypatch.setenv("COLUMNS", "200")


def run(*arguments: str) -> str:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    if result.exception is not None:
        raise result.exception
    return result.stdout


@pytest.fixture
def save(tmp_path: Path) -> Save:
    def write(name: str, array: object) -> str:
        np.save(tmp_path / name, np.asarray(array))
        return str(tmp_path / name)

    return write


def embeddings(images: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    image = rng.normal(size=(images, 16)).astype(np.float32)
    return image, np.repeat(image, 5, axis=0) + rng.normal(size=(5 * images, 16)).astype(
        np.float32
    ) * np.float32(1.5)


def test_json_has_every_metric_of_the_oracle_and_what_it_was_computed_on(save: Save) -> None:
    image, text = embeddings(20)
    found = json.loads(run(save("i.npy", image), save("t.npy", text), "--format", "json"))
    owner = np.repeat(np.arange(20), 5)
    expected = ranking.metrics(*ranking.ranks(ranking.inner_products(image, text), owner.tolist()))
    assert {key: found.pop(key) for key in keys("retrieval")} == pytest.approx(expected)
    assert found == {"images": 20, "captions": 100, "evaluation": "full", "metric_version": "1"}


def test_a_map_says_whose_each_caption_is(save: Save) -> None:
    image, text = embeddings(20)
    order = np.random.default_rng(1).permutation(100)[:90]
    owner = np.repeat(np.arange(20), 5)[order]
    found = json.loads(
        run(
            save("i.npy", image),
            save("t.npy", text[order]),
            "--text-to-image",
            save("m.npy", owner),
            "--format",
            "json",
        )
    )
    expected = ranking.metrics(
        *ranking.ranks(ranking.inner_products(image, text[order]), owner.tolist())
    )
    assert {key: found[key] for key in keys("retrieval")} == pytest.approx(expected)


def test_the_table_names_metrics_and_protocol(save: Save) -> None:
    image, text = embeddings(20)
    found = json.loads(run(save("i.npy", image), save("t.npy", text), "--format", "json"))
    lines = run(save("i.npy", image), save("t.npy", text)).splitlines()
    assert lines[0].split() == ["R@1", "R@5", "R@10", "MedR", "MeanR"]
    i2t = [
        f"{found['i2t_r1']:.2f}",
        f"{found['i2t_r5']:.2f}",
        f"{found['i2t_r10']:.2f}",
        f"{found['i2t_medr']:.1f}",
        f"{found['i2t_meanr']:.2f}",
    ]
    assert lines[2].split() == ["i2t", *i2t]
    assert f"RSUM {found['rsum']:.2f}" in lines
    assert "20 images, 100 captions, evaluation full" in lines[-2]
    assert lines[-1] == "Scores: inner products of rows as given."


def test_notes_end_where_the_terminal_does(save: Save, monkeypatch: pytest.MonkeyPatch) -> None:
    image, text = embeddings(20)
    files = save("i.npy", image), save("t.npy", text)
    wide = run(*files)
    assert max(map(len, wide.splitlines())) > 60
    monkeypatch.setenv("COLUMNS", "60")
    narrow = run(*files)
    assert max(map(len, narrow.splitlines())) <= 60
    assert narrow.split() == wide.split()


def test_folds(save: Save) -> None:
    image, text = embeddings(2000)
    found = json.loads(
        run(
            save("i.npy", image),
            save("t.npy", text),
            "--evaluation",
            "1k-5fold",
            "--format",
            "json",
        )
    )
    assert found["evaluation"] == "1k-5fold"
    assert (
        found["i2t_r1"]
        > json.loads(run(save("i.npy", image), save("t.npy", text), "--format", "json"))["i2t_r1"]
    )


def test_the_command_imports_no_torch() -> None:
    code = "import sys, vsebench.cli.evaluate; assert not {'torch', 'numpy'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def refusal(*arguments: str) -> str:
    with pytest.raises((DataError, SpecError)) as caught:
        run(*arguments)
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_missing_and_broken_files_are_named(save: Save, tmp_path: Path) -> None:
    image, text = embeddings(4)
    good, texts = save("i.npy", image), save("t.npy", text)
    assert refusal(str(tmp_path / "none.npy"), texts) == f"{tmp_path}/none.npy: no such file"
    assert (
        refusal(good, str(tmp_path))
        == f"{tmp_path} is a folder: name a .npy file; a run is named alone"
    )
    assert (
        refusal(str(tmp_path), texts)
        == f"{tmp_path} is a folder: name a .npy file; a run is named alone"
    )
    for device in ("cuda", "gpu"):
        assert (
            refusal(good, texts, "--device", device)
            == f"--device {device} is about a model: embeddings in files are ranked on the CPU"
        )
    short = tmp_path / "short.npy"
    short.write_bytes(Path(good).read_bytes()[:-8])
    assert refusal(str(short), texts).startswith(f"{short} is not a whole .npy file")
    assert refusal(save("none.npy", image[:0]), save("none.npy", image[:0]))
    for content in (b"", b"\x93NUMPY", b"1 2 3"):
        short.write_bytes(content)
        assert refusal(str(short), texts).startswith(f"{short} is not a whole .npy file")
    pickled = save("p.npy", np.array([[object()]], dtype=object))
    assert refusal(pickled, texts).startswith(f"{pickled} is not a whole .npy file")
    np.savez(tmp_path / "a.npz", image)
    assert refusal(str(tmp_path / "a.npz"), texts).startswith(
        f"{tmp_path}/a.npz is not a whole .npy file"
    )


def test_wrong_shapes_are_named(save: Save) -> None:
    image, text = embeddings(10)
    good, texts = save("i.npy", image), save("t.npy", text)
    assert "must have 2 dimensions, found shape (160,)" in refusal(
        save("flat.npy", image.ravel()), texts
    )
    assert "must have 1 dimension, found shape (50, 1)" in refusal(
        good, texts, "--text-to-image", save("m.npy", np.zeros((50, 1), int))
    )
    assert "not five captions per image" in refusal(good, save("t2.npy", text[:49]))
    assert "one width, found 8 and 16" in refusal(save("wide.npy", image[:, :8]), texts)


def test_images_stored_five_times_are_recognised(save: Save) -> None:
    image, text = embeddings(10)
    message = refusal(save("i.npy", np.repeat(image, 5, axis=0)), save("t.npy", text))
    assert "50 rows" in message
    assert "[::5]" in message
    assert "--text-to-image" in message


def test_values_that_are_not_finite_and_unknown_protocols_are_refused(save: Save) -> None:
    image, text = embeddings(10)
    text[7, 3] = np.nan
    assert "caption embeddings: row 7" in refusal(save("i.npy", image), save("t.npy", text))
    assert "did you mean '1k-5fold'" in refusal(
        save("i.npy", image), save("t.npy", image.repeat(5, 0)), "--evaluation", "1k5fold"
    )
