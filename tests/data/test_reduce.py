"""Components against a singular value decomposition of everything at once, and what `flickr8k`
reads of them.
"""

from __future__ import annotations

import json

import numpy as np
import pytest

from vsebench.cli.app import main
from vsebench.data import flickr8k
from vsebench.data.reduce import Reduction, reduce
from vsebench.plugin import DataError

SPLITS = {"train": range(90), "dev": range(90, 100), "test": range(100, 110)}


def quiet(what: str, done: int, total: int) -> None:
    """No progress."""


@pytest.fixture
def values():
    rng = np.random.default_rng(0)
    mixed = rng.standard_normal((110, 6, 5)) @ rng.standard_normal((5, 12))
    return (np.abs(mixed) + 0.1 * rng.random((110, 6, 12))).astype(np.float16)


@pytest.fixture
def table(tmp_path, values):
    folder = tmp_path / "table"
    folder.mkdir()
    np.save(folder / "features.npy", values)
    (folder / "images.txt").write_text("".join(f"sub/{i}.jpg\n" for i in range(110)))
    (folder / "table.json").write_text(json.dumps({}))
    root = tmp_path / "flickr8k"
    root.mkdir()
    for split, images in SPLITS.items():
        (root / flickr8k.SPLITS[split]).write_text("".join(f"{i}.jpg\n" for i in images))
    (root / flickr8k.TOKENS).write_text(
        "".join(f"{i}.jpg#{k}\tA thing .\n" for i in range(110) for k in range(5))
    )
    return folder


def wanted(table, components=7, *, square_root=False):
    root = table.parent / "flickr8k"
    return Reduction(table, root / flickr8k.SPLITS["train"], root, components, square_root)


@pytest.mark.parametrize("square_root", [False, True])
@pytest.mark.parametrize("components", [1, 7, 12])
def test_the_components_are_those_of_training(table, values, components, square_root):
    asked = wanted(table, components, square_root=square_root)
    found = reduce(asked, quiet)
    everything = values.astype(np.float64)
    everything = np.sqrt(everything) if square_root else everything
    train = everything[:90].reshape(-1, 12)
    centred = train - train.mean(0)
    _, singular, directions = np.linalg.svd(centred, full_matrices=False)
    np.testing.assert_allclose(found.mean, train.mean(0))
    deviations = singular / np.sqrt(len(train))
    np.testing.assert_allclose(found.deviations, deviations[:components])
    cosines = np.abs((found.directions * directions[:components].T).sum(0))
    np.testing.assert_allclose(cosines, 1)
    assert (
        np.take_along_axis(found.directions, np.abs(found.directions).argmax(0)[None], 0) > 0
    ).all()
    assert found.share == pytest.approx(
        (deviations[:components] ** 2).sum() / (deviations**2).sum()
    )
    exact = (everything - found.mean) @ found.directions
    data = flickr8k.Flickr8k(dim=components).load(asked.target)
    for split, images in SPLITS.items():
        stored = data.splits[split].features[np.arange(len(images))]
        limit = found.scale * 127
        np.testing.assert_allclose(
            stored,
            np.clip(exact[list(images)], -limit, limit),
            rtol=0,
            atol=found.scale.max() * 0.501,
        )
    np.testing.assert_allclose(found.scale, 4 * deviations[:components] / 127, rtol=1e-6)


@pytest.mark.parametrize(
    ("damage", "options", "message"),
    [
        (
            lambda t: None,
            {"components": 13},
            "local features of width 12 .* --components 12 or less",
        ),
        (
            lambda t: np.save(t / "features.npy", -np.load(t / "features.npy")),
            {"square_root": True},
            "leave --square-root out",
        ),
        (
            lambda t: np.save(t / "features.npy", np.load(t / "features.npy") * np.float16(np.inf)),
            {},
            "a value that is not finite",
        ),
        (
            lambda t: np.save(t / "features.npy", np.load(t / "features.npy") * 0),
            {},
            "varies in 0 directions only",
        ),
        (
            lambda t: (t / "images.txt").write_text("".join(f"x{i}.jpg\n" for i in range(110))),
            {},
            r"images\.txt has no image 0\.jpg and 89 more of .*trainImages\.txt",
        ),
        (
            lambda t: (t.parent / "flickr8k" / flickr8k.SCALE).touch(),
            {},
            "exists: move it away, or choose another --to",
        ),
    ],
)
def test_what_cannot_be_reduced_is_named_and_nothing_is_written(table, damage, options, message):
    damage(table)
    before = sorted((table.parent / "flickr8k").iterdir())
    with pytest.raises(DataError, match=message) as error:
        reduce(wanted(table, **options), quiet)
    assert "\n" not in str(error.value)
    assert sorted((table.parent / "flickr8k").iterdir()) == before


def test_the_command(capsys, table):
    asked = wanted(table)
    arguments = ["--fit", str(asked.fit), "--to", str(asked.target), "--components", "7"]
    with pytest.raises(SystemExit) as caught:
        main(["data", "reduce", str(table), *arguments, "--square-root", "--quiet"])
    assert caught.value.code == 0
    out, err = capsys.readouterr()
    assert out.startswith(f"{asked.target}: 7 components with ")
    assert err == ""
