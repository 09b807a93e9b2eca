from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest

from tests.data.files import write_precomp
from vsebench.cli.app import main

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def elsewhere(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("VSEBENCH_CACHE", str(tmp_path_factory.mktemp("cache")))
    monkeypatch.delenv("VSEBENCH_DATA", raising=False)
    monkeypatch.chdir(tmp_path_factory.mktemp("empty"))


def data(capsys, *arguments: object, code: int = 0) -> str:
    """What `vsebench data` prints: on stdout when it has an answer (a check that fails is one),
    else the one line of its error.
    """
    with pytest.raises(SystemExit) as caught:
        main(["data", *map(str, arguments)])
    assert caught.value.code == code
    out, err = capsys.readouterr()
    if code < 2:
        assert err == ""
        return out
    assert out == ""
    assert err.startswith("vsebench: error: ")
    assert err.count("\n") == 1
    return err


def test_list(capsys):
    lines = data(capsys, "list").splitlines()
    assert lines[0].split()[:4] == ["name", "task", "features", "protocol"]
    found = {line.split()[0]: line.split()[1:4] for line in lines[2:]}
    assert found["scenes"] == ["retrieval", "region", "quick"]
    assert found["flickr8k"] == ["retrieval", "grid", "vse-infinity"]
    assert {"precomp", "flickr30k", "coco"} <= set(found)


def test_info_says_which_files_from_where_to_where(capsys):
    out = data(capsys, "info", "flickr30k")
    for part in (
        "train_ims.npy",
        "https://",
        "ROOT/f30k_precomp/",
        "--data-root",
        "published train: 29000 images, 145000 captions",
        "licence:",
        "citation:",
    ):
        assert part in out
    assert "published test: 5000 images" in data(capsys, "info", "coco")
    assert "published test: 1000 images" in data(capsys, "info", "coco:test=test")
    assert "option difficulty=1.0" in data(capsys, "info", "scenes")


def test_check_prints_each_split(capsys, tmp_path):
    folder = write_precomp(tmp_path / "precomp")
    for stem in ("train", "dev", "test"):
        captions = folder / f"{stem}_caps.txt"
        captions.write_text(captions.read_text().replace("thing", f"{stem} thing"))
    lines = data(capsys, "check", "precomp", "--data-root", tmp_path).splitlines()
    assert lines[-1] == "verdict: all 3 checks passed"
    assert lines[0].startswith(f"precomp: sound, in {folder}, fingerprint ")
    assert [line.split() for line in lines[3:6]] == [
        ["train", "6", "30", "6", "×", "3", "×", "4", "float32", "3", "3"],
        ["dev", "3", "15", "3", "×", "3", "×", "4", "float32", "3", "3"],
        ["test", "4", "20", "4", "×", "3", "×", "4", "float32", "3", "3"],
    ]


def test_check_of_a_folder_looks_nowhere_else(capsys, tmp_path, monkeypatch):
    write_precomp(tmp_path / "roots" / "precomp")
    (tmp_path / "empty").mkdir()
    (tmp_path / "a.npy").touch()
    monkeypatch.setenv("VSEBENCH_DATA", str(tmp_path / "roots"))
    assert f"data set 'precomp' is not in {tmp_path}/empty/precomp, {tmp_path}/empty:" in data(
        capsys, "check", tmp_path / "empty", code=2
    )
    assert "sound" in data(capsys, "check", tmp_path / "roots" / "precomp", code=1)
    assert "a.npy is a file: name a data set, or the folder" in data(
        capsys, "check", tmp_path / "a.npy", code=2
    )


def test_check_generates_what_is_generated(capsys):
    out = data(capsys, "check", "scenes:images=20:dim=16")
    assert "scenes:images=20:dim=16: sound" in out
    assert ["dev", "100", "500", "100", "×", "36", "×", "16", "float16", "10", "36"] in [
        line.split() for line in out.splitlines()
    ]


def test_counts_that_differ_fail_or_are_refused(capsys, tmp_path):
    write_precomp(tmp_path / "coco_precomp", test="testall")
    out = data(capsys, "check", "coco", "--data-root", tmp_path, code=1)
    assert "FAIL  testall has 4 images, published are 5,000" in out
    assert "refused because of --strict-data" in data(
        capsys, "check", "coco", "--data-root", tmp_path, "--strict-data", code=2
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("info", "flicker8k"), "unknown dataset 'flicker8k': did you mean 'flickr8k'?"),
        (
            ("info", "scenes:seeds=1"),
            "dataset 'scenes' has no parameter 'seeds': did you mean 'seed'?",
        ),
        (("check", "scenes:dim=0"), "parameter 'dim' must be at least 8, got 0"),
        (("check", "coco"), "run 'vsebench data info coco'"),
        (("check", "coco", "--data-root", "nowhere"), "data root 'nowhere' is not a folder"),
        (("chek", "coco"), "chek"),
    ],
)
def test_wrong_requests_end_with_one_line(capsys, arguments, message):
    assert message in data(capsys, *arguments, code=2)


