from __future__ import annotations

import numpy as np
import pytest

from tests.data.files import dataset
from vsebench.data import frames as frames_format
from vsebench.data.clips import Clips
from vsebench.data.feature_arrays import RaggedFeatures
from vsebench.data.frames import Frames
from vsebench.data.open import open_dataset
from vsebench.plugin import DataError, FeatureArray

COUNTS = [3, 1, 7, 2, 5, 4]
ROWS = np.random.default_rng(0).standard_normal((sum(COUNTS), 4)).astype(np.float16)
OFFSETS = np.cumsum([0, *COUNTS])
VIDEOS = [f"v{number}" for number in range(6)]


def naive(videos: list[int], longest: int) -> np.ndarray:
    """Frame by frame; the frames of a longer video are the middles of equal pieces."""
    out = np.zeros((len(videos), longest, 4), np.float16)
    for place, video in enumerate(videos):
        count = COUNTS[video]
        for k in range(min(count, longest)):
            frame = k if count <= longest else int((k + 0.5) * count / longest)
            out[place, k] = ROWS[OFFSETS[video] + frame]
    return out


@pytest.mark.parametrize("longest", [1, 2, 4, 7, 9])
def test_reading_pads_and_thins_out(longest):
    features = RaggedFeatures(ROWS, OFFSETS[:-1], np.diff(OFFSETS), longest)
    assert isinstance(features, FeatureArray)
    assert features.shape == (6, longest, 4)
    assert features.lengths.tolist() == [min(count, longest) for count in COUNTS]
    for index in (np.array([4, 0, 4]), np.array([], np.int64), slice(1, 4), slice(None, None, 2)):
        videos = np.arange(6)[index].tolist()
        found = features[index]
        assert found.dtype == np.float16
        np.testing.assert_array_equal(found, naive(videos, longest))


def test_thinned_frames_are_distinct_and_in_order():
    for count in range(1, 40):
        rows = np.arange(count, dtype=np.float32)[:, None]
        for longest in range(1, count + 1):
            (frames,) = RaggedFeatures(rows, np.array([0]), np.array([count]), longest)[
                np.array([0])
            ]
            assert (np.diff(frames[:, 0]) > 0).all()
            # As much left out before as behind
            assert frames[0, 0] + frames[-1, 0] in (
                count - 2,
                count - 1,
                count,
            )


@pytest.fixture
def root(tmp_path):
    np.save(tmp_path / frames_format.ROWS, ROWS)
    np.save(tmp_path / frames_format.OFFSETS, OFFSETS)
    (tmp_path / frames_format.IDS).write_text("\n".join(VIDEOS) + "\n")
    for split, names in {"train": "v4 v0 v2", "dev": "v5", "test": "v1"}.items():
        (tmp_path / f"{split}_ids.txt").write_text(names.replace(" ", "\n") + "\n")
    lines = [
        "v0\ta dog",
        "v4\ta cat runs",
        "zz\tof no split",
        "v0\ttwo dogs",
        "v2\ta man",
        "v1\tone",
        "v5\tfive",
        "v4\tcats\tand a tab",
    ]
    (tmp_path / frames_format.CAPTIONS).write_text("\n".join(lines) + "\n")
    return tmp_path


def test_splits_have_their_videos_and_any_number_of_captions(root):
    splits = Frames(max_frames=4).load(root).splits
    train = splits["train"]
    np.testing.assert_array_equal(train.features[np.arange(3)], naive([4, 0, 2], 4))
    assert train.lengths.tolist() == [4, 3, 4]
    assert train.captions == ["a cat runs", "cats\tand a tab", "a dog", "two dogs", "a man"]
    assert train.text_to_image.tolist() == [0, 0, 1, 1, 2]
    assert splits["test"].features.shape == (1, 1, 4)
    assert isinstance(train.features.rows, np.memmap)
    opened = open_dataset(dataset("frames"), {}, data_roots=[root])
    assert opened.data.splits["dev"].lengths.tolist() == [4]
    assert opened.warnings == ()


