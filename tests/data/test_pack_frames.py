from __future__ import annotations

import io
import os

import numpy as np
import pytest

from vsebench.cli.app import main
from vsebench.data.frames import pack_frames
from vsebench.plugin import DataError

RNG = np.random.default_rng(0)
VIDEOS = {f"v{count}": RNG.standard_normal((count, 5)).astype(np.float32) for count in (3, 1, 8)}


@pytest.fixture(params=["folder", "npz"])
def source(request, tmp_path):
    if request.param == "npz":
        np.savez(tmp_path / "videos.npz", **VIDEOS)
        return tmp_path / "videos.npz"
    folder = tmp_path / "videos"
    folder.mkdir()
    for name, frames in VIDEOS.items():
        np.save(folder / f"{name}.npy", frames)
    (folder / "notes.txt").write_text("not a video")
    (folder / "._v3.npy").write_bytes(b"what macOS packs beside a file")
    return folder


def no_report(done: int, total: int) -> None:
    pass


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes with names")
@pytest.mark.timeout(60)
def test_a_pipe_is_not_waited_for(source, tmp_path):
    pipe = source / "v4.npy" if source.is_dir() else source.with_name("pipe.npz")
    os.mkfifo(pipe)
    with pytest.raises(DataError, match=r"video 'v4' cannot be read|neither a folder nor a"):
        pack_frames(source if source.is_dir() else pipe, tmp_path / "to", "float16", no_report)


@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_the_table_holds_every_video(source, tmp_path, dtype):
    seen = []
    packed = pack_frames(
        source, tmp_path / "to", dtype, lambda done, total: seen.append((done, total))
    )
    assert packed == (3, 12, 5)
    assert seen == [(1, 3), (2, 3), (3, 3)]
    rows, offsets = (
        np.load(tmp_path / "to" / "frames.npy", mmap_mode="r"),
        np.load(tmp_path / "to" / "frames_offsets.npy"),
    )
    names = (tmp_path / "to" / "frames_ids.txt").read_text().splitlines()
    assert names == sorted(VIDEOS)
    assert rows.dtype == dtype
    for number, name in enumerate(names):
        np.testing.assert_array_equal(
            rows[offsets[number] : offsets[number + 1]], VIDEOS[name].astype(dtype)
        )
    assert sorted(path.name for path in (tmp_path / "to").iterdir()) == [
        "frames.npy",
        "frames_ids.txt",
        "frames_offsets.npy",
    ]


def test_a_single_frame_may_be_a_vector(tmp_path):
    np.savez(tmp_path / "v.npz", a=np.ones(4, np.float32), b=np.ones((2, 4)))
    assert pack_frames(tmp_path / "v.npz", tmp_path / "to", "float16", no_report) == (2, 3, 4)


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (
            np.ones((2, 4), np.float32),
            r"video 'z' has an array \(2, 4\) of float32",
        ),
        (np.ones((2, 2, 5), np.float32), "video 'z' has an array"),
        (np.ones((0, 5), np.float32), "video 'z' has an array"),
        (np.ones((2, 5), np.int64), "of int64, expected floats"),
        (np.full((2, 5), np.nan), "video 'z' has a value that is not finite"),
        (np.full((2, 5), 1e6), "too large for float16"),
        (np.array([[None]]), "the array of video 'z' cannot be read"),
    ],
)
def test_a_bad_video_is_named_and_nothing_is_left(tmp_path, array, message):
    np.save(tmp_path / "a.npy", VIDEOS["v3"])
    np.save(tmp_path / "z.npy", array, allow_pickle=True)
    with pytest.raises(DataError, match=message):
        pack_frames(tmp_path, tmp_path / "to", "float16", no_report)
    assert not list((tmp_path / "to").iterdir())


def test_sources_that_hold_no_video(tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "text").write_text("x")
    (tmp_path / "nothing.npz").touch()
    np.save(tmp_path / "one.npy", np.ones(3))
    with pytest.raises(DataError, match="holds no video"):
        pack_frames(tmp_path / "empty", tmp_path / "to", "float16", no_report)
    for name in ("text", "nothing.npz", "missing.npz", "one.npy"):
        with pytest.raises(DataError, match=f"{name} is neither a folder nor a .npz file"):
            pack_frames(tmp_path / name, tmp_path / "to", "float16", no_report)


def test_the_header_is_one_that_numpy_writes(tmp_path):
    pack_frames(_folder(tmp_path), tmp_path / "to", "float16", no_report)
    plain = io.BytesIO()
    np.save(plain, np.load(tmp_path / "to" / "frames.npy"))
    assert (tmp_path / "to" / "frames.npy").read_bytes() == plain.getvalue()


def test_the_command_says_what_it_wrote(tmp_path, capsys):
    with pytest.raises(SystemExit) as ended:
        main(
            ["data", "pack-frames", "--from", str(_folder(tmp_path)), "--to", str(tmp_path / "to")]
        )
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"1 videos, 3 frames of 5 in {tmp_path}/to\n"
    with pytest.raises(SystemExit) as ended:
        main(
            [
                "data",
                "pack-frames",
                "--from",
                str(tmp_path),
                "--to",
                str(tmp_path / "to"),
                "--dtype",
                "float61",
            ]
        )
    assert ended.value.code == 2
    assert "is not one of 'float16', 'float32'" in capsys.readouterr().err


def _folder(tmp_path):
    (tmp_path / "from").mkdir()
    np.save(tmp_path / "from" / "v3.npy", VIDEOS["v3"])
    return tmp_path / "from"