@pytest.mark.parametrize("damage", ["truncated", "nan", "count", "utf8", "empty"])
def test_damaged_files_end_with_one_line(capsys, tmp_path, damage):
    folder = write_precomp(tmp_path / "precomp")
    ims, caps = folder / "dev_ims.npy", folder / "dev_caps.txt"
    if damage == "truncated":
        ims.write_bytes(ims.read_bytes()[:-3])
    elif damage == "nan":
        np.save(ims, np.full((3, 3, 4), np.nan, np.float32))
    elif damage == "count":
        caps.write_text("a dog\n" * 10)
    elif damage == "utf8":
        caps.write_bytes(b"a dog\n" * 14 + b"un caf\xe9\n")
    else:
        caps.write_text("a dog\n" * 14 + ".\n")
    assert f"{folder}/dev_" in data(capsys, "check", "precomp", "--data-root", tmp_path, code=2)


def test_listing_needs_no_torch():
    program = """
import sys
from vsebench.cli.data.app import data_app
data_app(["list"], standalone_mode=False)
sys.exit(any(name in sys.modules for name in ("torch", "numpy", "pandas")))
"""
    assert subprocess.run([sys.executable, "-c", program], capture_output=True).returncode == 0


def test_findings_of_check_end_where_the_terminal_does(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    write_precomp(tmp_path / "precomp")

    def findings(columns: int) -> list[str]:
        monkeypatch.setenv("COLUMNS", str(columns))
        with pytest.raises(SystemExit):
            main(["data", "check", "precomp", "--data-root", str(tmp_path)])
        return capsys.readouterr().out.partition("\n\n")[2].splitlines()

    whole, wrapped = findings(1000), findings(50)
    assert max(map(len, whole)) > 50 >= max(map(len, wrapped))
    begun = [line for line in wrapped if not line.startswith(" " * 6)]
    assert [line.split()[0] for line in begun] == [line.split()[0] for line in whole]
    assert " ".join("\n".join(wrapped).split()) == " ".join("\n".join(whole).split())


def test_check_says_what_equal_captions_leave_to_get(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "1000")
    write_precomp(tmp_path / "precomp")
    lines = (tmp_path / "precomp" / "test_caps.txt").read_text().splitlines()
    # all five of the first two images are one text; the other two have their own
    lines[:10] = ["No finding."] * 5 + ["no finding"] * 5
    (tmp_path / "precomp" / "test_caps.txt").write_text("\n".join(lines) + "\n")
    printed = data(capsys, "check", "precomp", "--data-root", tmp_path, code=1)
    (note,) = [line for line in printed.splitlines() if "word for word" in line]
    assert note.startswith("note  test: 10 of 20 captions, of 2 of 4 images, are word for word")
    # of the two images either can be first for a half of the ten; five captions tie with each image
    assert "i2t R@1 50.0, t2i R@1 75.0, RSUM 475.0;" in note
