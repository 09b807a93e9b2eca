"""Finished runs and cached sets are told apart by the version on the card, so a changed generator
must raise it.
"""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from tests.data.files import dataset
from vsebench.data.scenes.blocks import Options, camera, generate

KNOWN = {"1": ("48a2800991873f17", 0.6977223)}
"""What each version makes: a digest of the first block's captions and lengths, and the mean of its
squared features.
"""


def test_what_is_generated_changes_with_the_version_only():
    block = generate(Options(), "train", 0)
    digest = hashlib.sha256(
        "\n".join([*block.captions, *map(str, block.lengths)]).encode()
    ).hexdigest()[:16]
    power = float(np.square(camera(Options()).features(block).astype(np.float64)).mean())
    expected = KNOWN.get(dataset("scenes").card.version)
    changed = (
        "the generator has changed: raise the version on the card of 'scenes', and note its "
        "figures here"
    )
    assert expected == (digest, pytest.approx(power, rel=1e-5)), changed
