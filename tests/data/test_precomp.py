from __future__ import annotations

import numpy as np
import pytest

from tests.data.files import write_precomp, write_split
from vsebench.data.precomp import Precomp
from vsebench.plugin import DataError


def test_rows_stored_once_or_five_times_read_alike(tmp_path):
    once = {
        stem: write_split(tmp_path / "once", stem, n)
        for stem, n in (("train", 6), ("dev", 3), ("test", 4))
    }
    for stem, features in once.items():
        write_split(tmp_path / "five", stem, len(features), copies=5)
    for folder in ("once", "five"):
        splits = Precomp().load(tmp_path / folder).splits
        assert list(splits) == ["train", "dev", "test"]
        for name, split in splits.items():
            images = len(once[name])
            np.testing.assert_array_equal(split.features[np.arange(images)], once[name])
            np.testing.assert_array_equal(split.features[np.array([2, 0])], once[name][[2, 0]])
            np.testing.assert_array_equal(split.lengths, np.full(images, 3))
            assert split.text_to_image.tolist() == [i for i in range(images) for _ in range(5)]
            assert split.captions[6] == "a picture 6 of thing 1"
            assert isinstance(split.features, np.memmap)


def test_testall_is_read_for_coco(tmp_path):
    write_precomp(tmp_path, (6, 3, 4), test="testall")
    assert len(Precomp("testall").load(tmp_path).splits["test"].lengths) == 4
    assert {f.name for f in Precomp("testall").files(tmp_path)} == {
        f"{s}_{k}" for s in ("train", "dev", "testall") for k in ("ims.npy", "caps.txt")
    }
    with pytest.raises(DataError, match=r"test_caps\.txt is missing"):
        Precomp().load(tmp_path)


@pytest.mark.parametrize("copies", [1, 5])
def test_dev_is_its_first_thousand_images(tmp_path, copies):
    write_precomp(tmp_path)
    features = write_split(tmp_path, "dev", 1014, copies=copies)
    dev = Precomp().load(tmp_path).splits["dev"]
    assert (dev.features.shape, len(dev.captions), len(dev.lengths)) == ((1000, 3, 4), 5000, 1000)
    np.testing.assert_array_equal(dev.features[np.array([999])], features[[999]])
    assert dev.captions[-1] == "a picture 4999 of thing 999"
    assert dev.text_to_image[-1] == 999


@pytest.mark.parametrize(
    ("rows", "captions", "message"),
    [
        (
            4,
            21,
            r"test_ims\.npy has 4 rows .* 21 captions",
        ),
        (4, 0, r"test_caps\.txt has 0 captions"),
        (
            3,
            20,
            r"test_ims\.npy has 3 rows .* 20 captions .*expected 4 ",
        ),
        (21, 20, r"test_ims\.npy has 21 rows for the 20 captions"),
        (20, 20, r"rows 0 to 4 differ"),
    ],
)
def test_counts_that_do_not_agree(tmp_path, rows, captions, message):
    write_precomp(tmp_path)
    np.save(
        tmp_path / "test_ims.npy",
        np.random.default_rng(0).standard_normal((rows, 3, 4)).astype(np.float32),
    )
    (tmp_path / "test_caps.txt").write_text("a dog\n" * captions)
    with pytest.raises(DataError, match=message) as error:
        Precomp().load(tmp_path)
    assert "\n" not in str(error.value)


def test_rows_out_of_step_are_found_at_the_end(tmp_path):
    write_precomp(tmp_path)
    path = tmp_path / "test_ims.npy"
    rows = np.load(path)
    rows[-1] += 1
    np.save(path, rows)
    with pytest.raises(DataError, match="rows 15 to 19 differ"):
        Precomp().load(tmp_path)


def test_a_missing_a_truncated_and_an_unreadable_file(tmp_path):
    write_precomp(tmp_path)
    ims = tmp_path / "dev_ims.npy"
    whole = ims.read_bytes()
    ims.write_bytes(whole[:-1])
    with pytest.raises(DataError, match=r"dev_ims\.npy is truncated"):
        Precomp().load(tmp_path)
    ims.unlink()
    with pytest.raises(DataError, match=r"dev_ims\.npy is missing"):
        Precomp().load(tmp_path)
    ims.write_bytes(whole)
    caps = tmp_path / "dev_caps.txt"
    caps.write_bytes(caps.read_bytes().replace(b"picture 7", b"caf\xe9 7"))
    with pytest.raises(DataError, match=r"dev_caps\.txt, line 8, is not UTF-8"):
        Precomp().load(tmp_path)
    caps.write_text("a dog\n\n" + "a cat\n" * 13)
    with pytest.raises(DataError, match=r"dev_caps\.txt, line 2, is an empty caption"):
        Precomp().load(tmp_path)


def test_lengths_beside_the_table_say_what_is_padding(tmp_path):
    write_precomp(tmp_path)
    assert not any("lengths" in file.name for file in Precomp().files(tmp_path))
    np.save(tmp_path / "dev_lengths.npy", np.array([3, 1, 2], np.int32))
    splits = Precomp().load(tmp_path).splits
    assert splits["dev"].lengths.tolist() == [3, 1, 2]
    assert splits["dev"].lengths.dtype == np.int64
    assert splits["test"].lengths.tolist() == [3] * 4
    assert tmp_path / "dev_lengths.npy" in Precomp().files(tmp_path)
    np.save(tmp_path / "dev_lengths.npy", np.array([3, 1]))
    with pytest.raises(
        DataError,
        match=r"dev_lengths\.npy has 2 lengths .*, expected 3 \(one",
    ):
        Precomp().load(tmp_path)


def test_a_huge_file_is_never_read_whole(tmp_path):
    """20 GB, nearly all of it a hole: reading it would fail for want of time and memory."""
    write_precomp(tmp_path)
    images = 68_000
    with (tmp_path / "train_ims.npy").open("wb") as file:
        np.lib.format.write_array_header_1_0(
            file, {"descr": "<f4", "fortran_order": False, "shape": (images, 36, 2048)}
        )
        file.truncate(file.tell() + images * 36 * 2048 * 4)
    (tmp_path / "train_caps.txt").write_text("a dog\n" * 5 * images)
    for stem, n in (("dev", 3), ("test", 4)):
        np.save(tmp_path / f"{stem}_ims.npy", np.zeros((n, 36, 2048), np.float32))
    train = Precomp().load(tmp_path).splits["train"]
    assert train.features.shape == (images, 36, 2048)
    assert train.features[np.array([0, images - 1])].sum() == 0
