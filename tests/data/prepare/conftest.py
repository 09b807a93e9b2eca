from __future__ import annotations

import pytest

from tests.data.prepare import inputs


@pytest.fixture
def images(tmp_path):
    return inputs.write_json(tmp_path / "in")


@pytest.fixture
def names(images):
    return [inputs.stem_of(entry) for entry in images]


@pytest.fixture
def arrays(tmp_path, images, names):
    """A folder of `.npz` files."""
    inputs.write_arrays(tmp_path / "in", names, inputs.make_features(images), "features")
    return tmp_path / "in"
