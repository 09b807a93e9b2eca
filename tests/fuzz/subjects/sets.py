"""Data sets in their layouts, which are opened whole: checked, fingerprinted, their features
read.
"""

from __future__ import annotations

import io
import tarfile
import zipfile
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image
from scipy.io import savemat

from tests.data.files import dataset, write_precomp
from tests.fuzz.reader import Reader
from vsebench.data import frames as frames
from vsebench.data.annotation import mirflickr, nuswide81
from vsebench.data.cache import cache_dir
from vsebench.data.feature_files import open_features
from vsebench.data.feature_table import read_about
from vsebench.data.flickr8k import FEATURES, NAMES, SCALE, SPLITS, TOKENS
from vsebench.data.frames import pack_frames
from vsebench.data.images.decode import decode_rgb
from vsebench.data.images.store import index_tar
from vsebench.data.kept import keep
from vsebench.data.open import open_dataset
from vsebench.data.prepare.audit import audit_features
from vsebench.data.reading import open_npy, read_captions
from vsebench.data.relevance_sets import COLLECTED
from vsebench.plugin import RetrievalData

if TYPE_CHECKING:
    from pathlib import Path


def readers(folder: Path) -> dict[str, Reader]:
    """Their readers, with files written to a folder."""
    folder.mkdir()
    return {
        **_precomp(folder / "precomp"),
        **_raw(folder / "raw"),
        **_flickr8k(folder / "flickr8k"),
        **_frames(folder / "frames"),
        **_annotation(folder / "annotation"),
        **_images(folder / "images"),
        **_cached(),
    }


def _cached() -> dict[str, Reader]:
    """What the cache holds: generated sets, notes and arrays, which are made again where they are
    damaged.
    """
    made = {
        "scenes": ({"images": 20}, ("train_ims.npy", "sha256.json")),
        "tags": ({"images": 64, "labels": 500}, ("train_labels.i4", "dev_offsets.npy")),
    }
    found = {}
    for name, (params, files) in made.items():

        def opened(name: str = name, params: dict[str, int] = params) -> object:
            return _opened(name, cache_dir(), **params)

        opened()
        (place,) = (
            path.parent
            for path in cache_dir().glob(f"{name}-*/sha256.json")
            if open_dataset(dataset(name), params).path == path.parent
        )
        for file in files:
            found[f"generated {name} {file}"] = Reader(place / file, opened, sealed=True)

    def kept() -> object:
        rows = np.arange(12, dtype=np.float16).reshape(3, 4)
        return keep("fuzz", {"of": 1}, (3, 4), lambda: [rows], lambda: None).tolist()

    kept()
    (folder,) = (cache_dir() / "fuzz").iterdir()
    for name in ("values.npy", "about.json"):
        found[f"kept {name}"] = Reader(folder / name, kept, sealed=True)
    return found


def _opened(name: str, root: Path, **params: Any) -> object:
    """What a data set holds, and its fingerprint."""
    opened = open_dataset(dataset(name), params, data_roots=[root], elsewhere=False)
    splits = opened.data.splits.values()
    if isinstance(opened.data, RetrievalData):
        values: list[Any] = [
            (each.captions, each.lengths.tolist(), each.text_to_image.tolist()) for each in splits
        ]
        values += [
            np.asarray(each.features[np.arange(len(each.lengths))]).tobytes()
            for each in splits
            if not hasattr(each.features, "where")  # raw images are decoded to be verified
        ]
        return opened.fingerprint, values
    return opened.fingerprint, [each.positives.labels.tolist() for each in splits]