def _edit(name, old, new):
    def edit(root):
        text = (root / name).read_text()
        assert old in text
        (root / name).write_text(text.replace(old, new, 1))

    return edit


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (
            _edit("captions.txt", "v0\ta dog", "v0 a dog"),
            r"captions\.txt, line 1, is 'v0 a dog'",
        ),
        (
            _edit("captions.txt", "v5\tfive", "v5\t . "),
            r"captions\.txt, line 7, is an empty caption",
        ),
        (_edit("captions.txt", "v5\tfive", "v6\tfive"), r"captions\.txt has no caption of 'v5'"),
        (
            _edit("test_ids.txt", "v1", "v0"),
            r"test_ids\.txt lists 'v0', which train_ids\.txt lists too",
        ),
        (
            _edit("test_ids.txt", "v1", "v1\nv1"),
            r"test_ids\.txt lists 'v1', which test_ids\.txt lists too",
        ),
        (
            _edit("test_ids.txt", "v1", "v7"),
            r"test_ids\.txt lists 'v7', which frames_ids\.txt does not",
        ),
        (_edit("dev_ids.txt", "v5\n", ""), r"dev_ids\.txt is empty"),
        (_edit("frames_ids.txt", "v3\n", ""), r"frames_offsets\.npy has 7 values, expected 6"),
        (_edit("frames_ids.txt", "v3", "v2"), r"frames_ids\.txt lists 'v2' twice"),
        (
            lambda root: np.save(root / "frames_offsets.npy", OFFSETS + 1),
            r"runs from 1 to 23, expected 0 to 22",
        ),
        (
            lambda root: np.save(root / "frames_offsets.npy", np.minimum(OFFSETS, 21)),
            r"runs from 0 to 21, expected 0 to 22",
        ),
        (
            lambda root: np.save(root / "frames_offsets.npy", [0, 3, 3, 11, 13, 18, 22]),
            r"gives 'v1' no frame \(from 3 to 3\)",
        ),
        (
            lambda root: np.save(root / "frames_offsets.npy", [0, 3, 2, 11, 13, 18, 22]),
            r"gives 'v1' no frame",
        ),
        (
            lambda root: np.save(root / "frames.npy", ROWS[None]),
            r"frames\.npy has shape \(1, 22, 4\)",
        ),
        (lambda root: (root / "captions.txt").unlink(), r"captions\.txt is missing"),
    ],
)
def test_damaged_files_are_named(root, damage, message):
    damage(root)
    with pytest.raises(DataError, match=message) as error:
        Frames().load(root)
    assert "\n" not in str(error.value)


def test_values_that_are_not_finite_are_found_by_their_frame(root):
    rows = ROWS.copy()
    rows[12, 1] = np.nan
    np.save(root / "frames.npy", rows)
    with pytest.raises(DataError, match=r"frames\.npy .*not finite .*row 12\b"):
        open_dataset(dataset("frames"), {}, data_roots=[root])


def test_published_counts_are_checked(root):
    assert dataset("msrvtt").card.counts_for({}) == {
        "train": (6573, 20 * 6573),
        "dev": (497, 20 * 497),
        "test": (2990, 20 * 2990),
    }
    assert dataset("vatex").card.counts_for({}) == {
        "train": (25991, 259910),
        "dev": (1500, 15000),
        "test": (1500, 15000),
    }
    opened = open_dataset(dataset("msrvtt"), {}, data_roots=[root])
    assert opened.warnings[0] == "train has 3 images and 5 captions, published are 6573 and 131460"
    with pytest.raises(DataError, match="is not the published one"):
        open_dataset(dataset("vatex"), {}, data_roots=[root], strict=True)


def test_clips_are_a_function_of_seed_split_and_number(tmp_path):
    small, large = Clips(videos=9, frames=6, dim=5), Clips(videos=900, frames=6, dim=5)
    data = small.load(tmp_path / "clips")
    train = data.splits["train"]
    assert {name: len(split.lengths) for name, split in data.splits.items()} == {
        "train": 9,
        "dev": 50,
        "test": 50,
    }
    assert {len(small.clip("test", number).frames) for number in range(300)} == set(range(1, 7))
    for number in range(9):
        clip = large.clip("train", number)
        np.testing.assert_array_equal(
            train.features[np.array([number])][0, : len(clip.frames)],
            clip.frames.astype(np.float16),
        )
        assert [
            c
            for c, owner in zip(train.captions, train.text_to_image, strict=True)
            if owner == number
        ] == clip.captions
        assert 3 <= len(clip.captions) <= 7
    other = Clips(videos=9, frames=6, dim=5, seed=1)
    assert other.clip("train", 0).captions != small.clip("train", 0).captions
    assert small.clip("dev", 0).captions != small.clip("train", 0).captions


def test_every_third_clip_is_its_predecessor_in_reverse():
    clips = Clips()
    for number in range(2, 60, 3):
        one, twin = clips.clip("train", number - 1), clips.clip("train", number)
        assert (one.actor, one.place) == (twin.actor, twin.place)
        assert one.actions == twin.actions[::-1]
        assert len(one.actions) >= 2
