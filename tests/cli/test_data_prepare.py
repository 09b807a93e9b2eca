from __future__ import annotations

import io
import time

import pytest

from tests.data.prepare import inputs
from vsebench.cli import counting
from vsebench.cli.app import main


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


def run(capsys, *arguments: object, code: int = 0) -> tuple[str, str]:
    with pytest.raises(SystemExit) as caught:
        main(["data", *map(str, arguments)])
    assert caught.value.code == code
    return capsys.readouterr()


def test_prepare_says_what_it_wrote_and_what_comes_next(capsys, origin, tmp_path):
    out, err = run(capsys, "prepare", "flickr30k", "--from", origin, "--to", tmp_path / "out")
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
    assert run(
        capsys, "prepare", "flickr30k", "--from", origin, "--to", tmp_path / "out", "--quiet"
    ) == (out, "")


def test_check_takes_a_folder(capsys, origin, tmp_path):
    target = tmp_path / "out"
    run(
        capsys,
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
    out, err = run(capsys, "check", target, "--captions", origin / "dataset_flickr30k.json", code=1)
    assert err == ""
    assert out.startswith(f"flickr30k: sound, in {target}, fingerprint ")
    assert "ok    dev_caps.txt has the captions of dataset_flickr30k.json in its order" in out
    assert "FAIL  train has 5 images, published are 29,000" in out
    assert out.splitlines()[-1] == "verdict: 3 of 11 checks failed"
    assert run(
        capsys,
        "check",
        "flickr30k",
        "--data-root",
        target,
        "--captions",
        origin / "dataset_flickr30k.json",
        code=1,
    ) == (out, "")


def test_flickr8k_is_opened_as_precomp_and_compared_as_flickr8k(capsys, origin, tmp_path):
    (origin / "dataset_flickr30k.json").rename(origin / "dataset_flickr8k.json")
    out, _ = run(
        capsys, "prepare", "flickr8k", "--from", origin, "--to", tmp_path / "out", "--quiet"
    )
    assert out.splitlines()[-1].endswith(
        f"vsebench run --dataset precomp --data-root {tmp_path / 'out'}"
    )
    assert (
        "FAIL  train has 5 images, published are 6,000"
        in run(capsys, "check", tmp_path / "out", code=1).out
    )


def test_a_folder_without_a_manifest_is_a_precomp_set(capsys, origin, tmp_path):
    run(capsys, "prepare", "flickr30k", "--from", origin, "--to", tmp_path / "out", "--quiet")
    (tmp_path / "out" / "prepared.json").unlink()
    out, _ = run(capsys, "check", tmp_path / "out")
    assert out.startswith("precomp: sound")
    assert out.splitlines()[-1] == "verdict: all 4 checks passed"


def test_images_alone(capsys, tmp_path):
    for entry in inputs.write_json(tmp_path / "in"):
        (tmp_path / "in" / entry["filename"]).touch()
    out, _ = run(
        capsys, "prepare", "flickr30k", "--from", tmp_path / "in", "--to", tmp_path / "out"
    )
    assert "no features yet" in out
    assert "use flickr30k:images=DIR" in out
    _, err = run(capsys, "check", tmp_path / "out", code=2)
    assert "has captions and ids but no features: check it with its images" in err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("prepare", "flickr31k", "--from", ".", "--to", "out"), "did you mean 'flickr30k'?"),
        (("prepare", "coco", "--from", "nowhere", "--to", "out"), "nowhere does not exist"),
        (("prepare", "coco", "--to", "out"), "--from"),
        (("prepare", "coco", "--from", ".", "--to", "out", "--dtype", "float8"), "float8"),
        (
            ("check", "scenes:images=20:dim=16", "--captions", "x.json"),
            "expected a data set in the precomp layout",
        ),
    ],
)
def test_wrong_requests_end_with_one_line(capsys, arguments, message):
    _, err = run(capsys, *arguments, code=2)
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