def _precomp(root: Path) -> dict[str, Reader]:
    write_precomp(root)
    np.save(root / "train_lengths.npy", np.array([3, 1, 2, 3, 3, 2]))
    np.save(root / "train_text_to_image.npy", np.repeat(np.arange(6), 5))
    np.save(root / "vectors.npy", np.ones((4, 6), np.float32))

    def opened() -> object:
        return _opened("precomp", root)

    def features() -> object:
        found = open_features(root / "train_ims.npy")
        return found.features.tobytes(), found.lengths.tolist(), found.names

    (root / "train_ids.txt").write_text("".join(f"{i}\n" for i in range(6)))
    return {
        "npy": Reader(root / "vectors.npy", lambda: open_npy(root / "vectors.npy", ndim=2).sum()),
        "captions": Reader(root / "dev_caps.txt", lambda: read_captions(root / "dev_caps.txt")),
        "table": Reader(root / "train_ims.npy", opened),
        "lengths": Reader(root / "train_lengths.npy", opened),
        "owners": Reader(root / "train_text_to_image.npy", opened),
        "set's captions": Reader(root / "test_caps.txt", opened),
        "features alone": Reader(root / "train_ims.npy", features),
        "names of features": Reader(root / "train_ids.txt", features),
        "audited captions": Reader(
            root / "dev_caps.txt",
            lambda: list(audit_features(root, ["train", "dev", "test"], None, None)),
        ),
    }


def _raw(root: Path) -> dict[str, Reader]:
    """Images in a tar, and a table extracted from them."""
    write_precomp(root)
    names = {stem: [f"{stem}{i}" for i in range(n)] for stem, n in _SIZES.items()}
    for stem, own in names.items():
        (root / f"{stem}_ids.txt").write_text("".join(f"{name}\n" for name in own))
    everyone = [name for own in names.values() for name in own]
    mapping = ", ".join(f'"{name}": "{name}.png"' for name in everyone)
    (root / "id_mapping.json").write_text(f"{{{mapping}}}")
    with tarfile.open(root / "images.tar", "w") as tar:
        for name in everyone:
            content = _image("PNG")
            member = tarfile.TarInfo(f"{name}.png")
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    table = root / "table"
    table.mkdir()
    np.save(table / "features.npy", np.ones((len(everyone), 2, 4), np.float16))
    (table / "images.txt").write_text("".join(f"{name}.png\n" for name in everyone))
    (table / "table.json").write_text("{}")

    def opened() -> object:
        return _opened("precomp", root, features="table")

    return {
        "tar": Reader(root / "images.tar", lambda: index_tar(root / "images.tar")),
        "images of a set": Reader(
            root / "images.tar", lambda: _opened("precomp", root, images="images.tar")
        ),
        "ids": Reader(root / "train_ids.txt", opened),
        "names of files": Reader(root / "id_mapping.json", opened),
        "feature table": Reader(table / "features.npy", opened),
        "names of a table": Reader(table / "images.txt", opened),
        "about a table": Reader(table / "table.json", lambda: read_about(table)),
        "table alone": Reader(table / "features.npy", lambda: open_features(table).names),
    }


_SIZES = {"train": 6, "dev": 3, "test": 4}


def _flickr8k(root: Path) -> dict[str, Reader]:
    root.mkdir()
    names = {"train": ["a.jpg", "b.jpg"], "dev": ["c.jpg"], "test": ["d.jpg", "e.jpg"]}
    everyone = [name for own in names.values() for name in own]
    for split, own in names.items():
        (root / SPLITS[split]).write_text("".join(f"{name}\n" for name in own))
    (root / TOKENS).write_text(
        "".join(f"{name}#{k}\tA thing , number {k} .\n" for name in everyone for k in range(5))
    )
    (root / NAMES).write_text("".join(f"{name}\n" for name in everyone))
    np.save(root / FEATURES, np.arange(5 * 4 * 8, dtype=np.int8).reshape(5, 4, 8))
    np.save(root / SCALE, np.linspace(0.5, 2, 8, dtype=np.float32))
    judged = "".join(f"{name}\td.jpg#{k}\t{k}\t2\t3\n" for name in "de" for k in range(3))
    judgements = root / "ExpertAnnotations.txt"
    judgements.write_text(judged.replace("d\t", "d.jpg\t").replace("e\t", "e.jpg\t"))

    def opened() -> object:
        return _opened("flickr8k", root, dim=8)

    def collected() -> object:
        found = COLLECTED["flickr8k-expert"]([root])
        return found.relevance["i2t"].grades.tolist(), found.ids

    return {
        "flickr8k captions": Reader(root / TOKENS, opened),
        "flickr8k split": Reader(root / SPLITS["train"], opened),
        "flickr8k table": Reader(root / FEATURES, opened),
        "flickr8k scales": Reader(root / SCALE, opened),
        "flickr8k names": Reader(root / NAMES, opened),
        "judgements": Reader(judgements, collected),
    }


