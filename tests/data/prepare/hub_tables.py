"""Tables of images and captions in the forms in which the Hugging Face Hub has them."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

SPLITS = {"train": (0, 1, 2, 3), "validation": (4, 5), "test": (6, 7, 8)}
STEMS = {"train": "train", "validation": "dev", "test": "test"}
COUNTS = (2, 1, 3, 1, 1, 2, 4, 1, 1)


def photo(number: int, kind: str = "JPEG") -> bytes:
    values = np.random.default_rng(number).integers(0, 255, (12, 10, 3), np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(values).save(buffer, kind)
    return buffer.getvalue()


def texts(number: int) -> list[str]:
    return [f"caption {k} of {number}" for k in range(COUNTS[number])]


def row(number: int, form: str) -> list[dict[str, object]]:
    """The rows of an image, in a form."""
    stored = {"bytes": photo(number), "path": f"p{number}.jpg"}
    match form:
        case "lists":
            return [{"image": stored, "captions": texts(number), "image_id": 100 + number}]
        case "records":
            records = [{"raw": text, "sentid": 1} for text in texts(number)]
            return [{"image": stored, "sentences": records, "filename": f"f {number}.jpg"}]
        case "rows":
            return [{"image": stored, "text": text} for text in texts(number)]
        case "bytes":
            return [{"jpg": photo(number), "caption": text} for text in texts(number)]
        case "columns":
            columns = dict.fromkeys((f"caption_{k}" for k in range(4)), None)
            captions = {f"caption_{k}": text for k, text in enumerate(texts(number))}
            return [{"image": stored, **columns, **captions}]
        case "one record":
            return [{"image": stored, "sentences": {"raw": text}} for text in texts(number)]
    raise ValueError(form)


NAMES = {
    "lists": lambda n: f"{100 + n}",
    "records": lambda n: f"f_{n}.jpg",
    "rows": lambda n: f"p{n}.jpg",
    "bytes": lambda n: hashlib.sha256(photo(n)).hexdigest()[:16],
    "columns": lambda n: f"p{n}.jpg",
    "one record": lambda n: f"p{n}.jpg",
}


def write(folder, form, layout="data/{split}-00000-of-00001.parquet"):
    for split, numbers in SPLITS.items():
        rows = [each for number in numbers for each in row(number, form)]
        path = folder / layout.format(split=split)
        path.parent.mkdir(parents=True, exist_ok=True)
        table = pa.Table.from_pylist(rows)
        if path.suffix == ".parquet":
            pq.write_table(table, path, row_group_size=2)
        else:
            with (
                pa.OSFile(str(path), "wb") as file,
                pa.ipc.new_stream(file, table.schema) as stream,
            ):
                stream.write_table(table, max_chunksize=3)
    return folder


def check(tmp_path, name):
    """Compares captions, ids and images with what was written."""
    out = tmp_path / "out"
    mapping = json.loads((out / "id_mapping.json").read_text())
    with tarfile.open(out / "images.tar", "r:") as tar:
        stored = {member.name: tar.extractfile(member).read() for member in tar}
    assert len(stored) == len(COUNTS)
    for split, numbers in SPLITS.items():
        stem = STEMS[split]
        assert (out / f"{stem}_caps.txt").read_text().splitlines() == [
            text for number in numbers for text in texts(number)
        ]
        owner = np.load(out / f"{stem}_text_to_image.npy").tolist()
        assert owner == [i for i, number in enumerate(numbers) for _ in texts(number)]
        ids = (out / f"{stem}_ids.txt").read_text().splitlines()
        assert ids == [name(number) for number in numbers]
        assert [stored[mapping[each]] for each in ids] == [photo(number) for number in numbers]
