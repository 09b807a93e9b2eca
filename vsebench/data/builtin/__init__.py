"""Registers the data sets that come with vsebench; what their cards say is in `captions`, `videos`,
`annotation` and `patterns`, and published results of sets in `baselines`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from vsebench.data.builtin.annotation import register_annotation_sets
from vsebench.data.builtin.captions import register_caption_sets
from vsebench.data.builtin.patterns import register_pattern_sets
from vsebench.data.builtin.videos import register_video_sets
from vsebench.plugin import hookimpl

if TYPE_CHECKING:
    from vsebench.plugin import Register


@hookimpl
def vsebench_register_datasets(register: Register) -> None:
    """Registers the sets of images with captions, of videos, of images with labels, and of random
    vectors.
    """
    register_caption_sets(register)
    register_video_sets(register)
    register_annotation_sets(register)
    register_pattern_sets(register)
