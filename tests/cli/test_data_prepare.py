from __future__ import annotations

import io
import json
import time

import pytest

from tests.data.prepare import inputs
from vsebench.cli.shared import counting


@pytest.fixture(autouse=True)
def elsewhere(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("VSEBENCH_CACHE", str(tmp_path_factory.mktemp("cache")))
    monkeypatch.delenv("VSEBENCH_DATA", raising=False)
    monkeypatch.chdir(tmp_path_factory.mktemp("empty"))


@pytest.fixture
def origin(tmp_path):
    images = inputs.write_json(tmp_path / "in")
    inputs.write_tsv(
        tmp_path / "in" / "trainval_36.tsv",
        [inputs.stem_of(entry) for entry in images],
        inputs.make_features(images),
    )
    return tmp_path / "in"


def test_prepare_says_what_it_wrote_and_what_comes_next(prints, origin, tmp_path):
    out, err = prints("data", "prepare", "flickr30k", "--from", origin, "--to", tmp_path / "out")
    lines = out.splitlines()
    assert lines[0] == f"flickr30k: prepared in {tmp_path / 'out'}"
    assert ["dev", "3", "15", "3", "×", "4", "×", "6", "4", "4"] in [line.split() for line in lines]
    assert (
        "stored as float16: values of more digits are off by at most 0.00049 of themselves" in out
    )
    assert lines[-1].startswith(
        f"next: vsebench data check {tmp_path / 'out'}; then vsebench run --dataset flickr30k"
    )
    assert err.splitlines()[0] == "sizes: 1 of 12 images"
    assert err.splitlines()[-1] == "features: 12 of 12 images"
    assert prints(
        "data", "prepare", "flickr30k", "--from", origin, "--to", tmp_path / "out", "--quiet"
    ) == (out, "")


def test_check_takes_a_folder(prints, origin, tmp_path):
    target = tmp_path / "out"
    prints(
        "data",
        "prepare",
        "flickr30k",
        "--from",
        origin,
        "--to",
        target,
        "--dtype",
        "float32",
        "--quiet",
    )
    out, err = prints(
        "data", "check", target, "--captions", origin / "dataset_flickr30k.json", code=1
    )
    assert err == ""
    assert out.startswith(f"flickr30k: sound, in {target}, fingerprint ")
    assert "ok    dev_caps.txt has the captions of dataset_flickr30k.json in its order" in out
    assert "FAIL  train has 5 images, published are 29,000" in out
    assert out.splitlines()[-1] == "verdict: 3 of 11 checks failed"
    assert prints(
        "data",
        "check",
        "flickr30k",
        "--data-root",
        target,
        "--captions",
        origin / "dataset_flickr30k.json",
        code=1,
    ) == (out, "")


def test_flickr8k_is_opened_as_precomp_and_compared_as_flickr8k(prints, origin, tmp_path):
    (origin / "dataset_flickr30k.json").rename(origin / "dataset_flickr8k.json")
    out, _ = prints(
        "data", "prepare", "flickr8k", "--from", origin, "--to", tmp_path / "out", "--quiet"
    )
    assert out.splitlines()[-1].endswith(
        f"vsebench run --dataset precomp --data-root {tmp_path / 'out'}"
    )
    assert (
        "FAIL  train has 5 images, published are 6,000"
        in prints("data", "check", tmp_path / "out", code=1).out
    )


def test_a_set_of_ones_own_has_the_name_that_it_is_given(prints, origin, tmp_path, monkeypatch):
    target = tmp_path / "data" / "folder"
    arguments = ("prepare", "--as", "mine", "--from", origin, "--to", target, "--quiet")
    out, err = prints("data", *arguments)
    assert (out.splitlines()[0], err) == (f"mine: prepared in {target}", "")
    assert out.splitlines()[-1].endswith(f"--dataset mine --data-root {target}")
    assert prints("data", *arguments).out == out
    monkeypatch.chdir(tmp_path)
    out, _ = prints("data", "check", "mine")
    assert out.startswith(f"mine: sound, in {target}, fingerprint ")
    assert prints("data", "check", target).out == out
    assert "mine" in [line.split()[0] for line in prints("data", "list").out.splitlines()]
    assert prints("data", "info", "mine").out.startswith(
        "mine: a data set of yours in the layout of"
    )


def test_a_set_of_ones_own_is_trained_on_evaluated_and_exported(
    prints, call, origin, tmp_path, monkeypatch
):
    """By a run in another process, and after its folder has moved. Its images have five or six
    captions.
    """
    target = tmp_path / "data" / "mine"
    prints("data", "prepare", "--as", "mine", "--from", origin, "--to", target, "--quiet")
    monkeypatch.chdir(tmp_path)
    smaller = ("batch_size=8", "embed_dim=8", "word_dim=8", "min_word_count=1", "warmup_epochs=0")
    grid = ("--dataset", "mine", "--pooling", "mean", "--loss", "triplet", "--epochs", "1")
    options = [part for key in smaller for part in ("--set", key)]
    out = call("run", *grid, *options, "--device", "cpu", "--quiet")
    assert out.startswith("mine · test")
    (directory,) = (tmp_path / "runs").glob("mine-*")
    target.parent.rename(tmp_path / "moved")
    said = call("evaluate", str(directory), "--data-root", "moved", "--json")
    record = json.loads((directory / "record.json").read_text())
    found = json.loads(said)
    assert {key: found[key] for key in ("rsum", "i2t_r1", "t2i_r10")} == {
        key: pytest.approx(record["test"][key]) for key in ("rsum", "i2t_r1", "t2i_r10")
    }
    call("export", str(directory), "--to", str(tmp_path / "model"))
    assert "| data set      | `mine`" in (tmp_path / "model" / "README.md").read_text()
    (tmp_path / "moved" / "mine" / "dataset.toml").write_text(
        'name = "mine"\nlayout = "precomp"\nlicence = "CC0"\n'
    )
    call("export", str(directory), "--to", "licensed", "--data-root", "moved")
    assert "CC0" in (tmp_path / "licensed" / "README.md").read_text()


def test_a_published_set_may_get_another_name(prints, origin, tmp_path):
    target = tmp_path / "out"
    prints("data", "prepare", "flickr30k", "--as", "f30k-x", "--from", origin, "--to", target)
    assert 'layout = "flickr30k"' in (target / "dataset.toml").read_text()
    out, _ = prints("data", "check", target, code=1)
    assert out.startswith("f30k-x: sound")
    assert "FAIL  train has 5 images, published are 29,000" in out


def test_what_comes_twice_in_a_tsv_is_said(prints, origin, tmp_path):
    tsv = origin / "trainval_36.tsv"
    tsv.write_bytes(tsv.read_bytes() + tsv.read_bytes().splitlines(keepends=True)[0])
    _, err = prints(
        "data", "prepare", "flickr30k", "--from", origin, "--to", tmp_path / "out", "--quiet"
    )
    assert err.startswith("vsebench: warning: 1 images come more than once, and the last line")


def test_a_folder_without_a_manifest_is_a_precomp_set(prints, origin, tmp_path):
    prints("data", "prepare", "flickr30k", "--from", origin, "--to", tmp_path / "out", "--quiet")
    (tmp_path / "out" / "prepared.json").unlink()
    out, _ = prints("data", "check", tmp_path / "out")
    assert out.startswith("precomp: sound")
    assert out.splitlines()[-1] == "verdict: all 4 checks passed"


def test_images_alone(prints, tmp_path):
    for entry in inputs.write_json(tmp_path / "in"):
        (tmp_path / "in" / entry["filename"]).touch()
    out, _ = prints(
        "data", "prepare", "flickr30k", "--from", tmp_path / "in", "--to", tmp_path / "out"
    )
    assert "no features yet" in out
    assert "use flickr30k:images=DIR" in out
    _, err = prints("data", "check", tmp_path / "out", code=2)
    assert "has captions and ids but no features: check it with its images" in err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("prepare", "flickr31k", "--from", ".", "--to", "out"), "did you mean 'flickr30k'?"),
        (("prepare", "coco", "--from", "nowhere", "--to", "out"), "nowhere does not exist"),
        (("prepare", "coco", "--to", "out"), "--from"),
        (("prepare", "--from", ".", "--to", "out"), "or say with --as NAME"),
        (("prepare", "--as", "scenes", "--from", ".", "--to", "o"), "data set 'scenes' already"),
        (("prepare", "--as", "a b", "--from", ".", "--to", "o"), "cannot be called 'a b'"),
        (("prepare", "coco", "--from", ".", "--to", "out", "--dtype", "float8"), "float8"),
        (
            ("check", "scenes:images=20:dim=16", "--captions", "x.json"),
            "expected a data set in the precomp layout",
        ),
    ],
)
def test_wrong_requests_end_with_one_line(prints, arguments, message):
    _, err = prints("data", *arguments, code=2)
    assert message in err
    assert err.count("\n") == 1


def test_lines_tell_the_time_left_and_do_not_count_what_was_done_before(monkeypatch):
    moments = [(0, 400), (1, 410), (5, 450), (9, 490), (10, 500), (18, 1000)]
    clock = iter([moment for moment, _ in moments])
    monkeypatch.setattr(time, "monotonic", lambda: float(next(clock)))
    stream = io.StringIO()
    report = counting.Lines("images", stream)
    for _, done in moments:
        report("features", done, 1000)
    assert stream.getvalue().splitlines() == [
        "features: 400 of 1,000 images",
        "features: 450 of 1,000 images, 55 s left",
        "features: 500 of 1,000 images, 50 s left",
        "features: 1,000 of 1,000 images",
    ]