def _frames(root: Path) -> dict[str, Reader]:
    videos = {f"v{i}": np.ones((i + 1, 3), np.float32) for i in range(5)}
    root.mkdir()
    archive = root / "videos.npz"
    np.savez(archive, **videos)
    loose = root / "loose"
    loose.mkdir()
    for name, rows in videos.items():
        np.save(loose / f"{name}.npy", rows)
    pack_frames(archive, root, "float16", lambda *_: None)
    (root / frames.CAPTIONS).write_text("".join(f"{name}\ta dog runs\n" for name in videos))
    for split, own in {"train": "012", "dev": "3", "test": "4"}.items():
        (root / frames.SPLITS[split]).write_text("".join(f"v{i}\n" for i in own))

    def opened() -> object:
        return _opened("frames", root)

    def packed(source: Path) -> object:
        return pack_frames(source, root / "again", "float16", lambda *_: None)

    return {
        "frames": Reader(root / frames.ROWS, opened),
        "frame offsets": Reader(root / frames.OFFSETS, opened),
        "video names": Reader(root / frames.IDS, opened),
        "video captions": Reader(root / frames.CAPTIONS, opened),
        "video split": Reader(root / frames.SPLITS["train"], opened),
        "frames to pack": Reader(archive, lambda: packed(archive)),
        "loose frames": Reader(loose / "v2.npy", lambda: packed(loose)),
    }


def _annotation(root: Path) -> dict[str, Reader]:
    root.mkdir()
    rng = np.random.default_rng(0)
    pairs = root / "interactions"
    pairs.mkdir()
    (pairs / "interactions.txt").write_text(
        "".join(f"image{n % 20} label{(n * 7) % 11} 1\n" for n in range(120))
    )
    tags = root / "tags" / mirflickr.FILE
    tags.parent.mkdir()
    savemat(tags, {"YAll": (rng.random((30, 12)) < 0.5).astype(np.uint8)}, do_compression=True)
    loose = root / "loose" / mirflickr.FILE
    loose.parent.mkdir()
    savemat(loose, {"YAll": (rng.random((30, 12)) < 0.5).astype(np.uint8)})
    wide = root / "wide"
    wide.mkdir()
    concepts = ("lake", "sky", "dog", "cat", "sun", "car")
    with zipfile.ZipFile(wide / nuswide81.CONCEPTS, "w") as archive:
        archive.writestr(nuswide81.NAMES, "".join(f"{name}\r\n" for name in concepts))
    with zipfile.ZipFile(wide / nuswide81.TRUTH, "w") as archive:
        for name in concepts:
            for part in nuswide81.PARTS:
                member = f"TrainTestLabels/Labels_{name}_{part}.txt"
                lines = (rng.random(20) < 0.7).astype(int).tolist()
                archive.writestr(member, "".join(f"{line}\n" for line in lines))
    return {
        "interactions": Reader(pairs / "interactions.txt", lambda: _opened("interactions", pairs)),
        "packed matrix": Reader(tags, lambda: _opened("mirflickr", tags.parent)),
        "matrix": Reader(loose, lambda: _opened("mirflickr", loose.parent)),
        "concepts": Reader(wide / nuswide81.CONCEPTS, lambda: _opened("nuswide81", wide)),
        "concept labels": Reader(wide / nuswide81.TRUTH, lambda: _opened("nuswide81", wide)),
    }


def _images(folder: Path) -> dict[str, Reader]:
    folder.mkdir()
    found = {}
    for form in ("PNG", "JPEG", "TIFF", "WEBP", "GIF", "BMP", "PPM"):
        path = folder / f"image.{form.lower()}"
        path.write_bytes(_image(form))
        found[form] = Reader(path, lambda path=path: decode_rgb(path.read_bytes(), "it").tobytes())
    return found


def _image(form: str) -> bytes:
    buffer = io.BytesIO()
    pixels = np.random.default_rng(2).integers(0, 256, (24, 32, 3), np.uint8)
    Image.fromarray(pixels).save(buffer, form)
    return buffer.getvalue()
